"""Weekly core hours of batch logs, forecast 7 and 30 days ahead by a rolling origin.

    python bench/capacity_logs.py FOLDER [--part late]

FOLDER has CTC-SP2-1996-*.swf.gz and SDSC-BLUE-2000-*.swf.gz. From the 12th week on, each week is an
origin. Demand of the jobs submitted by then, of which only those that had ended are known, gives
the core hours of the next seven days, and of the seven days that end 30 days ahead. Ratio: of the
mean absolute error to that of seasonal naive (the last seven days again) at the same origins; below
1 is better. Mean: of the last four weeks. Coverage: of the intervals of 80 and 90 %. early: the
first 70 % of the origins, on which was chosen; late: the others.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.capacity.demand_paths import simulate_demand
from runlore.planning.rules.capacity.task_log import HOUR_US, TaskLog, demand_by_day

Floats = NDArray[np.float64]
DAY_US = 24 * HOUR_US
LEAST_WEEKS = 12
AHEAD = {7: slice(0, 7), 30: slice(23, 30)}
EARLY = 0.7


def read_log(path: Path) -> TaskLog:
    """Times from the start of the log, as microseconds."""
    columns = (1, 2, 3, 4, 7)
    rows = np.loadtxt(path, comments=";", usecols=columns, dtype=np.float64)
    submit, wait, run, allocated, wanted = rows[rows[:, 2] > 0].T
    start = submit + np.maximum(wait, 0)
    slots = np.where(allocated > 0, allocated, np.maximum(wanted, 1))
    order = np.argsort(submit, kind="stable")
    at, begun, ended = ((one[order] * 1e6).astype(np.int64) for one in (submit, start, start + run))
    return TaskLog(at, begun, ended, slots[order], np.ones(len(order)))


def known(log: TaskLog, at_us: int) -> TaskLog:
    """As it was known at an instant."""
    seen = log.taken(log.submitted < at_us)
    start = np.where(seen.start < at_us, seen.start, -1)
    return TaskLog(
        seen.submitted, start, np.where(seen.end < at_us, seen.end, -1), seen.slots, seen.share
    )


def measure(path: Path, part: str) -> None:
    log, began = read_log(path), time.process_time()
    days = int(log.submitted[-1] // DAY_US)
    bounds = np.arange(days + 1) * DAY_US
    truth = demand_by_day(log, bounds, int(log.end.max()))
    origins = list(range(7 * LEAST_WEEKS, days - 30, 7))
    cut = int(EARLY * len(origins))
    origins = origins[:cut] if part == "early" else origins[cut:]
    rows = [forecast(known(log, at * DAY_US), bounds[: at + 1], at) for at in origins]
    for ahead, span in AHEAD.items():
        actual = np.array([truth[at:][span].sum() for at in origins])
        made = np.array([row[ahead] for row in rows])
        print(json.dumps(judge(path.name[:9], part, ahead, actual, made)), flush=True)
    spent = (time.process_time() - began) / len(origins)
    print(json.dumps({"log": path.name[:9], "ms_an_origin": round(1000 * spent, 1)}), flush=True)


def forecast(log: TaskLog, bounds: NDArray[np.int64], at: int) -> dict[int, list[float]]:
    """Ours, naive, mean of four weeks, then the ends of 80 and 90 %."""
    past = demand_by_day(log, bounds, at * DAY_US)
    paths = simulate_demand(past, np.arange(at + 30) % 7, 30).values
    found = {}
    for ahead, span in AHEAD.items():
        sums = paths[span].sum(axis=0)
        ends = np.quantile(sums, [0.1, 0.9, 0.05, 0.95])
        found[ahead] = [
            float(np.median(sums)),
            float(past[-7:].sum()),
            float(past[-28:].sum() / 4),
            *map(float, ends),
        ]
    return found


def judge(name: str, part: str, ahead: int, actual: Floats, made: Floats) -> dict[str, object]:
    errors = np.abs(made[:, :3] - actual[:, None])
    ours, naive, mean = errors.mean(axis=0)
    rng = np.random.default_rng(0)
    again = rng.integers(0, len(actual), (2_000, len(actual)))
    ratios = errors[again, 0].mean(axis=1) / errors[again, 1].mean(axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return {
        "log": name,
        "part": part,
        "origins": len(actual),
        "days_ahead": ahead,
        "mean_core_hours": round(float(actual.mean())),
        "mae": round(float(ours)),
        "mae_naive": round(float(naive)),
        "ratio": round(float(ours / naive), 3),
        "ratio_95": [round(float(low), 2), round(float(high), 2)],
        "ratio_of_mean": round(float(mean / naive), 3),
        "coverage_80": round(float(np.mean((made[:, 3] <= actual) & (actual <= made[:, 4]))), 3),
        "coverage_90": round(float(np.mean((made[:, 5] <= actual) & (actual <= made[:, 6]))), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--part", choices=("early", "late"), default="late")
    options = parser.parse_args()
    for path in sorted(options.folder.glob("*.swf.gz")):
        measure(path, options.part)


if __name__ == "__main__":
    main()
