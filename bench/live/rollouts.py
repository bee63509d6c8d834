"""How do rollouts end when they run on a real ledger, and how long does a look take?

    PYTHONPATH=.:tests python bench/live/rollouts.py [--runs 10] [--units 100000]

An embedded PostgreSQL, a registry, and simulated requests every hour: each is assigned by the hash
and the share in force, answered by one of two simulated versions, and its work fails or not. After
each hour the use case looks, decides and carries out, as the flow does. One JSON object per line.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from handmade import register, write_bundle

from runlore.kernel import instants
from runlore.registry import connect
from runlore.rollout.actions import steps
from runlore.rollout.actions.steps import RolloutContext
from runlore.rollout.rules.ramp import ManualOrder
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import CHALLENGER, CHAMPION, ChangeReason
from runlore.settings import Settings
from runlore.store.engine import open_store
from tests.rollout.traffic import HOUR, SPEC, Traffic, Version

WHO = ChangeReason("bench", "to see how it ends")
BEGAN = instants.parse("2026-01-05T00:00:00Z")
APART = timedelta(days=3)
PER_HOUR, MOST_HOURS = 4_000, 40
STEPS = replace(SPEC, rollout=replace(SPEC.rollout, steps=(1, 5, 10, 25, 50, 100)))
CHALLENGERS = {
    "as good": Version(),
    "Brier score a third worse": Version(noise=0.21),
    "twice as slow": Version(latency_ms=16.0),
    "one in twenty fails": Version(errors=0.05),
}


@contextmanager
def opened() -> Iterator[RolloutContext]:
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    settings = Settings(home=home, database_url=None)
    try:
        with open_store(settings) as store:
            yield RolloutContext(store, connect(settings, store), home / "serving")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def traffic(hand: RolloutContext, seed: int, version: Version) -> Traffic:
    """With a new challenger to whatever is the champion."""
    folder = hand.folder.parent / f"bundle-{seed}"
    ref = register(hand.registry, write_bundle(folder, SPEC.name, seed))
    promotion.announce(hand.store, hand.registry, ref, WHO)
    aliases = hand.registry.aliases([SPEC.name])[SPEC.name]
    versions = {alias: found.version for alias, found in aliases.items()}
    answers = {CHAMPION: Version(), CHALLENGER: version}
    return Traffic(hand.store, versions, ref.digest, answers, seed=seed)


def climb(hand: RolloutContext, of: Traffic, began: datetime) -> tuple[str, int]:
    """How it ended, and after how many units."""
    steps.start(hand, STEPS, began, WHO)
    for hour in range(MOST_HOURS):
        of.run(began + hour * HOUR + timedelta(minutes=2), PER_HOUR, timedelta(minutes=50))
        found = steps.look(hand, STEPS, began + (hour + 1) * HOUR)
        if found is not None and found.state.is_over:
            return found.state.newest.action, of.count
    steps.order(hand, STEPS, ManualOrder("bench", "too long", "stop"), began + 41 * HOUR)
    return "hold", of.count


def ramps(hand: RolloutContext, runs: int) -> None:
    traffic(hand, 1, Version())
    at = BEGAN
    for number, (label, version) in enumerate(CHALLENGERS.items()):
        ends = []
        for run in range(runs):
            at += APART
            ends.append(climb(hand, traffic(hand, 100 * (number + 1) + run, version), at))
        told = Counter(action for action, _ in ends)
        found = {
            "bench": "rollout.live",
            "ours": round(told["promote" if label == "as good" else "roll back"] / runs, 3),
            "theirs": {},
            "unit": f"share of {runs} rollouts that ended as they should, challenger: {label}",
            "ended": dict(told),
            "median_units": int(np.median([units for _, units in ends])),
        }
        print(json.dumps(found), flush=True)


def look(hand: RolloutContext, units: int) -> None:
    """On the evidence of one step, after all that the ramps have left on the ledger."""
    at = BEGAN + timedelta(days=300)
    of = traffic(hand, 9, Version())
    steps.start(hand, SPEC, at, WHO)
    of.run(at + timedelta(minutes=2), units, timedelta(minutes=50))
    began = time.perf_counter()
    steps.preview(hand.store, SPEC, at + HOUR)
    took = round(time.perf_counter() - began, 3)
    print(
        json.dumps({"bench": "rollout.look", "ours": took, "theirs": {}, "unit": "s", "n": units})
    )
    steps.order(hand, SPEC, ManualOrder("bench", "done", "stop"), at + HOUR)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--units", type=int, default=100_000)
    asked = parser.parse_args()
    with opened() as hand:
        ramps(hand, asked.runs)
        look(hand, asked.units)


if __name__ == "__main__":
    main()
