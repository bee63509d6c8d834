"""`runlore train` over several specs: one that is refused keeps no other from its training."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runlore.cli import app
from runlore.kernel.errors import NoChampion
from runlore.settings import Settings, read
from runlore.store.engine import open_store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home() -> Iterator[None]:
    """A log in which nobody does what the first spec speaks of."""
    folder = Path(tempfile.mkdtemp(prefix="rl-"))
    wanted = [f"tests.flows.quick_specs:{name}" for name in ("NOBODY", "LENGTH")]
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(f"RUNLORE_{name.upper()}", raising=False)
        patch.setenv("RUNLORE_HOME", str(folder))
        patch.setenv("RUNLORE_SPECS", json.dumps(wanted))
        with open_store(read()):
            made = ("simulate", str(folder), "--executions", "2000", "--days", "60")
            assert CliRunner().invoke(app, made).exit_code == 0
            file, mapping = (folder / f"simulated-{n}" for n in ("executions.csv", "mapping.json"))
            given = ("ingest", "csv", str(file), "--mapping", str(mapping))
            assert CliRunner().invoke(app, given).exit_code == 0
            yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.usefixtures("home")
def test_every_spec_is_trained_and_told_though_the_first_is_refused() -> None:
    done = CliRunner().invoke(app, ["train"])
    assert done.exit_code == 1, (done.output, done.exception)
    refusal = "runlore: nobody-risk: Nothing is trained: needs at least"
    assert refusal in done.stderr
    assert "quick-length: Version 1 is @champion: relative accuracy " in done.stdout
    assert "mean absolute error" in done.stdout


@pytest.mark.usefixtures("home")
def test_a_source_may_be_chosen_and_the_output_names_it() -> None:
    unknown = CliRunner().invoke(app, ["train", "quick-length", "--source", "sap"])
    assert unknown.exit_code == 1
    assert "'sap'" in str(unknown.exception)
    assert "sources: simulated" in str(unknown.exception)
    done = CliRunner().invoke(app, ["train", "quick-length", "--source", "simulated"])
    assert "learned from source simulated" in done.stdout, (done.output, done.exception)


@pytest.mark.usefixtures("home")
def test_scoring_with_what_was_never_trained_is_an_error() -> None:
    done = CliRunner().invoke(app, ["score", "nobody-risk"])
    assert done.exit_code == 1
    assert isinstance(done.exception, NoChampion)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("home")
def test_at_once_too() -> None:
    done = CliRunner().invoke(app, ["train", "--at-once", "--json"])
    assert done.exit_code == 1, (done.output, done.exception)
    told = json.loads(done.stdout.splitlines()[-1])
    refused, trained = told["nobody-risk"], told["quick-length"]
    assert (refused["passed"], refused["version"], refused["candidate"]) == (False, None, "")
    assert "found 0" in refused["reasons"][0]
    assert trained["candidate"] in ("baseline", "linear")
    assert trained["scores"]["mae"] > 0
