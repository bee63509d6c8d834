"""The commands around what serves: one home, from the first version to an audit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from handmade import forge, register, stored, write_bundle
from typer.testing import CliRunner, Result

from runlore.cli import app
from runlore.features.keys import KeyParts
from runlore.kernel import instants
from runlore.kernel.errors import Refused
from runlore.models.bundle import Bundle
from runlore.registry import connect
from runlore.serving.actions import promotion, states
from runlore.serving.actions.prediction import Predictor, Request
from runlore.serving.actions.prediction_commit import predict
from runlore.settings import Settings
from runlore.store.engine import open_store

pytestmark = pytest.mark.slow
NAME = "failure-risk"


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A champion that has answered once, and a challenger."""
    with open_store(settings) as store:
        registry = connect(settings, store)
        for seed in (1, 2):
            folder = write_bundle(tmp_path / str(seed), NAME, seed)
            ref = register(registry, folder)
            promotion.announce(store, registry, ref, promotion.ChangeReason("ann", "passed"))
        predictor = Predictor(Bundle.load(tmp_path / "1", "1"))
        states.activate(store, predictor.bundle.plan)
        predict(store, predictor, [Request(KeyParts("ann", "b", "", {}))], instants.now())
        yield settings


def run(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == code, done.output
    return done


def told(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_from_the_first_version_to_an_audit(home: Settings, tmp_path: Path) -> None:
    places = {each["version"]: each["aliases"] for each in told("versions", NAME)["versions"]}
    assert places == {"1": ["champion"], "2": ["challenger"]}
    arms = told("arms", NAME, "--share", "0.25", "--reason", "trial")
    assert arms["evidence"] == {"share": 0.25, "unit": "actor", "shadow": False}
    promoted = told("promote", NAME, "--reason", "better")
    assert (promoted["version"], promoted["previous"], promoted["workers"]) == ("2", "1", 0)
    shown = run("versions", NAME).stdout
    assert "promote @champion" in shown
    assert "better" in shown
    assert "earlier" not in shown
    assert "3 earlier changes: --limit 5 shows" in run("versions", NAME, "--limit", "2").stdout
    assert told("rollback", NAME, "--reason", "worse")["version"] == "1"
    assert "nothing to roll back to" in str(
        run("rollback", NAME, "--reason", "again", code=1).exception
    )
    before = told("versions", NAME, "--as-of", promoted["at"])["changes"]
    assert {c["alias"]: c["version"] for c in before}["champion"] == "2"
    assert (told("audit")["rows"], told("audit")["wrong"]) == (6, [])
    [skew] = told("skew", NAME)["comparisons"]
    assert skew["different"] == 0
    assert {each["changed"] for each in told("features", "rebuild")["histories"]} == {0}
    [row] = told("ledger", "show", "--limit", "1")["rows"]
    assert (row["spec"], row["version"], row["status"]) == (NAME, "1", 200)
    again = told("ledger", "replay", row["id"])
    assert again["is_same"]
    assert again["again"] == pytest.approx(row["prediction"], rel=1e-6)
    assert "1 rows" in run("ledger", "export", str(tmp_path / "all.csv")).output
    assert "dropped nothing" in run("ledger", "prune", "--days", "30").output


def test_an_audit_finds_a_champion_that_was_forged(home: Settings) -> None:
    with open_store(home) as store:
        ref = connect(home, store).champion(NAME)
    assert ref is not None
    forged = forge(stored(ref))
    found = run("audit", code=1).output
    assert f"registered {ref.digest[:12]}, found {forged[:12]}" in found
    assert "2 versions in use, 1 differ from what was registered" in found
    assert "tampering" in run("alerts").output


def test_what_is_refused_is_told(home: Settings) -> None:
    done = run("promote", NAME, "--version", "1", "--reason", "why not", code=1)
    assert isinstance(done.exception, Refused)
    assert "champion already" in str(done.exception)
