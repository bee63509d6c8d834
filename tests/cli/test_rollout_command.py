"""`runlore rollout` from the first unit to the last word."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from handmade import register, write_bundle
from typer.testing import CliRunner, Result

from runlore.cli import app
from runlore.kernel import instants
from runlore.kernel.errors import Refused
from runlore.registry import connect
from runlore.rollout.actions import steps
from runlore.rollout.actions.steps import RolloutContext
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import ChangeReason
from runlore.settings import Settings
from runlore.store.engine import open_store
from tests.rollout.traffic import SPEC, Traffic, Version

pytestmark = pytest.mark.slow
NAME = SPEC.name
OWN = "tests.rollout.traffic:SPEC"


@pytest.fixture
def home(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Two versions, and a rollout that began three hours ago and has had an hour of traffic."""
    monkeypatch.setenv("RUNLORE_SPECS", json.dumps([OWN]))
    began = instants.now() - timedelta(hours=3)
    with open_store(settings) as store:
        registry = connect(settings, store)
        for seed in (1, 2):
            ref = register(registry, write_bundle(tmp_path / str(seed), NAME, seed))
            promotion.announce(store, registry, ref, ChangeReason("ann", "passed"))
        hand = RolloutContext(store, registry, settings.home / "serving")
        steps.start(hand, SPEC, began, ChangeReason("ann", "trial"))
        answers = {"champion": Version(), "challenger": Version()}
        traffic = Traffic(store, {"champion": "1", "challenger": "2"}, ref.digest, answers)
        traffic.run(began + timedelta(minutes=2), 4_000)
        yield settings


def run(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["rollout", *arguments])
    assert done.exit_code == code, done.output
    return done


def told(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_a_rollout_is_seen_looked_at_held_stepped_drawn_and_stopped(
    home: Settings, tmp_path: Path
) -> None:
    seen = told("status", NAME)
    assert (seen["step"], seen["is_over"], seen["now"]["action"]) == (20, False, "advance")
    brier = seen["metrics"][0]
    assert brier["metric"] == "brier"
    assert sum(brier["units"]) == 4_000
    assert "Evidence so far" in run("status", NAME).stdout
    looked = told("look", NAME)
    assert (looked["action"], looked["step"]) == ("advance", 50)
    held = told("override", NAME, "hold", "--reason", "lunch", "--as", "bob")
    assert held["paused_by"] == "bob"
    told("override", NAME, "resume", "--reason", "back")
    assert told("step", NAME, "20", "--reason", "slower")["step"] == 20
    picture = tmp_path / "ramp.svg"
    assert "advance" in run("history", NAME, "--plot", str(picture)).stdout
    assert picture.read_text().startswith("<?xml")
    assert told("stop", NAME, "--reason", "enough")["is_over"]
    assert told("history", NAME)["decisions"][-1]["action"] == "stop"
    assert run("look", NAME, code=1).exit_code == 1
    refused = run("stop", NAME, "--reason", "again", code=1)
    assert isinstance(refused.exception, Refused)
    assert told("start", NAME, "--reason", "once more")["step"] == 20
    assert told("override", NAME, "promote", "--reason", "I know")["action"] == "promote"
