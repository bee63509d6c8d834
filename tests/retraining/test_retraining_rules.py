"""May it be trained again: every limit on its own, and what asks by itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.retraining.rules import RetrainingEvidence, Trigger, due, permit
from runlore.specs.model_spec import RetrainingPolicy

AT = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = RetrainingPolicy()
CALM = RetrainingEvidence(AT, (), 1000, False, AT - 30 * DAY)


@pytest.mark.parametrize("trigger", get_args(Trigger))
def test_with_nothing_against_it_every_trigger_may(trigger: Trigger) -> None:
    assert permit(trigger, CALM, RULES).is_given


@pytest.mark.parametrize("trigger", get_args(Trigger))
def test_facts_that_have_taught_never_teach_again_whoever_asks(trigger: Trigger) -> None:
    found = permit(trigger, replace(CALM, has_learned=True), RULES)
    assert not found.is_given
    assert "have taught" in found.reasons[0]


def test_within_the_cooldown_only_a_person_may() -> None:
    known = replace(CALM, begun=(AT - 2 * DAY,))
    refused = permit("drift", known, RULES)
    assert not refused.is_given
    assert "not again before 2026-05-06" in refused.reasons[0]
    assert permit("person", known, RULES).is_given
    assert permit("drift", replace(known, at=AT + 5 * DAY), RULES).is_given


def test_a_spent_budget_refuses_and_comes_back_with_time() -> None:
    begun = tuple(AT - number * 10 * DAY for number in range(1, 5))
    refused = permit("labels", replace(CALM, begun=begun), RULES)
    assert "4 times in 90 days" in refused.reasons[0]
    assert permit("labels", replace(CALM, begun=begun, at=AT + 51 * DAY), RULES).is_given


def test_too_few_new_outcomes_refuse_unless_nothing_serves() -> None:
    few = replace(CALM, new_labels=99)
    assert "99 outcomes are new" in permit("drift", few, RULES).reasons[0]
    assert permit("schedule", replace(few, trained_at=None), RULES).is_given


@given(
    days=st.lists(st.integers(0, 400), max_size=12),
    labels=st.integers(0, 300),
    has_learned=st.booleans(),
)
def test_what_is_permitted_keeps_every_limit(
    days: list[int], labels: int, has_learned: bool
) -> None:
    begun = [AT - day * DAY for day in days]
    known = RetrainingEvidence(AT, begun, labels, has_learned, AT - 500 * DAY)
    is_kept = (
        not has_learned
        and labels >= 100
        and all(day >= 7 for day in days)
        and sum(day < 90 for day in days) < 4
    )
    assert permit("drift", known, RULES).is_given == is_kept


def test_by_itself_nothing_is_due_unless_the_spec_says_so() -> None:
    assert due(CALM, RULES) is None
    assert due(replace(CALM, trained_at=None), RULES) is not None


def test_a_schedule_counts_from_the_last_training_of_any_cause() -> None:
    monthly = replace(RULES, every_s=30 * 86_400.0)
    found = due(CALM, monthly)
    assert found is not None
    assert found.trigger == "schedule"
    assert due(replace(CALM, begun=(AT - 10 * DAY,)), monthly) is None


def test_for_a_day_after_its_data_was_refused_nothing_is_due() -> None:
    rules = replace(RULES, every_s=30 * 86_400.0, enough_new_labels=1000)
    for known in (CALM, replace(CALM, trained_at=None)):
        lately = replace(known, data_refused_at=AT - 0.9 * DAY)
        assert due(lately, rules) is None
        assert due(replace(lately, at=AT + 0.2 * DAY), rules) is not None


def test_enough_new_outcomes_are_due_at_exactly_their_number() -> None:
    rules = replace(RULES, enough_new_labels=1000)
    assert due(replace(CALM, new_labels=999), rules) is None
    found = due(CALM, rules)
    assert found is not None
    assert found.trigger == "labels"


@pytest.mark.parametrize("wrong", [{"budget": -1}, {"cooldown_s": -1.0}, {"every_s": 0.0}])
def test_a_policy_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=next(iter(wrong))):
        RetrainingPolicy(**wrong)  # type: ignore[arg-type]
