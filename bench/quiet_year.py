"""A quiet year must not retrain; a real shift must be answered in its second window.

    python bench/quiet_year.py
    python bench/quiet_year.py --seeds 50 --logs 3      # all of it: a quarter of an hour

Each seed is a log of its own, with rows made directly (`worlds/actors.py`): half a year teaches,
then 52 weeks are judged as `runlore monitor` judges them, with the same counting, verdict and
trigger. A year is judged without a shift and with one; a retraining renews the reference.
"""

import argparse
import json
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from worlds.actors import CATEGORIES, IMPORTANCE, NAMES, SHIFTS, Shift, World, make

from runlore.monitoring.rules.histogram import Profile, count, reference_profile
from runlore.monitoring.rules.trigger import JudgedWindow, decide
from runlore.monitoring.rules.usual import usual
from runlore.monitoring.rules.verdict import VerdictContext, judge
from runlore.specs.model_spec import DriftPolicy

TAUGHT, WATCHED = 26, 52
START = datetime(2025, 1, 6, tzinfo=UTC)
ANSWERED_IN = 2


@dataclass(frozen=True)
class Year:
    """Weeks, counted from the first watched one, that read as drift, and that retrained."""

    drifted: tuple[int, ...]
    retrained: tuple[int, ...]


def week(world: World, number: int, length: int = 1) -> np.ndarray:
    first, last = np.searchsorted(world.day, [number * 7, (number + length) * 7])
    return world.rows[first:last]


def learn(world: World, number: int, policy: DriftPolicy) -> tuple[Profile, VerdictContext]:
    """What monitoring knows of a version trained on the half year before a week."""
    profile = reference_profile(week(world, number - TAUGHT, TAUGHT), NAMES, CATEGORIES)
    weeks = range(number - TAUGHT, number)
    windows = [count(profile.bins, week(world, each)) for each in weeks]
    return profile, VerdictContext(importance=IMPORTANCE, usual=usual(windows, policy))


def watch(world: World, policy: DriftPolicy, weeks: int = WATCHED) -> Year:
    profile, background = learn(world, TAUGHT, policy)
    history: list[JudgedWindow] = []
    retrained: list[datetime] = []
    drifted, answers = [], []
    for number in range(TAUGHT, TAUGHT + weeks):
        ends = [START + timedelta(weeks=each) for each in (number, number + 1)]
        verdict = judge(profile, count(profile.bins, week(world, number)), policy, background)
        version = str(len(retrained))
        history.append(JudgedWindow(version, *ends, verdict.answer, verdict.reasons))
        if verdict.answer == "drift":
            drifted.append(number - TAUGHT)
        if decide(history, policy, ends[1], retrained).action == "retrain":
            retrained.append(ends[1])
            answers.append(number - TAUGHT)
            profile, background = learn(world, number + 1, policy)
    return Year(tuple(drifted), tuple(answers))


def a_year(seed: int, per_day: float, policy: DriftPolicy, shift: Shift | None) -> Year:
    since = shifted_week(seed)
    days = 7 * (TAUGHT + WATCHED)
    world = make(seed, days, per_day, shift, 7 * (TAUGHT + since))
    return watch(world, policy, since + ANSWERED_IN if shift else WATCHED)


def shifted_week(seed: int) -> int:
    return 8 + seed * 7 % 30


def answered(seed: int, year: Year) -> bool:
    since = shifted_week(seed)
    return any(since <= each < since + ANSWERED_IN for each in year.retrained)


def directly(seeds: range, per_day: float, processes: int) -> dict[str, Any]:
    """Rows made directly: what the trigger did in years without a shift, and with each."""
    began = time.perf_counter()
    found: dict[Shift | None, list[Year]] = {}
    with ProcessPoolExecutor(processes) as pool:
        for shift in (None, *SHIFTS):
            run = partial(a_year, per_day=per_day, policy=DriftPolicy(), shift=shift)
            found[shift] = list(pool.map(run, seeds))
    quiet = [len(year.retrained) for year in found[None]]
    drifted = [len(year.drifted) / WATCHED for year in found[None]]
    return {
        "ours": sum(quiet) / len(quiet),
        "unit": f"needless retrainings a year, {len(seeds)} years of 52 quiet weeks",
        "years_by_retrainings": dict(sorted(Counter(quiet).items())),
        "quiet_weeks_read_as_drift": round(sum(drifted) / len(drifted), 4),
        "answered_in_2_windows": {
            shift: sum(map(answered, seeds, years)) / len(years)
            for shift, years in found.items()
            if shift
        },
        "s": round(time.perf_counter() - began, 1),
    }


def through_all(seeds: range) -> dict[str, Any]:
    """The simulated log through ingest, training and the store; with a change from a week on."""
    from worlds import simulated

    began = time.perf_counter()
    quiet = [simulated.a_year(seed) for seed in seeds]
    changed = [simulated.a_year(seed, shifted_week(seed)) for seed in seeds]
    names = list(quiet[0])
    return {
        "ours": sum(bool(year[name][1]) for year in quiet for name in names) / len(quiet),
        "unit": f"years with a needless alarm a year, {len(seeds)} simulated logs, both specs",
        "quiet_weeks_read_as_drift": {
            name: sum(len(year[name][0]) for year in quiet) / (WATCHED * len(quiet))
            for name in names
        },
        "weeks_from_the_change_to_the_alarm": {
            name: [
                next((week - shifted_week(seed) + 1 for week in year[name][1]), None)
                for seed, year in zip(seeds, changed, strict=True)
            ]
            for name in names
        },
        "s": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--rows-per-day", type=float, default=70.0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--logs", type=int, default=0, help="Simulated logs to take through all of Runlore, too."
    )
    asked = parser.parse_args()
    found = {"quiet_year": directly(range(asked.seeds), asked.rows_per_day, asked.processes)}
    if asked.logs:
        found["quiet_year.simulated"] = through_all(range(asked.logs))
    for name, each in found.items():
        print(json.dumps({"bench": name, "theirs": {}, "ratio": None, **each}))


if __name__ == "__main__":
    main()
