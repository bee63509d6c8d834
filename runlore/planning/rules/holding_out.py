"""Answers of small models for tasks that they have not learned from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.small_models import SEED, SmallModel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Parts = tuple[Ints, Ints]  # positions to learn from, and to answer for
Validation = Literal["by time", "cross-validation"]

LEAST_BY_TIME = 200
WINDOWS = 5
FOLDS, REPEATS = 5, 4


@dataclass(frozen=True)
class OutcomeTimes:
    """(n,) ascending instants of submission, and when each outcome was known; microseconds."""

    submitted_us: Ints
    known_us: Ints


@dataclass(frozen=True, eq=False)
class HeldOut:
    """at: (h,) positions of tasks, each once, in order. answers: (h, K) log values of K models."""

    at: Ints
    answers: Floats
    validation: Validation


def hold_out(
    rows: Floats, values: Floats, times: OutcomeTimes | None, models: Mapping[str, SmallModel]
) -> HeldOut:
    """By time from 200 tasks on: the later half, in five windows. Else repeated cross-validation.

    A window is answered from tasks whose outcome was known when its first task was submitted.
    In cross-validation, the answer of a task is the mean over repeats.
    """
    sums, counts = np.zeros((len(rows), len(models))), np.zeros(len(rows))
    is_by_time = times is not None and len(rows) >= LEAST_BY_TIME
    parts = _windows(times) if is_by_time and times is not None else _folds(len(rows))
    for learned, held in parts:
        answers = [fit(rows[learned], values[learned])(rows[held]) for fit in models.values()]
        sums[held] += np.column_stack(answers)
        counts[held] += 1
    at = np.flatnonzero(counts)
    return HeldOut(at, sums[at] / counts[at, None], "by time" if is_by_time else "cross-validation")


def _windows(times: OutcomeTimes) -> Iterator[Parts]:
    count = len(times.submitted_us)
    edges = np.linspace(count // 2, count, WINDOWS + 1).astype(np.int64)
    for start, end in pairwise(edges.tolist()):
        known = times.known_us[:start] <= times.submitted_us[start]
        learned = np.flatnonzero(known)
        if len(learned) >= FOLDS:
            yield learned, np.arange(start, end)


def _folds(count: int) -> Iterator[Parts]:
    random = np.random.default_rng(SEED)
    for _ in range(REPEATS):
        order = random.permutation(count)
        for held in np.array_split(order, min(FOLDS, count)):
            yield np.setdiff1d(order, held), np.sort(held)
