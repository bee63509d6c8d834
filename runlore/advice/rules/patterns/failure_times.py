"""When a group fails more or less: a weekday beside the rest of its weeks, hours beside the day."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.patterns.behaviour import ComparedBehaviour, GroupRows
from runlore.advice.rules.patterns.chance import PatternTest, Unit
from runlore.advice.rules.patterns.details import FailureTime
from runlore.advice.rules.patterns.local_time import MONDAY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DETAILS = (
    *(FailureTime(weekday=day) for day in range(7)),
    *(FailureTime(hour=hour) for hour in (0, 6, 12, 18)),
)
BLOCK_H = 6
LEAST_UNITS, LEAST_DIFFERENCE = 8, 0.05
CHECKED = 0.1  # a larger p needs no second one
CLOSE = 25.0  # variance from which on the normal distribution is close enough


def find_failures(compared: ComparedBehaviour, rows: GroupRows) -> Iterator[PatternTest]:
    failed = compared.behaviour.failed[rows.rows]
    if not (failed == 1).any():
        return
    for detail in DETAILS:
        share, chance, units, p = measure_failures(compared, rows.rows, detail)
        if units >= LEAST_UNITS:
            small, large = sorted((share, chance))
            yield PatternTest(
                sort="failures",
                group=rows.group,
                detail=detail,
                n=int((~np.isnan(failed)).sum()),
                support=units,
                unit=_unit(detail),
                share=share,
                chance=chance,
                p=p,
                searched=1,
                is_large=large - small >= LEAST_DIFFERENCE and large >= 1.5 * small,
            )


def measure_failures(
    compared: ComparedBehaviour, rows: Ints, detail: FailureTime
) -> tuple[float, float, int, float]:
    """Failure rates then and else, weeks (or days) that have both, and p.

    p is the larger of two, both within weeks (or days): the exact one of 2 × 2 tables, which knows
    that failures are rare; and that of the sum of differences beside its own spread, which knows
    that failures come in spells.
    """
    behaviour = compared.behaviour
    known = rows[~np.isnan(behaviour.failed[rows])]
    times, failed = behaviour.times, behaviour.failed[known]
    day = times.day[known]
    if detail.weekday is not None:
        stratum, inside = (day - MONDAY) // 7, times.weekday[known] == detail.weekday
    else:
        begin = (detail.hour or 0) * 60
        minute = times.minute[known]
        stratum, inside = day, (minute >= begin) & (minute < begin + BLOCK_H * 60)
    names, place = np.unique(stratum, return_inverse=True)
    runs, bad = (
        np.array([np.bincount(place[m], w[m], len(names)) for m in (inside, ~inside)], np.float64)
        for w in (np.ones(len(known)), failed)
    )
    both = (runs > 0).all(axis=0)
    runs, bad = runs[:, both], bad[:, both]
    if not both.any():
        return 0.0, 0.0, 0, 1.0
    share, chance = (float(b.sum() / r.sum()) for b, r in zip(bad, runs, strict=True))
    p = _spread_p(runs, bad)
    if p < CHECKED:
        p = max(p, exact_p(runs, bad))
    return share, chance, int(both.sum()), p


def exact_p(runs: Floats, bad: Floats) -> float:
    """Two-sided, given the margins of each table: Birch, 1964; the normal one where it is close.

    runs, bad: (2, s) of one side and the other, in s tables.
    """
    from scipy.stats import hypergeom, norm

    total, failures = runs.sum(axis=0), bad.sum(axis=0)
    telling = (failures > 0) & (failures < total)
    total, failures, inside = total[telling], failures[telling], runs[0, telling]
    expected = inside * failures / total
    variance = float(
        (expected * (1 - inside / total) * (total - failures) / np.maximum(total - 1, 1)).sum()
    )
    difference = float(bad[0, telling].sum() - expected.sum())
    if variance == 0:
        return 1.0
    if variance > CLOSE:
        return float(2 * norm.sf(max(abs(difference) - 0.5, 0) / np.sqrt(variance)))
    most = np.minimum(failures, inside).astype(np.int64)
    tables = total[:, None], failures[:, None], inside[:, None]
    chances = hypergeom.pmf(np.arange(most.max() + 1), *tables)
    distribution = np.ones(1)
    for chance, end in zip(chances, most, strict=True):
        distribution = np.convolve(distribution, chance[: end + 1])
    seen = int(bad[0, telling].sum())
    tails = distribution[: seen + 1].sum(), distribution[seen:].sum()
    return float(min(2 * min(tails), 1.0))


def _spread_p(runs: Floats, bad: Floats) -> float:
    """Two-sided, of the sum of differences over weeks (or days) beside their own spread."""
    from scipy.stats import t

    rate = bad.sum(axis=0) / runs.sum(axis=0)
    differences = bad[0] - runs[0] * rate
    telling = int(np.count_nonzero(differences))
    if telling < LEAST_UNITS:
        return 1.0
    size = float(np.sqrt((differences**2).sum()))
    return float(2 * t.sf(abs(differences.sum()) / size, telling - 1))


def _unit(detail: FailureTime) -> Unit:
    return "weeks" if detail.weekday is not None else "days"
