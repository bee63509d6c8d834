"""Which work is due, and when it is said again."""

from datetime import UTC, datetime, timedelta

import pytest

from runlore.triggers import rules
from runlore.triggers.rules import AB, RETRAINING, ROLLOUT, TESTS, DueWork, LookCycle

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("event", "is_new", "due_s"),
    [(ROLLOUT, True, 90), (ROLLOUT, False, 300), (AB, True, 90), (AB, False, 900)],
)
def test_a_look_is_due_soon_after_the_start_and_then_at_intervals(
    event: rules.Event, due_s: float, *, is_new: bool
) -> None:
    cycle = LookCycle(event, "runlore.spec.duration", NOON, is_new)
    assert rules.due_looks([cycle], after(due_s - 1)) == []
    [work] = rules.due_looks([cycle], after(due_s))
    assert (work.event, work.resource) == (event, "runlore.spec.duration")


def test_all_tests_are_one_work_that_is_due_with_the_first_of_them() -> None:
    cycles = [LookCycle(AB, TESTS, after(200), False), LookCycle(AB, TESTS, NOON, False)]
    assert rules.due_looks(cycles, after(899)) == []
    assert len(rules.due_looks(cycles, after(5000))) == 1


def test_the_same_work_is_said_again_with_growing_pauses_of_at_most_an_hour() -> None:
    work, said, times = DueWork(ROLLOUT, "runlore.spec.duration", "a"), {}, []
    for second in range(0, 3 * 3600, 10):
        for due in rules.to_say([work], said, after(second)):
            said[due] = rules.said_now(due, said.get(due), after(second))
            times.append(second)
    assert times == [0, 120, 360, 840, 1800, 3720, 7320]


def test_work_with_another_cause_is_said_at_once() -> None:
    work = DueWork(RETRAINING, "runlore.spec.duration", "12")
    said = {work: rules.said_now(work, None, NOON)}
    other = DueWork(RETRAINING, "runlore.spec.duration", "13")
    assert rules.to_say([work, other], said, after(1)) == [other]


def test_the_next_look_is_when_something_becomes_due_or_is_said_again() -> None:
    work = DueWork(AB, TESTS, "a")
    cycle = LookCycle(ROLLOUT, "runlore.spec.duration", NOON, False)
    assert rules.next_at([], {}) is None
    assert rules.next_at([cycle], {}) == after(300)
    assert rules.next_at([cycle], {work: rules.said_now(work, None, NOON)}) == after(120)
