"""Do the intervals of sums hold? Groups of consecutive tasks, estimated before they began.

    python bench/project_estimates.py --storypoints FOLDER | --swf FILE | --tests FILE [--size 10]

Story points: of one project. SWF: jobs of one user. Tests: executions of `iofrol.csv.gz`.
The next 100 tasks are estimated from the newest 2,000 whose outcome was known then.
Beside: intervals of independent errors.
"""

import argparse
import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runlore.planning.rules.estimator import fit_estimator
from runlore.planning.rules.holding_out import OutcomeTimes
from runlore.planning.rules.projects.simulation import AlikeTasks, simulate_amounts
from runlore.planning.rules.shared_errors import CORRELATIONS, SharedErrors

LEARNED, ORIGINS, AHEAD = 2_000, 8, 100
LEVELS = {"50 %": (0.25, 0.75), "80 %": (0.1, 0.9), "90 %": (0.05, 0.95)}
INDEPENDENT = SharedErrors((CORRELATIONS == 0) * 1.0)


@dataclass(frozen=True)
class PastTasks:
    """In the order of submission; ends and submissions in seconds."""

    name: str
    tasks: list[dict[str, object]]
    amounts: np.ndarray
    submitted: np.ndarray
    known: np.ndarray


def read_storypoints(folder: Path) -> Iterator[PastTasks]:
    for path in sorted(folder.glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        points = np.array([float(row["storypoint"]) for row in rows])
        tasks = [
            {"scope": path.name, "length": len(row["title"]) + len(row["description"])}
            for row in rows
        ]
        order = np.arange(len(rows), dtype=float)
        yield PastTasks(path.name.split(".")[0], tasks, points, order, order)


def read_swf(path: Path) -> Iterator[PastTasks]:
    with gzip.open(path, "rt") as file:
        rows = np.array([line.split() for line in file if not line.startswith(";")], dtype=float)
    rows = rows[(rows[:, 3] > 0) & (rows[:, 10] == 1)]
    tasks: list[dict[str, object]] = [
        {
            "scope": f"u{row[11]:.0f}",
            "inputs.processors": row[7] if row[7] > 0 else row[4],
            "inputs.requested_s": row[8],
            "inputs.executable": f"e{row[13]:.0f}",
            "inputs.queue": f"q{row[14]:.0f}",
        }
        for row in rows
    ]
    ends = rows[:, 1] + rows[:, 2] + rows[:, 3]
    yield PastTasks(path.name.split("-")[0], tasks, rows[:, 3], rows[:, 1], ends)


def read_tests(path: Path) -> Iterator[PastTasks]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    rows = [row for row in rows if float(row["Duration"]) > 0]
    rows.sort(key=lambda row: row["LastRun"])
    tasks: list[dict[str, object]] = [{"inputs.test": row["Name"]} for row in rows]
    order = np.arange(len(rows), dtype=float)
    amounts = np.array([float(row["Duration"]) for row in rows])
    yield PastTasks("tests", tasks, amounts, order, order)


def groups_after(past: PastTasks, start: int, size: int) -> list[np.ndarray]:
    """Consecutive tasks of one scope that are submitted after an instant."""
    end = min(start + AHEAD, len(past.tasks))
    by_scope: dict[object, list[int]] = {}
    for at in range(start, end):
        by_scope.setdefault(past.tasks[at].get("scope"), []).append(at)
    return [
        np.array(places[first : first + size])
        for places in by_scope.values()
        for first in range(0, len(places) - size + 1, size)
    ]


def check(past: PastTasks, size: int, shares: np.ndarray) -> list[dict[str, bool]]:
    held = []
    starts = shares * len(past.tasks)
    for start in starts.astype(int):
        learned = np.flatnonzero(past.known[:start] <= past.submitted[start])[-LEARNED:]
        times = OutcomeTimes(
            (past.submitted[learned] * 1e6).astype(np.int64),
            (past.known[learned] * 1e6).astype(np.int64),
        )
        fitted = fit_estimator([past.tasks[at] for at in learned], past.amounts[learned], times)
        for group in groups_after(past, start, size):
            located = fitted.locate([past.tasks[at] for at in group])
            truth = past.amounts[group].sum()
            row = {}
            for name, shared in (("", fitted.shared), (" independent", INDEPENDENT)):
                part = AlikeTasks(
                    np.arange(size), located.answers, located.scales, fitted.spread, shared
                )
                totals = simulate_amounts([part], 2_000).sum(axis=1)
                for level, ends in LEVELS.items():
                    low, high = np.quantile(totals, ends)
                    row[level + name] = bool(low <= truth <= high)
            held.append(row)
        print(f"  correlation {fitted.shared.mean:.2f}, {len(held)} groups", flush=True)
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--storypoints", type=Path)
    parser.add_argument("--swf", type=Path)
    parser.add_argument("--tests", type=Path)
    parser.add_argument("--size", type=int, default=10)
    parser.add_argument("--first", type=float, default=0.7, help="share of the log before")
    parser.add_argument("--last", type=float, default=0.95)
    parser.add_argument("--origins", type=int, default=ORIGINS)
    args = parser.parse_args()
    logs: list[PastTasks] = []
    if args.storypoints:
        logs += read_storypoints(args.storypoints)
    if args.swf:
        logs += read_swf(args.swf)
    if args.tests:
        logs += read_tests(args.tests)
    for past in logs:
        print(f"{past.name}: {len(past.tasks)} tasks, groups of {args.size}", flush=True)
        rows = check(past, args.size, np.linspace(args.first, args.last, args.origins))
        for name in rows[0] if rows else ():
            print(f"  in the interval of {name}: {np.mean([row[name] for row in rows]):.3f}")


if __name__ == "__main__":
    main()
