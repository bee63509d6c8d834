from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.monitoring.rules.trigger import JudgedWindow, apart, decide
from runlore.monitoring.rules.verdict import Answer
from runlore.specs.model_spec import DriftPolicy, RetrainingPolicy

START = datetime(2026, 1, 5, tzinfo=UTC)
POLICY = DriftPolicy(least_windows=2, of_windows=3)
ANSWERS: dict[str, Answer] = {"D": "drift", "-": "no drift", "?": "not enough data"}


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def weeks(answers: str, version: str = "1", first: float = 0) -> list[JudgedWindow]:
    """A window a week: D drifted, - did not, ? could not be judged; a blank was never judged."""
    return [
        JudgedWindow(
            version, day(first + 7 * at), day(first + 7 * at + 7), ANSWERS[answer], ("why",)
        )
        for at, answer in enumerate(answers)
        if answer != " "
    ]


@pytest.mark.parametrize(
    ("answers", "action"),
    [
        ("", "wait"),
        ("D", "wait"),
        ("-D", "wait"),
        ("DD", "retrain"),
        ("D-D", "retrain"),
        ("D--D", "wait"),
        ("DD-", "wait"),
        ("DDD-", "wait"),
        ("--DD", "retrain"),
        ("DD?", "wait"),
        ("D D", "retrain"),
        ("D  D", "wait"),
        ("DD          D", "wait"),
        ("D?D", "retrain"),
    ],
)
def test_enough_of_the_last_windows_and_the_newest_must_have_drifted(
    answers: str, action: str
) -> None:
    found = decide(weeks(answers), POLICY, day(7 * len(answers)))
    assert found.action == action
    assert found.is_alarm == (action == "retrain")
    assert found.reasons


def test_the_reasons_are_the_count_and_those_of_the_newest_window() -> None:
    found = decide(weeks("DD"), POLICY, day(14))
    assert found.reasons == ("2 of the last 3 windows drifted, the newest among them", "why")
    assert [each.window_to for each in found.windows] == [day(7), day(14)]


def test_windows_of_another_version_say_nothing_about_this_one() -> None:
    history = [*weeks("DD", "1"), *weeks("D", "2", first=14)]
    assert decide(history, POLICY, day(21)).action == "wait"


def test_what_ends_later_is_not_known_yet() -> None:
    history = weeks("D-DD")
    assert decide(history, POLICY, day(14)).action == "wait"
    assert decide(history, POLICY, day(21)).action == "retrain"


def test_looking_every_day_raises_no_alarm_that_looking_every_week_does_not() -> None:
    daily = [
        JudgedWindow("1", day(at), day(at + 7), "drift" if 3 <= at <= 9 else "no drift")
        for at in range(40)
    ]
    asked = [decide(daily, POLICY, day(at + 7)).action for at in range(40)]
    weekly = [each for at, each in enumerate(daily) if at % 7 == 0]
    expected = [decide(weekly, POLICY, day(7 * at + 7)).action for at in range(6)]
    assert asked[::7] == expected
    assert {each for at, each in enumerate(asked) if at % 7} == {"wait"}


def test_windows_that_overlap_count_once() -> None:
    history = [JudgedWindow("1", day(at), day(at + 7), "drift") for at in (0, 3, 7, 8, 14)]
    assert [each.window_from for each in apart(history)] == [day(0), day(7), day(14)]


def test_a_retraining_answers_the_windows_before_it() -> None:
    found = decide(weeks("DD"), POLICY, day(30), [day(14.5)], RetrainingPolicy(cooldown_s=0))
    assert (found.action, found.is_alarm) == ("wait", True)
    assert "has answered these windows" in found.reasons[0]


def test_the_cooldown_holds_and_then_lets_go() -> None:
    limits = RetrainingPolicy(cooldown_s=10 * 86_400)
    held = decide(weeks("DDD"), POLICY, day(21), [day(15)], limits)
    assert (held.action, held.is_alarm) == ("wait", True)
    assert "not again before 2026-01-30" in held.reasons[0]
    assert decide(weeks("DDD"), POLICY, day(25), [day(15)], limits).action == "retrain"


def test_the_budget_holds_until_the_oldest_retraining_is_long_past() -> None:
    limits = RetrainingPolicy(cooldown_s=0, budget=2, budget_window_s=20 * 86_400)
    past = [day(3), day(10)]
    held = decide(weeks("DDD"), POLICY, day(21), past, limits)
    assert held.action == "wait"
    assert "2 times in 20 days; 2 are allowed" in held.reasons[0]
    assert decide(weeks("DDD"), POLICY, day(24), past, limits).action == "retrain"


def test_a_retraining_to_come_is_no_retraining() -> None:
    assert decide(weeks("DD"), POLICY, day(14), [day(15)]).action == "retrain"


@given(st.text("D-? ", max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_the_history_does_not_matter(answers: str, random: object) -> None:
    history = weeks(answers)
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    at = day(7 * len(answers))
    assert decide(shuffled, POLICY, at) == decide(history, POLICY, at)


@given(st.text("D-", max_size=12))
def test_no_alarm_without_enough_drifted_windows(answers: str) -> None:
    """The rule once more, over the letters themselves."""
    last = answers[-POLICY.of_windows :]
    expected = last.endswith("D") and last.count("D") >= POLICY.least_windows
    assert decide(weeks(answers), POLICY, day(100)).is_alarm == expected


def test_one_of_one_acts_at_once() -> None:
    single = replace(POLICY, least_windows=1, of_windows=1)
    assert decide(weeks("-D"), single, day(14)).action == "retrain"
