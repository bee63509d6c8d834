"""Drift of all rows by our histograms, beside Evidently's PSI of the same columns.

    python bench/drift.py
    python bench/drift.py --rows 1000000 --columns 200 --evidently-columns 5

Both start from the same numbers in memory (a matrix for us, frames for Evidently) and end with a
verdict on every column; neither draws a page. Besides PSI ours gives the Kolmogorov-Smirnov and
Wasserstein distances. The gaps tell how far the two PSI are apart: in the same bins (of equal
width), and with each side's own (ours are quantiles of the reference).
"""

import argparse
import json
import resource
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd

from runlore.drift import statistics
from runlore.drift.histogram import Bins, Profile, count, count_chunks, reference_profile
from runlore.drift.verdict import WindowVerdict, judge
from runlore.models.spec import DriftPolicy
from runlore.telemetry import silence_telemetry

POLICY = DriftPolicy()
SHIFTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.45)
CHUNK = 65_536


def make(rows: int, columns: int, *, is_current: bool) -> np.ndarray:
    """Normal columns, of which five in six are shifted in the window, up to a PSI of 0.2."""
    made = np.empty((rows, columns), dtype=np.float32)
    for at in range(columns):
        rng = np.random.default_rng([at, is_current])
        made[:, at] = rng.standard_normal(rows, dtype=np.float32)
        made[:, at] += SHIFTS[at % len(SHIFTS)] * is_current
    return made


def chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def ours(reference: np.ndarray, current: np.ndarray) -> tuple[float, WindowVerdict]:
    names = [f"c{at}" for at in range(reference.shape[1])]
    began = time.perf_counter()
    profile = reference_profile(reference, names)
    verdict = judge(profile, count_chunks(profile.bins, chunks(current)), POLICY)
    return time.perf_counter() - began, verdict


def evidently(reference: np.ndarray, current: np.ndarray) -> tuple[float, dict[str, float]]:
    """Its fastest way: one explicit test per column, no page."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    names = [f"c{at}" for at in range(reference.shape[1])]
    frames = [pd.DataFrame(rows, columns=names) for rows in (current, reference)]
    began = time.perf_counter()
    definition = DataDefinition(numerical_columns=names)
    datasets = [Dataset.from_pandas(frame, data_definition=definition) for frame in frames]
    metrics = [ValueDrift(column=name, method="psi", threshold=POLICY.psi) for name in names]
    found = Report(metrics).run(*datasets).metric_results.values()
    taken = time.perf_counter() - began
    return taken, {n: float(each.value) for n, each in zip(names, found, strict=True)}


def psi_in_bins_of_equal_width(reference: np.ndarray, current: np.ndarray) -> float:
    edges = np.histogram_bin_edges(np.concatenate([reference, current]), bins="sturges")
    inner = np.nextafter(edges[1:-1].astype(np.float32), np.float32(-np.inf))
    bins = [Bins("x", False, inner)]
    pair: list[Profile] = [count(bins, rows[:, np.newaxis]) for rows in (reference, current)]
    return statistics.psi(pair[0].columns[0].counts, pair[1].columns[0].counts)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--evidently-columns", type=int, default=10)
    asked = parser.parse_args()
    shared = min(asked.evidently_columns, asked.columns)

    reference, current = (make(asked.rows, asked.columns, is_current=now) for now in (False, True))
    held_mb = peak_mb()
    all_s, _ = ours(reference, current)
    working_mb = peak_mb()
    pair = reference[:, :shared].copy(), current[:, :shared].copy()
    del reference, current
    ours_s, verdict = ours(*pair)
    silence_telemetry()
    theirs_s, theirs = evidently(*pair)

    mine = {column.name: column.psi.value for column in verdict.columns}
    same = [psi_in_bins_of_equal_width(pair[0][:, at], pair[1][:, at]) for at in range(shared)]
    print(
        json.dumps(
            {
                "bench": "drift",
                "ours": round(ours_s, 3),
                "theirs": {"evidently": round(theirs_s, 3)},
                "ratio": round(theirs_s / ours_s, 1),
                "unit": f"s for {asked.rows} + {asked.rows} rows x {shared} columns",
                "ours_all_columns": {"columns": asked.columns, "s": round(all_s, 2)},
                "peak_mb": {"data": round(held_mb), "data_and_ours": round(working_mb)},
                "psi_gap_same_bins": round(
                    max(abs(s - t) for s, t in zip(same, theirs.values(), strict=True)), 5
                ),
                "psi_gap_own_bins": round(max(abs(mine[n] - t) for n, t in theirs.items()), 5),
            }
        )
    )


if __name__ == "__main__":
    main()
