from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.features import matrix
from runlore.features.declaration import FeaturePlan, HistoryFeatures
from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.instants import to_us
from runlore.log import time_slices
from runlore.log.executions import read_facts
from runlore.specs.catalog.duration import SPEC
from runlore.specs.model_spec import Population
from runlore.store.engine import Store
from tests.log.logged_work import Work, add, day

WEEK_S = 7 * DAY_S


def test_a_window_is_the_last_whole_days_that_have_ended() -> None:
    for hours in (0, 1, 23.9):
        span = time_slices.ending(day(9 + hours / 24), 4 * DAY_S)
        assert (span.begin, span.end, len(span.numbers)) == (day(5), day(9), 4)


def test_a_window_of_hours_is_whole_hours_and_any_other_is_one_slice() -> None:
    span = time_slices.ending(day(9.1), 6 * HOUR_S)
    assert (span.begin, span.end) == (day(9) - timedelta(hours=4), day(9) + timedelta(hours=2))
    assert len(span.numbers) == 6
    odd = time_slices.ending(day(9), 1000.0)
    assert (odd.length_s, len(odd.numbers)) == (1000.0, 1)
    assert odd.end <= day(9)


@given(st.integers(0, 4 * 10**15), st.sampled_from([HOUR_S, DAY_S, 7 * DAY_S, 1000.0]))
def test_every_instant_is_in_one_slice_after_its_begin_and_until_its_end(
    at_us: int, window_s: float
) -> None:
    grid = time_slices.grid_of(window_s)
    number = int(grid.of(np.array([at_us]))[0])
    assert to_us(grid.begin(number)) < at_us <= to_us(grid.begin(number + 1))


def test_windows_of_the_training_lie_within_it_side_by_side_up_to_its_end() -> None:
    found = time_slices.within(WEEK_S, to_us(day(1.5)), to_us(day(23.7)), 30)
    assert [(each.begin, each.end) for each in found] == [
        (day(2), day(9)),
        (day(9), day(16)),
        (day(16), day(23)),
    ]
    assert time_slices.within(WEEK_S, to_us(day(1.5)), to_us(day(23.7)), 2) == found[1:]
    assert time_slices.within(WEEK_S, to_us(day(1.5)), to_us(day(6)), 30) == []


def test_where_the_log_ended_earlier_its_last_window_is_taken_and_said(store: Store) -> None:
    add(store, Work(10, 0, 10))
    asked, note = time_slices.newest(store, SPEC, day(9), 4 * DAY_S)
    assert (asked.begin, asked.end, note) == (day(5), day(9), "")
    last, note = time_slices.newest(store, SPEC, day(400), 2 * DAY_S)
    assert (last.begin, last.end) == (day(8), day(10))
    assert "log ends on 2026-01-15 00:00 UTC" in note


def test_what_was_submitted_later_does_not_end_the_log(store: Store) -> None:
    add(store, Work(10, 0, 10), Work(10, 100, 10))
    last, note = time_slices.newest(store, SPEC, day(60), WEEK_S)
    assert (last.end, "2026-01-15" in note) == (day(10), True)


def test_an_empty_log_has_the_window_that_was_asked_for(store: Store) -> None:
    assert time_slices.newest(store, SPEC, day(3), WEEK_S) == (
        time_slices.ending(day(3), WEEK_S),
        "",
    )


def test_only_the_specs_population_counts(store: Store) -> None:
    add(store, Work(40, 0, 4), Work(40, 50, 4, kinds=("other",)))
    log = matrix.prepare(read_facts(store))
    only = replace(SPEC, population=Population(kinds=("etl",)))
    chosen = time_slices.population(log, only)
    assert set(log.executions["kind"][chosen]) == {"etl"}
    assert time_slices.population(log, SPEC).all()
    last, _ = time_slices.newest(store, only, day(54), WEEK_S)
    assert last.end == day(4)


@pytest.mark.parametrize(
    ("length", "left_out"),
    [
        (timedelta(days=7), ()),
        (timedelta(days=28), ()),
        (timedelta(days=3), ("weekday", "hour_of_week")),
        (timedelta(hours=30), ("hour", "weekday", "hour_of_week")),
    ],
)
def test_calendar_features_are_compared_over_whole_turns_only(
    length: timedelta, left_out: tuple[str, ...]
) -> None:
    plan = FeaturePlan((), (), (HistoryFeatures(("actor",)),))
    assert time_slices.incomparable(plan, length.total_seconds()) == left_out
    assert time_slices.incomparable(replace(plan, has_calendar=False), 1.0) == ()
