"""What promises would have been made, and which of them were kept."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import Refused
from runlore.planning.rules.promises.boosting import LEVELS
from runlore.planning.rules.promises.calibration import PromiseRule, adapt_levels, learn_rule
from runlore.planning.rules.promises.like_tasks import MIX, Grain, grain_keys
from runlore.planning.rules.promises.likeness import is_hit
from runlore.planning.rules.promises.task_log import CodedTasks
from runlore.planning.rules.promises.walk_forward import RawAnswers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEWEST = 20_000  # answers of the past that a rule is learned from
DAY_US = 86_400_000_000
LEAST_ANSWERS = 500
RENEWALS = 5  # of the rule, in each window


@dataclass(frozen=True, eq=False)
class PromiseTrack:
    """Of m tasks in a row that were answered from what was known before.

    values: (m,) logs: the answer that was promised, else the median. quantiles: (m, levels).
    """

    is_made: NDArray[np.bool_]
    probabilities: Floats
    values: Floats
    quantiles: Floats
    truth: Floats
    groups: Ints
    at: Ints

    def shares_below(self, is_known: NDArray[np.bool_]) -> Floats:
        """(levels,): of tasks whose outcome is known, the share of truths below each quantile."""
        known = is_known[self.at] & np.isfinite(self.truth)
        if not known.any():
            return np.array(LEVELS)
        shares: Floats = (self.truth[known, None] <= self.quantiles[known]).mean(axis=0)
        return shares

    def part(self, at: Ints | NDArray[np.bool_]) -> "PromiseTrack":
        return PromiseTrack(*(column[at] for column in vars(self).values()))


def groups_of(log: CodedTasks, grain: Grain) -> Ints:
    """(n,): like tasks of one day depend on each other."""
    days = (log.submitted_us // DAY_US).astype(np.uint64)
    mixed: Ints = (grain_keys(log, grain) ^ (days * MIX)).view(np.int64)
    return mixed


def follow(
    log: CodedTasks, answers: RawAnswers, groups: Ints, begin: int, windows: int
) -> tuple[PromiseTrack, PromiseRule]:
    """Promise as it would have been: by rules from earlier answers, known by then.

    answers: of the tasks from `begin` on, in windows; five times in each the rule is renewed. The
    first window has none, and is left out. Also returns the rule for what comes next.

    Raises:
        Refused: fewer than 500 answers were known when the second window began.
    """
    past = AnsweredPast(log.values[begin:], answers, groups[begin:])
    edges = np.linspace(0, len(past.truth), windows * RENEWALS + 1).astype(np.int64)
    levels = np.array(LEVELS)
    parts: list[PromiseTrack] = []
    for start, end in pairwise(edges.tolist()[RENEWALS:]):
        is_known = log.known_us[begin:] < log.submitted_us[begin + start]
        if parts:
            levels = adapt_levels(levels, parts[-1].shares_below(is_known))
        rule = past.learn(np.flatnonzero(is_known[:start]), levels)
        parts.append(past.promise(rule, np.arange(start, end)))
    is_known = np.isfinite(past.truth)
    levels = adapt_levels(levels, parts[-1].shares_below(is_known))
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    track = PromiseTrack(*(np.concatenate(column) for column in columns))
    final = past.learn(np.flatnonzero(is_known), levels)
    return replace(track, at=begin + track.at), final


@dataclass(frozen=True, eq=False)
class AnsweredPast:
    """Answers of the past, and what was the truth: (n,) logs."""

    truth: Floats
    answers: RawAnswers
    groups: Ints

    def learn(self, known: Ints, levels: Floats) -> PromiseRule:
        """From the newest of the answers at these positions."""
        known = known[np.isfinite(self.truth[known])][-NEWEST:]
        if len(known) < LEAST_ANSWERS:
            raise Refused(
                f"{len(known)} answers with an outcome are too few to learn a promise from; it"
                f" needs {LEAST_ANSWERS}"
            )
        answers, truth = self.answers.part(known), self.truth[known]
        hits = is_hit(truth, answers.answers)
        return learn_rule(answers, hits, truth, self.groups[known], levels)

    def promise(self, rule: PromiseRule, at: Ints) -> PromiseTrack:
        answers = self.answers.part(at)
        is_made, quantiles = rule.promises(answers), rule.quantiles(answers.quantiles)
        return PromiseTrack(
            is_made=is_made,
            probabilities=rule.probabilities(answers.chances),
            values=np.where(is_made, answers.answers, quantiles[:, len(LEVELS) // 2]),
            quantiles=quantiles,
            truth=self.truth[at],
            groups=self.groups[at],
            at=at,
        )
