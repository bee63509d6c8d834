"""Error budgets, burn rates and their alerts, as arithmetic."""

from math import comb, isnan

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runlore.signals.rules.objectives.burn_alerts import chance_of, judge_burn, severity_state
from runlore.signals.rules.objectives.error_budget import (
    EventCounts,
    budget_end,
    budget_left,
    burn_history,
    error_budget,
    window_burn,
)
from runlore.specs.objective_spec import WORKBOOK, BurnRule

STEP_S, HOUR = 300, 12
RULE = BurnRule("page", 14.4, 3_600, 300)
ALLOWED = 0.005


def counts(total: object, bad: object) -> EventCounts:
    return EventCounts(0, STEP_S, np.array(total, float), np.array(bad, float))


def quiet_then(total: int, bad: int, steps: int, *, of: int = 8_064) -> EventCounts:
    """10 good events a step, and at the end some steps with others."""
    totals, bads = np.full(of, 10.0), np.zeros(of)
    totals[of - steps :], bads[of - steps :] = total, bad
    return counts(totals, bads)


events = st.lists(
    st.integers(0, 50).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    min_size=2,
    max_size=60,
)


@given(events, st.data(), st.floats(0.001, 0.5))
def test_what_is_spent_adds_up(rows: list[tuple[int, int]], data: st.DataObject, share: float):
    """Over two parts of a period, and along the history."""
    total, bad = zip(*rows, strict=True)
    cut = data.draw(st.integers(1, len(rows) - 1))
    whole = error_budget(counts(total, bad), share)
    parts = [error_budget(counts(total[a:b], bad[a:b]), share) for a, b in [(0, cut), (cut, None)]]
    assert whole.bad == sum(part.bad for part in parts)
    assert whole.allowed == pytest.approx(sum(part.allowed for part in parts))
    assume(sum(total))
    left = budget_left(counts(total, bad), share)
    assert left[-1] == pytest.approx(whole.left)
    assert (np.diff(left) <= 0).all()
    assert whole.sli_low <= whole.sli + 1e-12
    assert whole.sli <= whole.sli_high + 1e-12


@given(st.integers(1, 20), st.integers(1, 40), st.floats(0.1, 20))
def test_a_burn_rate_of_1_for_the_whole_period_spends_exactly_the_budget(
    bad: int, steps: int, rate: float
) -> None:
    share = 0.01
    total = bad / share / rate
    even = counts([total] * steps, [bad] * steps)
    burn = window_burn(even, STEP_S * steps, share).burn
    assert burn == pytest.approx(rate)
    assert error_budget(even, share).left == pytest.approx(1 - rate)


@given(events)
def test_burn_rates_along_the_period_are_those_of_their_windows(rows: list[tuple[int, int]]):
    total, bad = zip(*rows, strict=True)
    width = min(3, len(rows))
    history = burn_history(counts(total, bad), width * STEP_S, ALLOWED)
    for place in range(len(rows)):
        until = counts(total[: place + 1], bad[: place + 1])
        expected = window_burn(until, width * STEP_S, ALLOWED).burn
        if place + 1 < width or isnan(expected):
            assert isnan(history[place])
        else:
            assert history[place] == pytest.approx(expected)


@pytest.mark.parametrize(("bad", "total"), [(1, 2), (3, 10), (0, 5), (5, 5), (12, 900)])
def test_chance_is_the_binomial_tail(bad: int, total: int) -> None:
    tail = sum(
        comb(total, k) * ALLOWED**k * (1 - ALLOWED) ** (total - k) for k in range(bad, total + 1)
    )
    assert chance_of(bad, total, ALLOWED) == pytest.approx(tail, rel=1e-9)


@pytest.mark.parametrize(
    ("last", "state"),
    [
        (quiet_then(10, 10, HOUR), "firing"),
        (quiet_then(10, 1, HOUR), "firing"),
        (quiet_then(1, 0, HOUR), "quiet"),
        (counts([0] * 11 + [2], [0] * 11 + [1]), "quiet"),  # 1 failure of 2
        (counts([0] * 11 + [1], [0] * 11 + [1]), "quiet"),
        (counts([0] * 11 + [3], [0] * 11 + [2]), "firing"),
        (counts([9] * 12, [9] * 11 + [0]), "quiet"),  # over: the short window is good
        (counts([9] * 11 + [0], [9] * 11 + [0]), "unknown"),
        (counts([0] * 12, [0] * 12), "unknown"),
        (counts([9] * 11 + [0], [0] * 12), "quiet"),
    ],
)
def test_a_page_needs_both_windows_and_more_than_chance(last: EventCounts, state: str) -> None:
    verdict = judge_burn(last, RULE, ALLOWED)
    assert verdict.state == state
    assert severity_state([verdict], "page") == state
    assert severity_state([verdict], "ticket") == "quiet"


def test_one_failure_alone_never_alerts_whatever_the_target() -> None:
    for total in (1, 2, 5, 20, 100):
        for allowed in (0.2, 0.05, 0.01, 0.001, 0.000_01):
            one = counts([total], [1])
            rules = (BurnRule(rule.severity, rule.factor, 300, 299) for rule in WORKBOOK)
            assert all(judge_burn(one, rule, allowed).state == "quiet" for rule in rules)


def end_slowly(one: EventCounts, share: float, bad_share: float) -> float | None:
    """Step by step: the oldest events leave, new ones come at the mean rate."""
    total, bad = list(one.total), list(one.bad)
    covered = len(total) - next(place for place, number in enumerate(total) if number)
    rate = sum(total) / covered
    for step in range(len(total) + 1):
        if sum(bad) >= share * sum(total):
            return step * STEP_S
        total, bad = [*total[1:], rate], [*bad[1:], rate * bad_share]
    return None


@given(events, st.sampled_from([0.3, 0.05, 0.8]))
def test_the_budget_ends_when_a_slow_walk_says(rows: list[tuple[int, int]], share: float) -> None:
    total, bad = zip(*rows, strict=True)
    one = counts(total, bad)
    newest, failed = one.last(2 * STEP_S)
    assume(newest > 0)
    found = budget_end(one, 2 * STEP_S, share)
    assume(abs(failed / newest - share) > 1e-6)  # a tie is decided by rounding
    slow = end_slowly(one, share, failed / newest)
    if slow is None:
        assert found.after_s is None
    else:
        assert found.after_s is not None
        assert abs(found.after_s - slow) <= STEP_S
    ends = [np.inf if end is None else end for end in (found.earliest_s, found.after_s)]
    assert ends == sorted(ends)
    assert found.latest_s is None or found.latest_s >= ends[1]


def test_a_window_without_events_says_nothing_of_the_end() -> None:
    one = counts([5, 5, 0], [1, 0, 0])
    assert budget_end(one, STEP_S, 0.3).after_s is None
    assert budget_end(one, STEP_S, 0.3).earliest_s is None
