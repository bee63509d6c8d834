"""A registered model as one more model of a kind, chosen by its past error like the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.readable import readable_share
from runlore.planning.rules.holding_out import HeldOut
from runlore.planning.rules.task_table import Description
from runlore.planning.rules.weighting import weigh_models

Floats = NDArray[np.float64]
LEAST_TESTED = 30  # tasks that a champion is judged by
AFTER = "tasks that ended after its training data did"


@dataclass(frozen=True, eq=False)
class ChampionAnswers:
    """name: of the version. past: (n,) log answers to past tasks, as of their submission.

    NaN: it may have learned from the outcome. answer: (m,) log answers to new tasks.
    """

    name: str
    past: Floats
    answer: Callable[[Sequence[Description]], Floats]


@dataclass(frozen=True, eq=False)
class Combination:
    """weights: (K,) of the models by name. held: the tasks that they were chosen on.

    champion: None: it does not count. note: what became of it; empty: there is none.
    """

    names: tuple[str, ...]
    held: HeldOut
    weights: Floats
    champion: ChampionAnswers | None = None
    note: str = ""


def combine_models(
    names: Sequence[str], held: HeldOut, values: Floats, champion: ChampionAnswers | None
) -> Combination:
    """Weights by past errors. A champion counts on tasks that it cannot have learned from, if it
    makes the combination better there; then all are judged on these tasks alone.

    values: (n,) log truths of all past tasks.
    """
    has_order = held.validation == "by time"
    weights = _weights(names, held.answers, values[held.at], has_order=has_order)
    alone = Combination(tuple(names), held, weights)
    if champion is None:
        return alone
    tested = held.at[np.isfinite(champion.past[held.at])]
    if len(tested) < LEAST_TESTED:
        why = f"{len(tested)} {AFTER}; {LEAST_TESTED} are needed"
        return _without(alone, champion, why)
    small = held.answers[np.isin(held.at, tested)]
    answers = np.column_stack([small, champion.past[tested]])
    together, truth = (*names, champion.name), values[tested]
    errors = np.abs(answers - truth[:, None])
    mixed = weigh_models(errors, has_order=has_order)
    if not mixed[-1]:
        ratio = errors[:, -1].mean() / max(errors.mean(axis=0).min(), 1e-9)
        why = f"on {len(tested)} {AFTER}, its error is {ratio:.1f} times that of the best"
        return _without(alone, champion, why)
    if np.abs(answers @ mixed - truth).mean() >= np.abs(small @ weights - truth).mean():
        return _without(alone, champion, f"on {len(tested)} {AFTER}, it makes estimates no better")
    note = f"{champion.name} counts {readable_share(float(mixed[-1]))}, by {len(tested)} {AFTER}"
    kept = HeldOut(tested, answers, held.validation)
    return Combination(together, kept, mixed, champion, note)


def _without(alone: Combination, champion: ChampionAnswers, why: str) -> Combination:
    note = f"{champion.name} is left out: {why}"
    return Combination(alone.names, alone.held, alone.weights, None, note)


def _weights(names: Sequence[str], answers: Floats, truth: Floats, *, has_order: bool) -> Floats:
    """The median alone, unless the combination has a smaller error than it."""
    errors = np.abs(answers - truth[:, None])
    weights = weigh_models(errors, has_order=has_order)
    median = names.index("median")
    if np.abs(answers @ weights - truth).mean() < errors[:, median].mean():
        return weights
    alone: Floats = np.eye(len(names))[median]
    return alone
