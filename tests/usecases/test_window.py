from dataclasses import replace
from datetime import timedelta

import pytest
from logged_work import Work, add, day

from runlore.features.declaration import DAY_S, FeaturePlan, History
from runlore.models.catalog.duration import SPEC
from runlore.models.spec import Population
from runlore.records.instant import to_us
from runlore.store.engine import Store
from runlore.usecases import window

WEEK_S = 7 * DAY_S


def test_a_window_holds_what_was_submitted_after_its_start_until_its_end(store: Store) -> None:
    add(store, Work(10, 0, 10))
    frame = window.read(store, SPEC, day(9), 4 * DAY_S)
    assert (frame.first, frame.last) == (day(5), day(9))
    assert frame.submitted_us.tolist() == [to_us(day(n)) for n in (6, 7, 8, 9)]
    assert frame.length_s == 4 * DAY_S
    assert frame.note == ""


def test_where_the_log_ended_earlier_its_last_window_is_taken_and_said(store: Store) -> None:
    add(store, Work(10, 0, 10))
    frame = window.read(store, SPEC, day(400), 2 * DAY_S)
    assert (frame.first, frame.last) == (day(8), day(10))
    assert frame.chosen.size == 2
    assert "log ends on 2026-01-15 00:00 UTC" in frame.note


def test_what_was_submitted_later_is_not_seen(store: Store) -> None:
    add(store, Work(10, 0, 10))
    assert window.read(store, SPEC, day(0.5), WEEK_S).chosen.size == 0
    assert window.read(store, SPEC, day(3.5), WEEK_S).chosen.size == 3


def test_an_empty_log_has_an_empty_window(store: Store) -> None:
    frame = window.read(store, SPEC, day(3), WEEK_S)
    assert (frame.chosen.size, frame.first, frame.last) == (0, day(-4), day(3))


def test_only_the_specs_population_is_in_the_window(store: Store) -> None:
    add(store, Work(40, 0, 4))
    only = replace(SPEC, population=Population(kinds=("etl",)))
    frame = window.read(store, only, day(4), WEEK_S)
    assert 0 < frame.chosen.size < 40
    assert set(frame.log.executions["kind"].iloc[frame.chosen]) == {"etl"}


def test_a_window_is_ordered_by_submission_whatever_the_order_of_the_log(store: Store) -> None:
    add(store, Work(5, 5, 5), Work(6, 0, 5))
    submitted = window.read(store, SPEC, day(10), 2 * WEEK_S).submitted_us
    assert (submitted[1:] >= submitted[:-1]).all()
    assert submitted.size == 11


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
    plan = FeaturePlan((), (), (History(("actor",)),))
    assert window.incomparable(plan, length.total_seconds()) == left_out
    assert window.incomparable(replace(plan, has_calendar=False), 1.0) == ()
