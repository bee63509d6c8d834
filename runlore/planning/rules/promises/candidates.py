"""Answers that may come within 15 %, and what speaks for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.promise import HIGH, LOW
from runlore.planning.rules.promises.like_tasks import RECENT, GrainIndex, LikeHistory
from runlore.planning.rules.promises.likeness import LearnedGrains, is_hit, logs
from runlore.planning.rules.promises.task_log import CodedTasks

Floats = NDArray[np.float64]

PIECE = 2_000  # tasks at once
OWN = 20  # past answers of a kind of candidate
DAY_S, HOUR_S = 86_400, 3_600
RANKS = np.arange(RECENT)
FAST, SLOW = 0.5 ** (RANKS / 1.5), 0.5 ** (RANKS / 6)
SAME = 0.02  # answers as near as this are one


@dataclass(frozen=True, eq=False)
class CandidateTable:
    """answers: (n, m) logs, NaN where there is none. facts: (n, m, p) float32."""

    answers: Floats
    facts: NDArray[np.float32]

    @property
    def distinct(self) -> NDArray[np.bool_]:
        """(n, m): there is an answer, and none before it is the same."""
        answers = self.answers
        is_new = ~np.isnan(answers)
        for at in range(1, answers.shape[1]):
            far = np.abs(answers[:, :at] - answers[:, at : at + 1])
            is_new[:, at] &= ~(far < SAME).any(axis=1)
        return is_new


@dataclass(frozen=True, eq=False)
class CandidateMaker:
    """past: what is known. inputs: columns of numbers that are answers themselves.

    hits: (n, m) of the past's own candidates, NaN where there was none.
    """

    past: CodedTasks
    grains: Sequence[GrainIndex]
    inputs: tuple[int, ...]
    hits: Floats

    def make(self, tasks: CodedTasks) -> CandidateTable:
        parts = [
            self._piece(tasks.part(slice(start, start + PIECE)))
            for start in range(0, len(tasks), PIECE)
        ]
        return CandidateTable(
            np.concatenate([one.answers for one in parts]),
            np.concatenate([one.facts for one in parts]),
        )

    def _piece(self, tasks: CodedTasks) -> CandidateTable:
        histories = [grain.look_up(tasks) for grain in self.grains]
        answers = answers_of(histories, tasks, self.inputs)
        facts = [fact for one in histories for fact in _history_facts(one, answers)]
        facts += self._own_hits(tasks)
        facts += _task_facts(tasks, answers, self.inputs)
        return CandidateTable(answers, np.stack(facts, axis=-1).astype(np.float32))

    def _own_hits(self, tasks: CodedTasks) -> list[Floats]:
        """How often each kind of candidate came within 15 % of late, in a wide and narrow grain."""
        indexes = [self.grains[-1], self.grains[len(self.grains) // 2]]
        return [_mean(index.last_values(tasks, self.hits, OWN)) for index in indexes]


def make_maker(past: CodedTasks, likeness: LearnedGrains) -> CandidateMaker:
    """Of tasks that come after the past, or are in it: each sees only what was known before it."""
    grains = [GrainIndex(grain, past) for grain in likeness.grains]
    hits = []
    for start in range(0, len(past), PIECE):
        tasks = past.part(slice(start, start + PIECE))
        answers = answers_of([one.look_up(tasks) for one in grains], tasks, likeness.inputs)
        hit = is_hit(tasks.values[:, None], answers).astype(np.float64)
        hits.append(np.where(np.isnan(answers) | np.isnan(tasks.values[:, None]), np.nan, hit))
    return CandidateMaker(past, grains, likeness.inputs, np.concatenate(hits))


def answers_of(
    histories: Sequence[LikeHistory], tasks: CodedTasks, inputs: tuple[int, ...]
) -> Floats:
    """(n, m): of each grain the last, the middle of the densest 15 % and the median; inputs."""
    columns = []
    for one in histories:
        columns += [one.values[:, 0], densest(one.values), _median(one.values)]
    columns += [logs(tasks.numbers[:, at]) for at in inputs]
    return np.column_stack(columns)


def densest(values: Floats) -> Floats:
    """(n,): the mean of the values within 15 % of one of them, where these weigh most.

    values: (n, k), newest first; newer ones weigh more.
    """
    apart = values[:, :, None] - values[:, None, :]
    near = (apart >= LOW) & (apart <= HIGH)
    mass = np.einsum("j,nji->ni", SLOW, near)
    best = np.where(np.isnan(values), -1.0, mass).argmax(axis=1)
    inside = np.take_along_axis(near, best[:, None, None], axis=2)[:, :, 0] * SLOW
    total = inside.sum(axis=1)
    with np.errstate(invalid="ignore"):
        middle: Floats = (np.nan_to_num(values) * inside).sum(axis=1) / total
    return middle


def _history_facts(one: LikeHistory, answers: Floats) -> list[Floats]:
    values = one.values
    is_there = ~np.isnan(values)
    apart = values[:, :, None] - answers[:, None, :]
    near = (apart >= LOW) & (apart <= HIGH)
    step = values[:, 1:] - values[:, :-1]
    repeats = ((step >= LOW) & (step <= HIGH)) @ SLOW[1:]
    about_task = [
        repeats / np.maximum(is_there[:, 1:] @ SLOW[1:], 1e-9),
        _spread(values),
        np.log1p(one.known),
        np.log1p(one.pending),
        np.log1p(np.maximum(one.age_s, 0)),
        np.log1p(np.maximum(one.since_s, 0)),
    ]
    about_answers = [
        np.einsum("k,nkm->nm", weights, near) / np.maximum(is_there @ weights, 1e-9)[:, None]
        for weights in (FAST, SLOW)
    ]
    about_answers += [
        values[:, :1] - answers,
        values[:, 1:2] - answers,
        np.where(near.any(axis=1), near.argmax(axis=1), RECENT).astype(np.float64),
    ]
    return about_answers + [_wide(fact, answers) for fact in about_task]


def _task_facts(tasks: CodedTasks, answers: Floats, inputs: tuple[int, ...]) -> list[Floats]:
    seconds = tasks.submitted_us // 1_000_000
    apart = answers[:, :, None] - answers[:, None, :]
    agree = ((apart >= LOW) & (apart <= HIGH)).sum(axis=1)
    facts = [answers, agree / np.maximum((~np.isnan(answers)).sum(axis=1), 1)[:, None]]
    facts += [answers - logs(tasks.numbers[:, at])[:, None] for at in inputs]
    facts += [_wide(numbers, answers) for numbers in tasks.numbers.T]
    facts += [
        _wide((seconds % DAY_S // HOUR_S).astype(np.float64), answers),
        _wide((seconds // DAY_S % 7).astype(np.float64), answers),
        np.broadcast_to(np.arange(answers.shape[1], dtype=np.float64), answers.shape),
    ]
    return facts


def _wide(fact: Floats, answers: Floats) -> Floats:
    return np.broadcast_to(fact[:, None], answers.shape)


def _mean(values: Floats) -> Floats:
    """Over the second axis, NaN left out; NaN where all are."""
    is_there = ~np.isnan(values)
    count = is_there.sum(axis=1)
    total = np.where(is_there, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _spread(values: Floats) -> Floats:
    middle = _mean(values)[:, None]
    return np.sqrt(_mean((values - middle) ** 2))


def _median(values: Floats) -> Floats:
    ordered = np.sort(values, axis=1)  # NaN last
    count = (~np.isnan(values)).sum(axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, values.shape[1] - 1)
    middle: Floats = (ordered[rows, low] + ordered[rows, high]) / 2
    return middle
