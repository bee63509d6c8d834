"""Drift of all rows by our histograms, beside Evidently's PSI of the same columns.

    python bench/drift.py
    python bench/drift.py --full                  # a million rows of 200 columns

Ours counts a reference that is in memory and a window that comes in chunks, and judges every
column; Evidently runs one explicit PSI test per column on frames, on as many columns as asked for,
and draws no page. Each side runs in a process of its own, whose peak memory is told. Columns are
normal, skewed, of few values and categories in turn, five in six of them shifted in the window.

The gaps tell how far the two PSI are apart at most: in the same bins (Evidently cuts numbers into
equal widths, by Sturges' rule over both sides together; our counting does it in the same bins), and
with each side's own (ours are quantiles of the reference, joined to some 20).
"""

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from runlore.kernel.telemetry import silence_telemetry
from runlore.monitoring.rules import statistics
from runlore.monitoring.rules.histogram import Bins, count, count_chunks, reference_profile
from runlore.monitoring.rules.verdict import judge
from runlore.specs.model_spec import DriftPolicy

POLICY = DriftPolicy()
SHIFTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.45)
CHUNK = 65_536
SORTS = ("normal", "skewed", "few values", "category")
FULL = (1_000_000, 200, 24)


def sort_of(column: int) -> str:
    return SORTS[column // len(SHIFTS) % len(SORTS)]


def name_of(column: int) -> str:
    return f"c{column:03}"


def values(column: int, rows: int, part: int, *, is_current: bool) -> np.ndarray:
    """One column of one chunk: the same numbers, whoever asks for them."""
    rng = np.random.default_rng([column, part, is_current])
    made = rng.standard_normal(rows, dtype=np.float32)
    made += SHIFTS[column % len(SHIFTS)] * is_current
    if sort_of(column) == "skewed":
        return np.exp(made)
    if sort_of(column) == "few values":
        return np.round(made * 2)
    if sort_of(column) == "category":
        return np.clip(np.round(made * 2), -4, 4) + 4
    return made


def chunks(rows: int, columns: int, *, is_current: bool) -> Iterator[np.ndarray]:
    for part, start in enumerate(range(0, rows, CHUNK)):
        size = min(CHUNK, rows - start)
        made = [values(at, size, part, is_current=is_current) for at in range(columns)]
        yield np.stack(made, axis=1)


def matrix(rows: int, columns: int, *, is_current: bool) -> np.ndarray:
    whole = np.empty((rows, columns), dtype=np.float32)
    done = 0
    for chunk in chunks(rows, columns, is_current=is_current):
        whole[done : done + len(chunk)] = chunk
        done += len(chunk)
    return whole


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Stopwatch:
    """Adds up the time inside; what makes the numbers is left out."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        done = work()
        self.s += time.perf_counter() - began
        return done


def ours(rows: int, columns: int) -> dict[str, Any]:
    names = [name_of(at) for at in range(columns)]
    categories = [name_of(at) for at in range(columns) if sort_of(at) == "category"]
    before_mb, clock = peak_mb(), Stopwatch()
    reference = matrix(rows, columns, is_current=False)
    held_mb = peak_mb()
    profile = clock(lambda: reference_profile(reference, names, categories))
    counted = None
    for chunk in chunks(rows, columns, is_current=True):
        part = clock(lambda chunk=chunk: count_chunks(profile.bins, [chunk]))
        counted = part if counted is None else clock(lambda p=part, c=counted: c.merged(p))
    verdict = clock(lambda: judge(profile, counted, POLICY))
    return {
        "s": clock.s,
        "psi": {each.name: each.psi.value for each in verdict.columns},
        "before_mb": before_mb,
        "reference_mb": held_mb,
        "peak_mb": peak_mb(),
    }


def evidently(rows: int, columns: int) -> dict[str, Any]:
    """Its fastest way: one explicit test per column, no page."""
    import pandas as pd

    silence_telemetry()
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    names = [name_of(at) for at in range(columns)]
    categories = [name_of(at) for at in range(columns) if sort_of(at) == "category"]
    frames = [
        pd.DataFrame(matrix(rows, columns, is_current=now), columns=names) for now in (True, False)
    ]
    clock = Stopwatch()
    definition = DataDefinition(
        numerical_columns=[name for name in names if name not in categories],
        categorical_columns=categories,
    )
    metrics = [ValueDrift(column=name, method="psi", threshold=POLICY.psi) for name in names]

    def run() -> dict[str, float]:
        datasets = [Dataset.from_pandas(frame, data_definition=definition) for frame in frames]
        found = Report(metrics).run(*datasets).metric_results.values()
        return {name: float(each.value) for name, each in zip(names, found, strict=True)}

    return {"psi": clock(run), "s": clock.s, "peak_mb": peak_mb()}


def in_evidentlys_bins(rows: int, columns: int) -> dict[str, float]:
    """Our counting, in the bins that Evidently makes."""
    found = {}
    for at in range(columns):
        pair = [
            np.concatenate(
                [
                    values(at, min(CHUNK, rows - start), part, is_current=now)
                    for part, start in enumerate(range(0, rows, CHUNK))
                ]
            )
            for now in (False, True)
        ]
        both = np.concatenate(pair)
        if sort_of(at) == "category":
            bins = Bins("x", True, np.unique(both))
        else:
            edges = np.histogram_bin_edges(both, bins="sturges")
            inner = np.nextafter(edges[1:-1].astype(np.float32), np.float32(-np.inf))
            bins = Bins("x", False, inner)
        mine, theirs = (count([bins], each[:, np.newaxis]).columns[0] for each in pair)
        found[name_of(at)] = statistics.psi(mine.counts, theirs.counts)
    return found


def apart(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """The largest gap of each sort of column."""
    gaps: dict[str, float] = {}
    for name, value in other.items():
        sort = sort_of(int(name[1:]))
        gaps[sort] = max(gaps.get(sort, 0.0), abs(one[name] - value))
    return {sort: round(gap, 5) for sort, gap in gaps.items()}


def alone(work: Callable[[int, int], Any], rows: int, columns: int) -> Any:
    """In a process of its own, whose peak of memory is its own."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as process:
        return process.submit(work, rows, columns).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--evidently-columns", type=int, default=24)
    parser.add_argument("--full", action="store_true", help=f"rows, columns, Evidently's: {FULL}")
    asked = parser.parse_args()
    sizes = FULL if asked.full else (asked.rows, asked.columns, asked.evidently_columns)
    rows, columns, shared = sizes[0], sizes[1], min(sizes[1:])

    whole = alone(ours, rows, columns)
    part = whole if shared == columns else alone(ours, rows, shared)
    theirs = alone(evidently, rows, shared)
    same = in_evidentlys_bins(rows, shared)
    print(
        json.dumps(
            {
                "bench": "drift",
                "ours": round(part["s"], 3),
                "theirs": {"evidently": round(theirs["s"], 3)},
                "ratio": round(theirs["s"] / part["s"], 1),
                "unit": f"s for {rows} + {rows} rows x {shared} columns",
                "ours_all_columns": {"columns": columns, "s": round(whole["s"], 2)},
                "ours_mb": {
                    "interpreter": round(whole["before_mb"]),
                    "with_the_reference": round(whole["reference_mb"]),
                    "peak": round(whole["peak_mb"]),
                },
                "evidently_mb": round(theirs["peak_mb"]),
                "psi_gap_same_bins": apart(same, theirs["psi"]),
                "psi_gap_own_bins": apart(part["psi"], theirs["psi"]),
            }
        )
    )


if __name__ == "__main__":
    main()
