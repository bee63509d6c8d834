"""Put the streaming rule to the series of the other anomaly benches: NAB, and quiet ones.

    PYTHONPATH=.:bench python bench/stream_rule.py FOLDER [--series 1000] [--seeds 20]

FOLDER as for `nab.py`. Files and series come point by point to the rule of `stream_state`, with the
threshold that its budget implies. Each quiet series has a scope of its own: each deviation is an
incident.
"""

import argparse
import sys
from pathlib import Path

import false_alarms
import nab
import numpy as np

from runlore.signals.rules.anomalies import stream_state
from runlore.signals.rules.anomalies.stream_threshold import find_threshold

WEEK_S = 604_800
NAB_BUDGETS = (5.0, 0.01)  # alarms a series and week


def follow(values: np.ndarray, step_s: int, threshold: float) -> list[np.ndarray]:
    """The series that begin to deviate at each step. values: of shape (steps, series)."""
    count = values.shape[1]
    states, rows = stream_state.start(count), np.arange(count)
    begun = []
    for step, at in enumerate(range(0, len(values) * step_s, step_s)):
        instants = np.full(count, at * 1_000_000, dtype=np.int64)
        judged = stream_state.observe(states, rows, instants, values[step], at, threshold)
        begun.append(np.concatenate([np.empty(0, int), *(one.series for one in judged.started)]))
    return begun


def count_alarms(seed: int, series: int, days: int, budgets: tuple[float, ...]) -> list[float]:
    """Alarms a week after the learning, for each budget."""
    rng = np.random.default_rng(seed)
    hours = (false_alarms.LEARNING_DAYS + days) * 24
    values = np.stack([false_alarms.simulate(rng, hours) for _ in range(series)], axis=1)
    first = false_alarms.LEARNING_DAYS * 24
    counts = []
    for budget in budgets:
        threshold = find_threshold(series * WEEK_S / 3_600, budget)
        begun = follow(values, 3_600, threshold)[first:]
        counts.append(sum(map(len, begun)) / (days / 7))
    return counts


def score_files(files: list[nab.Labelled], a_week: float) -> dict[str, float]:
    threshold = find_threshold(WEEK_S / nab.STEP_S, a_week)
    raw = []
    for file in files:
        begun = follow(file.values[:, None], nab.STEP_S, threshold)
        places = np.array([len(one) > 0 for one in begun], float)
        raw.append(nab.score(file, nab.detect(places, 0.5)))
    return nab.normalise(files, np.array(raw))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--series", type=int, default=1_000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--days", type=int, default=28)
    asked = parser.parse_args()
    files = nab.read(asked.folder)
    for budget in NAB_BUDGETS:
        shown = ", ".join(f"{g} {s:.1f}" for g, s in score_files(files, budget).items())
        sys.stdout.write(f"NAB, {budget:g} alarms a series and week: {shown}\n")
        sys.stdout.flush()
    budgets = false_alarms.BUDGETS
    counts = np.array(
        [
            count_alarms(seed, asked.series, asked.days, budgets)
            for seed in range(asked.first, asked.first + asked.seeds)
        ]
    )
    for budget, a_week in zip(budgets, counts.T, strict=True):
        sys.stdout.write(
            f"budget {budget:g} a week: {a_week.mean():.2f} a week, by seed {a_week.min():.2f} to"
            f" {a_week.max():.2f}\n"
        )


if __name__ == "__main__":
    main()
