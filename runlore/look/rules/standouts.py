"""Users, kinds and hosts that fail more or less often than the rest, beyond chance.

Runs of a day share releases and outages, so a group's rate varies more than single runs would. The
variance is that of a ratio over blocks of time, and at least the binomial one: Cochran, Sampling
techniques, 1977, 6.3 and 11.4. Which groups stand out is decided with a bound on the share of false
ones: Benjamini and Hochberg, Controlling the false discovery rate, J. R. Stat. Soc. B 1995.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.kernel.durations import DAY_US
from runlore.look.rules.findings import Measured, Part, StandOut

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_RUNS = 30
LEAST_BLOCKS = 20  # of the whole log
LEAST_ACTIVE = 5  # blocks in which a group was active
FALSE_DISCOVERIES = 0.05
MOST_SHOWN = 12


@dataclass(frozen=True, eq=False)
class GroupedRuns:
    """n finished runs. labels: part -> (n,) names. failed: (n,), 0 or 1."""

    at_us: Ints
    failed: Floats
    labels: Mapping[Part, NDArray[np.object_]]


@dataclass(frozen=True, eq=False)
class GroupTests:
    """One test for each of g groups."""

    parts: Sequence[Part]
    names: Sequence[str]
    runs: Floats
    rate: Floats
    rest: Floats
    spread: Floats  # (g,): the standard error of a rate, times the t quantile
    p_values: Floats


def stand_outs(runs: GroupedRuns) -> tuple[tuple[StandOut, ...], int]:
    """The groups beyond chance, those with the most failures too many or too few first.

    Also returns how many groups were compared.
    """
    from scipy.stats import false_discovery_control

    tests = [test for part, names in runs.labels.items() if (test := _test(part, names, runs))]
    p_values = np.concatenate([test.p_values for test in tests]) if tests else np.empty(0)
    if not p_values.size:
        return (), 0
    q = np.asarray(false_discovery_control(p_values), dtype=np.float64)
    found, at = [], 0
    for test in tests:
        for row in range(len(test.names)):
            if q[at] <= FALSE_DISCOVERIES:
                excess = abs(test.rate[row] - test.rest[row]) * test.runs[row]
                found.append((excess, _stand_out(test, row, float(q[at]))))
            at += 1
    found.sort(key=lambda one: (-one[0], one[1].part, one[1].name))
    return tuple(one for _, one in found[:MOST_SHOWN]), int(p_values.size)


def hidden(found: Sequence[StandOut]) -> tuple[StandOut, ...]:
    """The same groups with numbers in place of their names."""
    return tuple(replace(one, name=f"no. {number}") for number, one in enumerate(found, start=1))


def _test(part: Part, names: NDArray[np.object_], runs: GroupedRuns) -> GroupTests | None:
    """Each group of a part against all others; None where there is nothing to compare."""
    codes, words = pd.factorize(names, sort=True)
    total, failed = float(len(codes)), float(runs.failed.sum())
    sizes = np.bincount(codes, minlength=len(words))
    is_named = np.array([bool(word) for word in words], dtype=bool)
    large = np.flatnonzero((sizes >= LEAST_RUNS) & (sizes <= total - LEAST_RUNS) & is_named)
    if not large.size or not 0 < failed < total:
        return None
    tables = _tables(codes, large, runs)
    regular = np.flatnonzero((tables.count > 0).sum(axis=1) >= LEAST_ACTIVE)
    if not regular.size:
        return None
    rates = _rates(tables, regular)
    shown = [str(words[one]) for one in large[regular]]
    return GroupTests([part] * len(shown), shown, *rates)


@dataclass(frozen=True, eq=False)
class BlockTables:
    """Runs and failures by group and block of time, (g, b), and of all runs by block, (b,)."""

    count: Floats
    fails: Floats
    all_count: Floats
    all_fails: Floats


def _rates(tables: BlockTables, groups: Ints) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Of each group: its runs, its rate, the rest's rate, the half width of an interval, p."""
    from scipy import stats

    count, fails = tables.count[groups], tables.fails[groups]
    others, other_fails = tables.all_count - count, tables.all_fails - fails
    n, m, active = count.sum(axis=1), others.sum(axis=1), (count > 0).sum(axis=1)
    rate, rest = fails.sum(axis=1) / n, other_fails.sum(axis=1) / m
    base = tables.all_fails.sum() / tables.all_count.sum()
    chance = base * (1 - base)
    of_group = ((fails - rate[:, None] * count) ** 2).sum(axis=1) * active / (active - 1)
    of_rest = ((other_fails - rest[:, None] * others) ** 2).sum(axis=1)
    group_variance = np.maximum(of_group / n**2, chance / n)
    error = np.sqrt(group_variance + np.maximum(of_rest / m**2, chance / m))
    p_values = 2 * stats.t.sf(np.abs(rate - rest) / error, active - 1.0)
    return n, rate, rest, stats.t.ppf(0.975, active - 1.0) * np.sqrt(group_variance), p_values


def _blocks(at_us: Ints) -> Ints:
    """(n,): the block of time of each run: days, or shorter where the log has few."""
    first, last = int(at_us.min()), int(at_us.max())
    length = min(DAY_US, max((last - first) // LEAST_BLOCKS, 1))
    return (at_us - first) // length


def _tables(codes: Ints, large: Ints, runs: GroupedRuns) -> BlockTables:
    used, block = np.unique(_blocks(runs.at_us), return_inverse=True)
    place = np.full(int(codes.max()) + 1, -1)
    place[large] = np.arange(large.size)
    row = place[codes]
    keep = row >= 0
    cell = row[keep] * used.size + block[keep]
    shape = (large.size, used.size)
    cells = large.size * used.size
    ones = np.ones(codes.size)
    return BlockTables(
        _sums(cell, ones[keep], cells).reshape(shape),
        _sums(cell, runs.failed[keep], cells).reshape(shape),
        _sums(block, ones, used.size),
        _sums(block, runs.failed, used.size),
    )


def _sums(codes: Ints, weights: Floats, size: int) -> Floats:
    return np.bincount(codes, weights=weights, minlength=size).astype(np.float64)


def _stand_out(test: GroupTests, row: int, q: float) -> StandOut:
    rate, spread = float(test.rate[row]), float(test.spread[row])
    low, high = max(rate - spread, 0.0), min(rate + spread, 1.0)
    measured = Measured(rate, low, high, int(test.runs[row]))
    return StandOut(test.parts[row], test.names[row], measured, float(test.rest[row]), q)
