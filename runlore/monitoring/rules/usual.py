"""The usual distances between the windows of the training data.

A feature that changes slowly, such as a count that fades over ten days, takes few of its values in
any one week: each week of the training is far from all the others, and so will be every week to
come. Only what goes beyond that is news. So PSI is not judged by what rows drawn one by one would
give, but by how it lies among windows as long as this one, each with its own actors, rhythm and
spells.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma, stdtr

from runlore.monitoring.rules import new_words
from runlore.monitoring.rules.histogram import Floats, Profile
from runlore.monitoring.rules.level import upper_persistence
from runlore.monitoring.rules.measures import Distance, Statistic, measure
from runlore.specs.model_spec import DriftPolicy

LEAST_WINDOWS = 3
SHARE = 0.95
MOST_FREEDOM = 100.0


@dataclass(frozen=True)
class UsualColumn:
    """The usual distances of one column between windows of the training data.

    limits: what 19 of 20 stay within, by statistic. mean: of PSI's cube root, which is all but
    normal for a χ² of any freedom (Wilson & Hilferty, PNAS, 1931). sd: of it, in means.
    freedom: of sd. windows: how many. chance: their 1/n + 1/m on average. new_words: of a category,
    the share of rows with words that had not come before, see `new_words.py`.
    """

    limits: Mapping[Statistic, float]
    mean: float = 0.0
    sd: float = 1.0
    freedom: float = 1.0
    windows: int = 1
    chance: float = 1.0
    new_words: float = 0.0

    def p_value(self, distance: Distance) -> float:
        """How often a window as usual is this far away, the newest one taken like all others.

        Fewer rows than the training's windows had bring PSI up by chance alone, and that much is
        taken off; more rows are no reason to expect less. Never below what chance alone gives.
        """
        if not self.mean or not distance.chance:
            return distance.p_by_chance
        fair = distance.psi * min(1.0, self.chance / distance.chance)
        spread = max(self.sd, np.sqrt(2 / (9 * max(distance.freedom, 1))))
        apart = np.cbrt(fair) / self.mean - 1
        t = apart / (spread * np.sqrt(1 + 1 / self.windows))
        return max(float(stdtr(self.freedom, -t)), distance.p_by_chance)


@dataclass(frozen=True)
class UsualDistances:
    """columns: by name; none when the training holds too few windows.

    persistence: how much the distance of one window may be that of the one before, as an upper
    bound of the correlation.
    """

    columns: Mapping[str, UsualColumn] = field(default_factory=dict)
    persistence: float = 1.0
    windows: int = 0

    @property
    def is_known(self) -> bool:
        return bool(self.columns)


def usual(windows: Sequence[Profile], policy: DriftPolicy) -> UsualDistances:
    """Measure how training windows differ, each compared with all others together.

    windows: counted in the reference's bins, in order of time; those with too few rows for a
    verdict are left out. Nothing when fewer than three are left.
    """
    held = [window for window in windows if window.rows >= policy.least_rows]
    if len(held) < LEAST_WINDOWS:
        return UsualDistances()
    distances = _distances(held, policy)
    names = [name for name, of_column in distances.items() if len(of_column) >= LEAST_WINDOWS]
    roots = {name: np.cbrt([distance.psi for distance in distances[name]]) for name in names}
    new = new_words.usual_shares(held)
    columns = {
        name: replace(column, new_words=new.get(name, 0.0))
        for name, column in _columns(distances, roots).items()
    }
    persistence = upper_persistence(_severity(list(roots.values()), len(held)))
    return UsualDistances(columns, persistence, len(held))


def _distances(windows: Sequence[Profile], policy: DriftPolicy) -> dict[str, list[Distance]]:
    total = reduce(Profile.merged, windows)
    seen: dict[str, list[Distance]] = defaultdict(list)
    for window in windows:
        others = total.without(window)
        for mine, theirs in zip(others.columns, window.columns, strict=True):
            if theirs.rows >= policy.least_rows:
                seen[mine.name].append(measure(mine, theirs, policy))
    return seen


def _columns(
    distances: Mapping[str, Sequence[Distance]], roots: Mapping[str, Floats]
) -> dict[str, UsualColumn]:
    means = np.array([root.mean() for root in roots.values()])
    sds = np.array([root.std(ddof=1) for root in roots.values()]) / np.where(means, means, 1.0)
    counts = np.array([root.size for root in roots.values()])
    moderated, freedom = moderate(sds, counts - 1.0)
    return {
        name: UsualColumn(
            limits=_limits(distances[name]),
            mean=float(means[at]),
            sd=float(moderated[at]),
            freedom=float(freedom[at]),
            windows=int(counts[at]),
            chance=float(np.mean([distance.chance for distance in distances[name]])),
        )
        for at, name in enumerate(roots)
    }


def _limits(distances: Sequence[Distance]) -> dict[Statistic, float]:
    values: dict[Statistic, list[float]] = defaultdict(list)
    for distance in distances:
        for reading in distance.measures:
            values[reading.statistic].append(reading.value)
    return {
        statistic: float(np.quantile(of_windows, SHARE, method="higher"))
        for statistic, of_windows in values.items()
    }


def moderate(sds: Floats, freedom: Floats) -> tuple[Floats, Floats]:
    """Spreads that few windows tell badly, drawn to what the other columns' are: (n,) each.

    The variances are taken as drawn around a common one, whose strength is estimated from how
    much they differ (Smyth, "Linear models and empirical Bayes methods", Stat. Appl. Genet. Mol.
    Biol., 2004). Returns the spreads and their degrees of freedom.
    """
    seen = sds > 0
    if seen.sum() < LEAST_WINDOWS:
        return sds, freedom
    half = freedom[seen] / 2
    log = 2 * np.log(sds[seen]) - digamma(half) + np.log(half)
    excess = float(log.var(ddof=1) - polygamma(1, half).mean())
    prior = _prior_freedom(excess)
    common = np.exp(log.mean() + digamma(prior / 2) - np.log(prior / 2))
    total = freedom + prior
    return np.sqrt((prior * common + freedom * np.square(sds)) / total), total


def _prior_freedom(excess: float) -> float:
    """The freedom whose log variance varies by `excess`: trigamma(d / 2) = excess."""
    if excess <= polygamma(1, MOST_FREEDOM / 2):
        return MOST_FREEDOM
    least = 1e-2
    if excess >= polygamma(1, least):
        return 2 * least
    return float(2 * brentq(lambda half: polygamma(1, half) - excess, least, MOST_FREEDOM / 2))


def _severity(roots: Sequence[Floats], windows: int) -> Floats:
    """How far each window is from the others, (windows,), over columns known in all of them."""
    whole = [root for root in roots if root.size == windows and root.std()]
    if not whole:
        return np.empty(0)
    scores = [(root - root.mean()) / root.std() for root in whole]
    return np.asarray(np.mean(scores, axis=0), dtype=np.float64)
