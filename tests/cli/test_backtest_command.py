"""`runlore backtest` on a simulated log, from the file to the plots."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from runlore.cli import app
from runlore.kernel.errors import RunloreError
from runlore.settings import Settings
from runlore.store.engine import open_store

pytestmark = pytest.mark.slow
SMALL = ("--candidate", "linear", "--rows", "2500")


@pytest.fixture
def log(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """A home with a simulated log; its server runs until the end."""
    folder = tmp_path / "log"
    with open_store(settings):
        invoke("simulate", str(folder), "--executions", "3000", "--days", "60")
        file, mapping = (folder / f"simulated-{n}" for n in ("executions.csv", "mapping.json"))
        invoke("ingest", "csv", str(file), "--mapping", str(mapping))
        yield


def invoke(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, done.output
    return done


def told(*arguments: str) -> Any:
    return json.loads(invoke(*arguments, "--json").stdout.splitlines()[-1])


@pytest.mark.usefixtures("log")
def test_policies_are_replayed_compared_and_drawn(tmp_path: Path) -> None:
    plots = ("--plots", str(tmp_path / "plots"))
    outcome = told("backtest", "failure-risk", "--policy", "static,weekly", *SMALL, *plots)
    policies = outcome["policies"]
    assert policies["static"]["retrainings"] == 0
    assert policies["weekly"]["retrainings"] == len(policies["weekly"]["history"]) > 0
    assert policies["weekly"]["cpu_s"] > policies["static"]["cpu_s"] > 0
    gain = outcome["standings"]["weekly"]["gains"]["log_loss"]["static"]
    assert gain["low"] <= gain["value"] <= gain["high"]
    for path in map(Path, outcome["plots"]):
        assert path.parent == tmp_path / "plots"
        assert path.read_bytes().startswith(b"\x89PNG")
    shown = invoke("backtest", "failure-risk", "--policy", "static,weekly", *SMALL, *plots).stdout
    numbers = [f"{gain[each]:.4f}" for each in ("value", "low", "high")]
    assert ["weekly", "static", *numbers] in [line.split() for line in shown.splitlines()]


@pytest.mark.usefixtures("log")
def test_what_cannot_be_replayed_is_told_before_anything_is_trained() -> None:
    assert "give some of baseline, linear" in refused("--candidate", "crystal-ball")
    assert "yearly" in refused("--policy", "yearly", *SMALL)
    assert "give a shorter --window-days" in refused("--window-days", "30", *SMALL)


def refused(*arguments: str) -> str:
    error = invoke("backtest", "failure-risk", *arguments, code=1).exception
    assert isinstance(error, RunloreError)
    return str(error)
