"""What a week cost: sums by weekday and group, and whether it differs beyond chance."""

from datetime import UTC, date, datetime, timedelta

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from runlore.reports.actions.recent_work import last_monday
from runlore.reports.rules.week_costs import DAYS, cost_groups, week_costs

MONDAY = date(2026, 11, 16)
Sums = list[float]


def frame(before: Sums, now: Sums, failed: float = 0.0) -> pd.DataFrame:
    """A frame as the database gives it: sums of 14 days, by day and by one actor."""
    days = [MONDAY + timedelta(days=day - DAYS) for day in range(2 * DAYS)]
    one = {"day": days, "value": before + now, "failed": failed, "runs": 3, "kind": "", "scope": ""}
    parts = [pd.DataFrame({**one, "part": part, "actor": "ann"}) for part in ("day", "actor")]
    return pd.concat(parts, ignore_index=True)


def test_weeks_are_compared_weekday_by_weekday() -> None:
    before = [10.0, 20.0, 30.0, 20.0, 10.0, 1.0, 1.0]
    week = week_costs(frame(before, [value + 5 for value in before], 0.5), MONDAY)
    assert (week.total, week.total_before) == (127.0, 92.0)
    assert (week.failed, week.runs) == (3.5, 21)
    assert (week.low, week.high) == (pytest.approx(35.0), pytest.approx(35.0))
    assert week.is_changed, "each day cost 5 more"


def test_a_day_that_stands_out_is_no_change_of_the_week() -> None:
    week = week_costs(frame([1.0] * 7, [1.0] * 6 + [30.0]), MONDAY)
    assert week.low < 0 < week.high
    assert not week.is_changed


def test_without_the_week_before_nothing_is_said_of_a_change() -> None:
    known = frame([0.0] * 7, [5.0] * 7)
    week = week_costs(known[known["day"] >= MONDAY], MONDAY)
    assert np.isnan(week.low)
    assert (week.total, week.total_before, week.runs_before) == (35.0, 0.0, 0)
    assert not week.is_changed


def test_groups_have_both_weeks() -> None:
    [group] = cost_groups(frame([1.0] * 7, [2.0] * 7), MONDAY)
    assert (group.part, group.name, group.value, group.before) == ("actor", "ann", 14.0, 7.0)


COST = st.floats(0, 1e9)


@given(st.lists(COST, min_size=14, max_size=14))
def test_the_interval_holds_the_difference(costs: Sums) -> None:
    week = week_costs(frame(costs[:7], costs[7:]), MONDAY)
    difference = week.total - week.total_before
    slack = 1e-6 * (1 + abs(difference) + week.total)
    assert week.low - slack <= difference <= week.high + slack


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_the_last_week_is_over_and_not_older_than_two(at: datetime) -> None:
    monday = last_monday(at)
    assert monday.weekday() == 0
    assert timedelta(days=7) <= at.date() - monday < timedelta(days=14)
