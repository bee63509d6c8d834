"""Which effects hold after correction for how many were looked at."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.planning.rules.recommendations.effects import (
    Measure,
    PooledEffect,
    ProjectEffects,
    StrataArm,
    duration_effects,
    failure_effects,
    pool_effects,
)

LEAST_GROUP = 30  # projects of a category, to be compared among themselves
EVERYONE = "all projects"
LEAST_PROJECTS = 5  # with the comparison
LEAST_RUNS = 10  # of a project, with the value and without
MOST_VALUES = 12  # of an input, else it is no choice
ALPHA = 0.05  # that any recommendation of a log is wrong
LEAST_EFFECT: Mapping[Measure, float] = {"failures": 0.01, "duration": 0.05}
EFFECTS: tuple[tuple[Measure, Callable[..., ProjectEffects]], ...] = (
    ("failures", failure_effects),
    ("duration", duration_effects),
)
SUMS = ["rows", "failed", "known", "total", "squares"]
STRATUM = ["scope", "actor", "month"]


@dataclass(frozen=True)
class InputComparison:
    """Runs of a kind with `name` = `value`, beside those with another value of it."""

    category: str
    kind: str
    name: str
    value: str
    others: tuple[str, ...]
    measure: Measure


@dataclass(frozen=True)
class HeldEffect:
    """low, high: an interval that allows for all comparisons. base: without the value."""

    comparison: InputComparison
    effect: PooledEffect
    low: float
    high: float
    base: float | None
    projects: tuple[str, ...]
    looked_at: int

    @property
    def is_better(self) -> bool:
        return self.effect.effect < 0


@dataclass(frozen=True)
class EffectSearch:
    """looked_at: how many comparisons were made."""

    held: tuple[HeldEffect, ...]
    looked_at: int


def reference_groups(categories: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """Categories that are large enough; all projects for those of the others."""
    groups = {name: own for name, own in categories.items() if len(own) >= LEAST_GROUP}
    if len(groups) < len(categories):
        groups[EVERYONE] = [project for own in categories.values() for project in own]
    return groups


def find_effects(table: pd.DataFrame, groups: Mapping[str, Sequence[str]]) -> EffectSearch:
    """The effects that leave out 0 after Holm's correction over all comparisons of the log.

    table: a row for each (kind, name, label, scope, actor, month), with the sums of its runs. Holm
    holds the chance of any false one at 5 %, however the comparisons depend on each other.
    """
    tested = [
        (comparison, effects, pool_effects(effects.effects, effects.variances), scopes)
        for category, projects in groups.items()
        for comparison, effects, scopes in _comparisons(table, category, projects)
    ]
    tested.sort(key=lambda one: one[2].p)
    held = []
    for place, (comparison, effects, pooled, scopes) in enumerate(tested):
        alpha = ALPHA / (len(tested) - place)
        if pooled.p > alpha:
            break
        low, high = pooled.interval(alpha)
        base = float(np.mean(effects.base)) if comparison.measure == "failures" else None
        projects = tuple(str(scopes[at]) for at in effects.projects)
        if abs(pooled.effect) >= LEAST_EFFECT[comparison.measure]:
            held.append(HeldEffect(comparison, pooled, low, high, base, projects, len(tested)))
    return EffectSearch(tuple(held), len(tested))


Compared = tuple[InputComparison, ProjectEffects, NDArray[np.object_]]


def _comparisons(table: pd.DataFrame, category: str, projects: Sequence[str]) -> Iterator[Compared]:
    inside = table[table["scope"].isin(projects)]
    for (kind, name), part in inside.groupby(["kind", "name"], sort=True):
        labels = sorted(part["label"].unique())
        if not 2 <= len(labels) <= MOST_VALUES or part["scope"].nunique() < LEAST_PROJECTS:
            continue
        codes, scopes, sums = _strata(part, labels)
        total = sums.sum(axis=1)
        for at, label in enumerate(labels[:1] if len(labels) == 2 else labels):
            used, other = _arm(sums[:, at]), _arm(total - sums[:, at])
            others = tuple(one for one in labels if one != label)
            for measure, effects_of in EFFECTS:
                effects = effects_of(codes, used, other, LEAST_RUNS)
                if len(effects.projects) >= LEAST_PROJECTS:
                    compared = InputComparison(
                        category, str(kind), str(name), label, others, measure
                    )
                    yield compared, effects, scopes


def _strata(
    part: pd.DataFrame, labels: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.object_], NDArray[np.float64]]:
    """(S,) codes of projects, their names, and (S, labels, sums)."""
    stratum = part.groupby(STRATUM, sort=True).ngroup().to_numpy()
    scope_codes, scopes = pd.factorize(part["scope"])
    sums = np.zeros((stratum.max() + 1, len(labels), len(SUMS)))
    sums[stratum, np.searchsorted(labels, part["label"].to_numpy(dtype=str))] = part[SUMS].to_numpy(
        dtype=np.float64
    )
    codes = np.zeros(len(sums), dtype=np.int64)
    codes[stratum] = scope_codes
    return codes, np.asarray(scopes, dtype=object), sums


def _arm(sums: NDArray[np.float64]) -> StrataArm:
    return StrataArm(*sums.T)
