"""A look that is killed in the middle of its transaction leaves nothing half done."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from handmade import register, write_bundle
from sqlalchemy import text

from runlore.kernel import instants
from runlore.registry import connect
from runlore.rollout.actions import steps
from runlore.rollout.actions.steps import RolloutContext
from runlore.rollout.queries import rollouts
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import ChangeReason
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.rollout.traffic import HOUR, SPEC, Traffic, Version

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
NAME = SPEC.name
BEGAN = instants.parse("2026-03-02T08:00:00Z")
LOOK = """
import sys
from pathlib import Path
from runlore.kernel import instants as instant
from runlore.registry import connect
from runlore.settings import Settings
from runlore.store import engine
from runlore.rollout.queries import rollouts
from runlore.rollout.actions import steps as rollout
from tests.rollout.traffic import SPEC

add = rollouts.add_decision

def written_and_waiting(connection, new):
    added = add(connection, new)
    print("written", flush=True)
    sys.stdin.readline()
    return added

rollouts.add_decision = written_and_waiting
store = engine.connect(sys.argv[1])
folder = Path(sys.argv[2])
hand = rollout.RolloutContext(store, connect(Settings(home=folder), store), folder)
rollout.look(hand, SPEC, instant.parse(sys.argv[3], "at"))
"""


def killed_look(hand: RolloutContext, folder: Path, at: str) -> None:
    """Killed when share and decision are written, and nothing is committed yet."""
    with subprocess.Popen(
        [sys.executable, "-c", LOOK, hand.store.url, str(folder), at],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)


def test_a_look_killed_halfway_is_made_again_whole(store: Store, tmp_path: Path) -> None:
    hand = RolloutContext(store, connect(Settings(home=tmp_path), store), tmp_path)
    refs = [
        register(hand.registry, write_bundle(tmp_path / f"{n}", NAME, 7_101 + n)) for n in (0, 1)
    ]
    for alias, ref in zip(promotion.ALIASES, refs, strict=True):
        hand.registry.set_alias(NAME, alias, ref.version)
    steps.start(hand, SPEC, BEGAN, ChangeReason("ann", "trial"))
    versions = {alias: ref.version for alias, ref in zip(promotion.ALIASES, refs, strict=True)}
    answers = dict.fromkeys(promotion.ALIASES, Version())
    traffic = Traffic(store, versions, refs[1].digest, answers)
    traffic.run(BEGAN + timedelta(minutes=2), 4_000, timedelta(minutes=50))
    killed_look(hand, tmp_path, (BEGAN + HOUR).isoformat())
    with store.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM runlore.rollout_decisions")) == 1
    assert promotion.arms(store)[NAME].share == 0.2
    looked = steps.look(hand, SPEC, BEGAN + HOUR)
    assert looked is not None
    assert (looked.state.newest.action, promotion.arms(store)[NAME].share) == ("advance", 0.5)
    with store.begin() as connection:
        assert len(rollouts.history(connection, looked.state.rollout.id)) == 2
    assert promotion.audit(store) == []
    for alias in promotion.ALIASES:
        hand.registry.remove_alias(NAME, alias)
