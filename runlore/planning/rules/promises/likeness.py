"""What makes tasks alike: found by leaving out one field at a time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.promise import HIGH, LOW
from runlore.planning.rules.promises.like_tasks import Grain, GrainIndex
from runlore.planning.rules.promises.task_log import CodedTasks

MOST_GRAINS = 6
LEAST_INPUT_HITS = 0.05  # an input is an answer where this share of tasks took as much
SAMPLE = 12_000  # newest tasks that grains are chosen on


@dataclass(frozen=True)
class LearnedGrains:
    """grains: from many fields to one. inputs: columns of numbers that are answers themselves."""

    grains: tuple[Grain, ...]
    inputs: tuple[int, ...]


def learn_likeness(log: CodedTasks) -> LearnedGrains:
    inputs = tuple(
        at
        for at in range(log.numbers.shape[1])
        if is_hit(log.values, logs(log.numbers[:, at])).mean() >= LEAST_INPUT_HITS
    )
    return LearnedGrains(choose_grains(log), inputs)


def choose_grains(log: CodedTasks) -> tuple[Grain, ...]:
    """From all fields down to one; each step leaves out the field that is missed least.

    Missed: fewer tasks whose last like one came within 15 %. Of the chain, the best grains stay,
    and the one of a single field. Without a field: the whole log is one grain.
    """
    part = log.part(slice(-SAMPLE, None))
    grain: Grain = tuple(range(log.fields.shape[1]))
    chain = {grain: _hit_share(part, grain)}
    while len(grain) > 1:
        smaller = [tuple(field for field in grain if field != left) for left in grain]
        shares = [_hit_share(part, one) for one in smaller]
        grain = smaller[int(np.argmax(shares))]
        chain[grain] = max(shares)
    best = sorted(chain, key=lambda one: -chain[one])[: MOST_GRAINS - 1]
    chosen = dict.fromkeys([*best, grain])
    return tuple(sorted(chosen, key=lambda one: -len(one)))


def _hit_share(part: CodedTasks, grain: Grain) -> float:
    last = GrainIndex(grain, part).look_up(part, k=1).values[:, 0]
    return float(np.mean(is_hit(part.values, last)))


def is_hit(truth: NDArray[np.float64], answers: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the truth lies within 15 % of itself from an answer; both are logs."""
    hits: NDArray[np.bool_] = (truth - answers >= LOW) & (truth - answers <= HIGH)
    return hits


def logs(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """NaN where a number is not above 0."""
    above: NDArray[np.float64] = np.log(np.where(numbers > 0, numbers, np.nan))
    return above
