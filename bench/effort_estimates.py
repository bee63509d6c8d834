"""Software effort, estimated from few rows, beside the published errors.

    python bench/effort_estimates.py FOLDER [--repeats N] [--only NAME]

FOLDER holds the five PROMISE sets as ARFF. In each repeat all rows are held out once, in ten folds;
the models, their weights and the intervals are learned from the other nine folds only. Columns that
are known only afterwards (duration, time of a project) and numbers of rows are never used.
Desharnais is estimated twice: without the year in which a project ended, and with it.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runlore.planning.rules.estimator import fit_estimator

FOLDS = 10


@dataclass(frozen=True)
class EffortSet:
    """words: columns whose numbers are names. published: MAE, 10-fold, mean of 30 repeats (Sarro &
    Petrozziello 2018)."""

    effort: str
    dropped: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    published: str = ""
    file: str = ""


SETS: Mapping[str, EffortSet] = {
    "desharnais": EffortSet(
        "Effort",
        ("Project", "Length", "YearEnd"),
        ("Language",),
        "LP4EE 2156, RF 2297, CART 2590",
    ),
    "desharnais-with-year": EffortSet(
        "Effort", ("Project", "Length"), ("Language",), file="desharnais"
    ),
    "maxwell": EffortSet(
        "Effort",
        ("Duration", "Time"),
        ("App", "Har", "Dba", "Ifc", "Source", "Telonuse"),
        "LP4EE 3989, RF 4263, CART 4674",
    ),
    "cocomo81": EffortSet("actual"),
    "albrecht": EffortSet("Effort"),
    "kemerer": EffortSet("EffortMM", ("ID", "Duration"), ("Language", "Hardware")),
}


def read_arff(path: Path, one: EffortSet) -> tuple[list[dict[str, object]], np.ndarray]:
    names, tasks, efforts = [], [], []
    for line in path.read_text(encoding="latin-1").splitlines():
        text = line.split("%")[0].strip()
        if text.lower().startswith("@attribute"):
            names.append(text.split()[1].strip("'\""))
        elif text and not text.startswith("@"):
            row = dict(zip(names, (value.strip() for value in text.split(",")), strict=True))
            efforts.append(float(row.pop(one.effort)))
            tasks.append(
                {
                    name: _value(text, is_word=name in one.words)
                    for name, text in row.items()
                    if name not in one.dropped
                }
            )
    return tasks, np.array(efforts)


def _value(text: str, *, is_word: bool) -> object:
    if text == "?":
        return None
    return text if is_word else float(text)


def held_out(tasks: list[dict[str, object]], efforts: np.ndarray, seed: int) -> np.ndarray:
    """(n, 6): estimate, 5, 10, 25, 75, 90, 95 % quantiles, whether promised."""
    order = np.random.default_rng(seed).permutation(len(tasks))
    made = np.zeros((len(tasks), 8))
    for part in np.array_split(order, min(FOLDS, len(tasks))):
        learned = np.setdiff1d(order, part)
        fitted = fit_estimator([tasks[at] for at in learned], efforts[learned])
        for at in part:
            one = fitted.estimate(tasks[at], (0.05, 0.1, 0.25, 0.75, 0.9, 0.95))
            made[at] = [one.value, *one.quantiles.values(), one.is_promised]
    return made


def score(efforts: np.ndarray, made: np.ndarray) -> dict[str, float]:
    errors = np.abs(made[:, 0] - efforts)
    guesses = np.abs(efforts[:, None] - efforts[None, :]).sum() / len(efforts) / (len(efforts) - 1)
    relative = errors / efforts

    def coverage(low: int, high: int) -> float:
        return float(((made[:, low] <= efforts) & (efforts <= made[:, high])).mean())

    promised = made[:, 7] > 0
    return {
        "MAE": errors.mean(),
        "SA": 1 - errors.mean() / guesses,
        "MdMRE": np.median(relative),
        "PRED(15)": (relative <= 0.15).mean(),
        "PRED(25)": (relative <= 0.25).mean(),
        "in 50 %": coverage(3, 4),
        "in 80 %": coverage(2, 5),
        "in 90 %": coverage(1, 6),
        "promised": promised.mean(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=SETS, action="append")
    args = parser.parse_args()
    for name in args.only or SETS:
        tasks, efforts = read_arff(args.folder / f"{SETS[name].file or name}.arff", SETS[name])
        runs = [score(efforts, held_out(tasks, efforts, seed)) for seed in range(args.repeats)]
        print(f"{name}: {len(efforts)} rows, {args.repeats} repeats", SETS[name].published)
        for key in runs[0]:
            values = np.array([run[key] for run in runs])
            print(f"  {key:9} {values.mean():10.3f}  (sd over repeats {values.std():.3f})")


if __name__ == "__main__":
    main()
