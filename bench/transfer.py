"""What new projects gain from borrowing, and how often it hurts them.

    python bench/transfer.py FOLDER

FOLDER holds `storypoints/` and `ci/`. Each project in turn is new: all is learned from the others,
and 0, 5, 10, 20 or 50 of its rows are known. It is taken to begin every 20 rows; the 50 rows after
those known are estimated. A cell is a project with a count of known rows. It is hurt where the
error is above that of its own mean (with 0 rows: of the pooled mean) beyond noise: the 95 %
interval of the difference leaves out 0, by a moving-block bootstrap over beginnings. Errors: of
story points in points, of failures squared.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd

from runlore.planning.rules.similarity.overlap import count_overlap, normal_overlap
from runlore.planning.rules.transfer.pooling import OWN_ALONE, pool, prior_mean
from runlore.planning.rules.transfer.replay import AHEAD, LEVELS, learn_borrowing

STEP = 20
BUCKETS = 256
DRAWS = 2_000
Floats = np.ndarray


@dataclass(frozen=True)
class BenchProject:
    """values: logs of points, or 0 and 1. about: a row each, of hashed words or of features."""

    name: str
    values: Floats
    about: Floats


def read_points(path: Path) -> BenchProject:
    rows = pd.read_csv(path)
    texts = (rows["title"].fillna("") + " " + rows["description"].fillna("")).str.lower()
    about = np.zeros((len(rows), BUCKETS))
    for at, words in enumerate(texts.str.findall(r"\w+")):
        np.add.at(about[at], [crc32(word.encode()) % BUCKETS for word in words], 1)
    return BenchProject(path.name.split(".")[0], np.log(rows["storypoint"].to_numpy(float)), about)


def read_builds(path: Path) -> BenchProject:
    rows = pd.read_csv(path).sort_values("gh_build_started_at", kind="stable")
    failed = rows["build_Failed"].to_numpy(float)
    about = rows.filter(regex="^(gh|git)_").drop(columns="gh_build_started_at")
    numbers = about.select_dtypes("number").fillna(0).to_numpy(float)
    return BenchProject(path.name.split(".")[0], failed, np.sign(numbers) * np.log1p(abs(numbers)))


def first(project: BenchProject, share: float) -> BenchProject:
    count = int(len(project.values) * share)
    return BenchProject(project.name, project.values[:count], project.about[:count])


def word_likeness(about: Floats, others: Sequence[Floats]) -> Floats:
    return count_overlap(about.sum(axis=0), np.array([other.sum(axis=0) for other in others]))


def feature_likeness(about: Floats, others: Sequence[Floats]) -> Floats:
    means = np.array([other.mean(axis=0) for other in others])
    spreads = np.array([other.var(axis=0) for other in others])
    return normal_overlap(about.mean(axis=0), about.var(axis=0), means, spreads).mean(axis=1)


Likeness = Callable[[Floats, Sequence[Floats]], Floats]


def run(projects: Sequence[BenchProject], likeness: Likeness, *, is_rate: bool) -> pd.DataFrame:
    cells = []
    for new in projects:
        past = [one for one in projects if one is not new]
        about = [one.about for one in past]
        near = np.array([likeness(one, about) for one in about])
        rules = learn_borrowing([one.values for one in past], near, is_rate=is_rate)
        assert rules is not None
        means = np.array([one.values.mean() for one in past])
        for rows in LEVELS:
            level = rules.level(rows)
            differences, errors = [], []
            for start in range(0, len(new.values) - rows - AHEAD + 1, STEP):
                known = slice(start, start + rows)
                truth = new.values[start + rows : start + rows + AHEAD]
                same = (
                    likeness(new.about[known], about) if rows >= 1 else np.full(len(past), np.nan)
                )
                prior = prior_mean(means, same, level.pooling.focus)
                everyone = float(means.mean())
                own = float(new.values[known].mean()) if rows else everyone
                ours = float(
                    pool(np.array(own), rows, rules.spread, np.array(prior), level.pooling.strength)
                )
                made = [error(truth, value, is_rate=is_rate) for value in (own, everyone, ours)]
                errors.append(made)
                differences.append(made[2] - made[0])
            block = -(-(rows + AHEAD) // STEP)
            low, high = interval(np.array(differences), block)
            own, pooled, ours = np.mean(errors, axis=0)
            cells.append(
                {
                    "project": new.name,
                    "rows": rows,
                    "own": own if rows else np.nan,
                    "pooled": pooled,
                    "ours": ours,
                    "low": low,
                    "high": high,
                    "refused": rows > 0 and level.pooling == OWN_ALONE,
                    "hurt": low > 0,
                    "helped": high < 0,
                    "strength": level.pooling.strength,
                    "focus": level.pooling.focus,
                }
            )
    return pd.DataFrame(cells)


def error(truth: Floats, value: float, *, is_rate: bool) -> float:
    if is_rate:
        return float(((truth - value) ** 2).mean())
    return float(np.abs(np.exp(truth) - np.exp(value)).mean())


def interval(differences: Floats, block: int) -> tuple[float, float]:
    """Of the mean, by a moving-block bootstrap."""
    random = np.random.default_rng(5)
    count = len(differences)
    if not differences.any():
        return 0.0, 0.0
    block = min(block, count)
    pieces = -(-count // block)
    begins = random.integers(0, count - block + 1, (DRAWS, pieces))
    at = (begins[:, :, None] + np.arange(block)).reshape(DRAWS, -1)[:, :count]
    low, high = np.quantile(differences[at].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def show(name: str, cells: pd.DataFrame) -> None:
    print(f"{name}: {cells['project'].nunique()} projects")
    print(cells.round(3).to_string(index=False))
    by = cells.groupby("rows")[["own", "pooled", "ours", "refused", "hurt", "helped"]].mean()
    print(by.round(3).to_string(), "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=1.0, help="use only the first rows of each")
    args = parser.parse_args()
    folder: Path = args.folder
    points = [read_points(path) for path in sorted((folder / "storypoints").glob("*.csv.gz"))]
    builds = [
        read_builds(path)
        for path in sorted((folder / "ci").glob("*.csv.gz"))
        if not path.name.startswith("iofrol")
    ]
    points, builds = ([first(one, args.share) for one in part] for part in (points, builds))
    tables = {
        "story points": run(points, word_likeness, is_rate=False),
        "builds": run(builds, feature_likeness, is_rate=True),
    }
    for name, cells in tables.items():
        show(name, cells)
    both = pd.concat(tables.values())
    both = both[both["rows"] > 0]
    print(
        f"{len(both)} cells with known rows: hurt {both['hurt'].mean():.1%} ({both['hurt'].sum()}),"
        f" helped {both['helped'].mean():.1%}, refused {both['refused'].mean():.1%}"
    )


if __name__ == "__main__":
    main()
