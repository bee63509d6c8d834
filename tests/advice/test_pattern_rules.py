"""The statistics of patterns beside slow plain ones."""

from datetime import UTC
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from runlore.advice.rules.patterns.behaviour import (
    Behaviour,
    ComparedBehaviour,
    Group,
    Labels,
    common_cycle,
    make_cycle,
    own_counts,
    rows_of,
)
from runlore.advice.rules.patterns.chance import tail_bound
from runlore.advice.rules.patterns.details import NextRun, TimeOfDay
from runlore.advice.rules.patterns.failure_times import exact_p
from runlore.advice.rules.patterns.periods import BAND, most_likely
from runlore.advice.rules.patterns.sequences import follow, stratified_p
from runlore.advice.rules.patterns.times_of_day import measure_time

DAY_S = 86_400.0
EVEN = make_cycle(np.ones((7, 24)), np.ones(7))
SHARES = st.floats(0.01, 0.99)


def behaviour(at_s: list[float], kinds: str, took_s: float = 60.0) -> Behaviour:
    at = np.array(at_s)
    names = tuple(sorted(set(kinds)))
    none = Labels(np.zeros(len(at), dtype=np.int64), ("",))
    codes = np.array([names.index(kind) for kind in kinds], dtype=np.int64)
    labels = {"actor": none, "scope": none, "kind": Labels(codes, names)}
    took = np.full(len(at), took_s)
    return Behaviour("actor", "", UTC, at, at + took, took, np.zeros(len(at)), labels)


@given(SHARES, st.integers(1, 200), st.integers(0, 200))
def test_the_bound_is_never_below_the_binomial_tail(p: float, n: int, k: int) -> None:
    k = min(k, n)
    bound = float(tail_bound(np.array(k / n), np.array(p), n))
    assert bound >= binom.sf(k - 1, n, p) * (1 - 1e-9)


tables = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
        lambda n: st.tuples(st.just(n), st.tuples(st.integers(0, n[0]), st.integers(0, n[1])))
    ),
    min_size=1,
    max_size=3,
)


@given(tables)
def test_stratified_tables_are_as_if_every_one_were_counted(
    drawn: list[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    runs = np.array([one[0] for one in drawn], dtype=np.float64).T
    bad = np.array([one[1] for one in drawn], dtype=np.float64).T
    upper, both = _plain(runs.astype(int), bad.astype(int))
    assert exact_p(runs, bad) == pytest.approx(both)
    strata, exposed, cases = [], [], []
    for at, ((a, b), (x, y)) in enumerate(drawn):
        strata += [at] * (a + b)
        exposed += [True] * a + [False] * b
        cases += [True] * x + [False] * (a - x) + [True] * y + [False] * (b - y)
    arrays = np.array(strata), np.array(exposed), np.array(cases)
    assert stratified_p(*arrays) == pytest.approx(upper)


def _plain(runs: np.ndarray, bad: np.ndarray) -> tuple[float, float]:
    """By every table with the same margins: as many on the first side or more, and two-sided."""
    choices = []
    for n, failures in zip(runs.T, bad.sum(axis=0), strict=True):
        ways = [(k, comb(n[0], k) * comb(n[1], failures - k)) for k in range(failures + 1)]
        choices.append([(k, w / comb(n.sum(), failures)) for k, w in ways if w])
    seen, more, less = bad[0].sum(), 0.0, 0.0
    for picked in product(*choices):
        chance = float(np.prod([w for _, w in picked]))
        total = sum(k for k, _ in picked)
        more += chance * (total >= seen)
        less += chance * (total <= seen)
    return more, min(2 * min(more, less), 1.0)


@given(st.floats(300, 40_000), st.lists(st.floats(0, 30 * DAY_S), min_size=1, max_size=5))
def test_no_rate_makes_an_interval_likelier_than_the_bound(period: float, at: list[float]) -> None:
    hours = np.ones((7, 24)) + np.arange(24) * 0.3
    cycle = make_cycle(hours * 100, np.array([9.0, 9, 9, 9, 9, 1, 1]) * 100)
    compared = ComparedBehaviour(
        behaviour(sorted([0.0, 31 * DAY_S, *at]), "a" * (len(at) + 2)), cycle
    )
    begins = np.array(at)
    bound = most_likely(compared, begins, period)
    edges = [begins, begins + (1 - BAND) * period, begins + (1 + BAND) * period]
    begin, low, high = (compared.work_until(edge) for edge in edges)
    for rate in np.geomspace(1e-3, 1e4, 60):
        chance = np.exp(-rate * (low - begin)) - np.exp(-rate * (high - begin))
        assert (chance <= bound + 1e-9).all()


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 1_439)), min_size=1, max_size=40),
    st.integers(0, 287),
    st.sampled_from((10, 80, 480)),
)
def test_a_window_has_the_mean_share_of_the_days(
    runs: list[tuple[int, int]], begin: int, width: int
) -> None:
    at = sorted(day * DAY_S + minute * 60 for day, minute in runs)
    compared = ComparedBehaviour(behaviour(at, "a" * len(at)), EVEN)
    rows = rows_of(compared.behaviour, Group())
    share, _, days = measure_time(compared, rows, TimeOfDay(5 * begin, width))
    by_day: dict[int, list[bool]] = {}
    for one in at:
        minute = one % DAY_S / 60
        by_day.setdefault(int(one // DAY_S), []).append((minute - 5 * begin) % 1440 < width)
    assert days == len(by_day)
    assert share == pytest.approx(np.mean([np.mean(one) for one in by_day.values()]))


@given(st.lists(st.tuples(st.integers(0, 3_000), st.sampled_from("ab")), min_size=2, max_size=30))
def test_what_follows_is_counted_as_by_hand(runs: list[tuple[int, str]]) -> None:
    runs = sorted(runs)
    own = behaviour([float(at) for at, _ in runs], "".join(kind for _, kind in runs))
    if {kind for _, kind in runs} != {"a", "b"}:
        return
    found = follow(own, NextRun("kind", "a", "b", 120.0))
    begins = [at for at, kind in runs if kind == "b"]
    firsts = [at for at, kind in runs if kind == "a"]
    after = [any(at + 60 < b <= at + 180 for b in begins) for at in firsts]
    before = [any(at - 120 <= b < at for b in begins) for at in firsts]
    assert found.n == len(firsts)
    assert found.after.tolist() == pytest.approx([np.mean(after)])
    assert found.before.tolist() == pytest.approx([np.mean(before)])


def test_own_work_is_no_part_of_the_common_cycle() -> None:
    own = behaviour([day * DAY_S + 7_200 for day in range(70)], "a" * 70)
    counts = own_counts(own)
    alone = common_cycle(counts, counts)
    assert alone.days == 0
    assert alone.hours == pytest.approx(1 / 24)
    assert alone.weekdays == pytest.approx(1 / 7)
