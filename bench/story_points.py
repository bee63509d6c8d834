"""Story points from title and description, beside the median and Deep-SE.

    python bench/story_points.py FOLDER [--only NAME] [--validate]

FOLDER holds projects of Tawosi et al. 2022, split as marked in order of creation: learned from the
parts train and val, looked at on test. --validate: learned from train, looked at on val, to choose
by. Deep-SE, median: mean absolute errors as published there, of uncut points.
"""

import argparse
import csv
import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from runlore.planning.rules.estimator import fit_estimator
from runlore.planning.rules.holding_out import OutcomeTimes

NEWEST = 2_000
PUBLISHED: Mapping[str, tuple[float, float]] = {
    "mesos": (1.12, 1.22),
    "appceleratorstudio": (1.42, 1.30),
    "bamboo": (0.81, 0.75),
    "clover": (3.39, 3.71),
    "duracloud": (0.82, 0.82),
    "mule": (2.59, 2.47),
    "mulestudio": (3.67, 3.66),
    "aptanastudio": (4.14, 3.61),
}


def read(path: Path, learned: set[str], held: str) -> tuple[list[dict[str, str]], int]:
    """Issues in order, and how many of them are learned from."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    past = [row for row in rows if row["split_mark"] in learned]
    return [*past[-NEWEST:], *(row for row in rows if row["split_mark"] == held)], len(
        past[-NEWEST:]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=PUBLISHED, action="append")
    parser.add_argument("--validate", action="store_true")
    args = parser.parse_args()
    learned, held = ({"train"}, "val") if args.validate else ({"train", "val"}, "test")
    print(f"{'project':20} {'n':>5} {'ours':>6} {'median':>6} {'Deep-SE':>7} {'80 %':>5}  models")
    for name in args.only or PUBLISHED:
        rows, count = read(args.folder / f"{name}.csv.gz", learned, held)
        points = np.array([float(row["storypoint"]) for row in rows])
        tasks = [{"inputs.title": r["title"], "inputs.description": r["description"]} for r in rows]
        order = np.arange(count)
        fitted = fit_estimator(tasks[:count], points[:count], OutcomeTimes(order, order))
        made = fitted.estimate_all(tasks[count:], (0.1, 0.9))
        truth = points[count:]
        ours = np.abs(np.array([one.value for one in made]) - truth).mean()
        median = np.abs(np.median(points[:count]) - truth).mean()
        inside = np.mean(
            [
                one.quantiles[0.1] <= at <= one.quantiles[0.9]
                for one, at in zip(made, truth, strict=True)
            ]
        )
        used = ", ".join(f"{model} {weight:.2f}" for model, weight in fitted.weights.items())
        print(
            f"{name:20} {len(truth):5} {ours:6.3f} {median:6.3f} {PUBLISHED[name][0]:7.2f}"
            f" {inside:5.2f}  {used}",
            flush=True,
        )


if __name__ == "__main__":
    main()
