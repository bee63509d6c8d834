"""Answers of the past as they would have been: each window from what was known at its start."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.promises import boosting
from runlore.planning.rules.promises.candidates import CandidateMaker, make_maker
from runlore.planning.rules.promises.likeness import LearnedGrains, learn_likeness
from runlore.planning.rules.promises.task_log import UNKNOWN_US, CodedTasks

if TYPE_CHECKING:
    import xgboost

Floats = NDArray[np.float64]

Progress = Callable[[int, int], None]  # windows that are done, of how many

MOST_LEARNED = 30_000  # newest tasks with an outcome


@dataclass(frozen=True, eq=False)
class RawAnswers:
    """Of m tasks: answers, logs; chances, that they come within 15 %; quantiles, (m, levels)."""

    answers: Floats
    chances: Floats
    quantiles: Floats

    def part(self, at: NDArray[np.int64]) -> "RawAnswers":
        return RawAnswers(self.answers[at], self.chances[at], self.quantiles[at])


def answer_windows(
    log: CodedTasks, begin: int, windows: int, progress: Progress | None = None
) -> tuple[RawAnswers, LearnedGrains]:
    """Answer the tasks from a position on, in windows of equal numbers of tasks.

    The grains are chosen on what is before; a model is learned anew for each window.
    """
    likeness = learn_likeness(known_at(log, begin))
    maker = make_maker(log, likeness)
    parts = []
    edges = np.linspace(begin, len(log), windows + 1).astype(np.int64)
    for number, (start, end) in enumerate(pairwise(edges.tolist())):
        model = fit_models(maker, log.part(newest_known(log, start)))
        parts.append(answer(model, maker, log.part(slice(start, end))))
        if progress is not None:
            progress(number + 1, windows)
    columns = zip(*(vars(one).values() for one in parts), strict=True)
    return RawAnswers(*(np.concatenate(column) for column in columns)), likeness


@dataclass(frozen=True, eq=False)
class PromiseTrees:
    """chances: of an answer to come within 15 %; quantiles: of the truth's log."""

    chances: "xgboost.Booster"
    quantiles: "xgboost.Booster"


def fit_models(maker: CandidateMaker, tasks: CodedTasks) -> PromiseTrees:
    table = maker.make(tasks)
    return PromiseTrees(
        boosting.fit_chances(table, tasks.values), boosting.fit_quantiles(table, tasks.values)
    )


def answer(models: PromiseTrees, maker: CandidateMaker, tasks: CodedTasks) -> RawAnswers:
    """Of each task, the answer that most probably comes within 15 %; NaN where there is none."""
    table = maker.make(tasks)
    shares = boosting.chances(models.chances, table)
    best = shares.argmax(axis=1)
    rows = np.arange(len(tasks))
    return RawAnswers(
        table.answers[rows, best],
        np.maximum(shares[rows, best], 0.0),
        boosting.quantiles(models.quantiles, table),
    )


def newest_known(log: CodedTasks, position: int | None = None) -> NDArray[np.int64]:
    """Positions of the newest tasks whose outcome was known before one was submitted, or is now."""
    before = UNKNOWN_US if position is None else int(log.submitted_us[position])
    return np.flatnonzero(log.known_us[:position] < before)[-MOST_LEARNED:]


def known_at(log: CodedTasks, position: int) -> CodedTasks:
    """The tasks before a position, without outcomes that were not known when it was submitted."""
    part = log.part(slice(0, position))
    is_known = part.known_us < log.submitted_us[position]
    return CodedTasks(
        part.fields,
        part.numbers,
        np.where(is_known, part.values, np.nan),
        part.submitted_us,
        np.where(is_known, part.known_us, UNKNOWN_US),
    )
