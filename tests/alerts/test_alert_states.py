"""One alert per cause: what a finding makes of it, and what people hear of that."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.alerts.rules import state
from runlore.alerts.rules.finding import AlertFinding, Severity, as_evidence, line
from runlore.alerts.rules.message import Message, compose
from runlore.alerts.rules.release import Channel, Notice, decide, route
from runlore.alerts.rules.state import AlertEpisode, Silence, mark_notified, observe, resolve
from runlore.kernel.errors import BadInput

AT = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
INFO, WARNING, CRITICAL = Severity


def finding(severity: Severity = WARNING, what: str = "it moved") -> AlertFinding:
    return AlertFinding("drift", "duration", severity, what, "measured", "look at it", AT - HOUR)


def opened(severity: Severity = WARNING) -> AlertEpisode:
    """An alert that people know."""
    return mark_notified(observe(None, finding(severity), AT).alert, severity)


def test_the_first_finding_of_a_cause_opens_an_alert_and_is_told_at_once() -> None:
    step = observe(None, finding(), AT)
    assert (step.event, step.hold_s) == ("opened", 0.0)
    alert = step.alert
    assert (alert.severity, alert.count, alert.opened_at) == (WARNING, 1, AT)
    assert (alert.since, alert.what, alert.advice) == (AT - HOUR, "it moved", "look at it")


def test_twenty_findings_are_one_alert_that_is_told_once() -> None:
    alert, told = opened(), 0
    for minutes in range(1, 20):
        step = observe(alert, finding(what=f"finding {minutes}"), AT + minutes * MINUTE)
        alert, told = step.alert, told + (step.hold_s is not None)
        assert step.event is None
    assert (alert.count, alert.what, told) == (20, "finding 19", 0)
    assert alert.seen_at == AT + 19 * MINUTE


def test_what_is_worse_than_people_know_is_told_at_once_and_undoes_the_acknowledgement() -> None:
    alert = state.acknowledge(opened(), AT, "ann", "on it").alert
    step = observe(alert, finding(CRITICAL), AT + HOUR)
    assert (step.event, step.hold_s) == ("escalated", 0.0)
    assert (step.alert.acknowledged_by, step.alert.note) == (None, None)


def test_a_severity_that_goes_up_and_down_is_told_once() -> None:
    alert = opened(CRITICAL)
    down = observe(alert, finding(WARNING), AT + HOUR)
    up = observe(down.alert, finding(CRITICAL), AT + 2 * HOUR)
    assert [(each.event, each.hold_s) for each in (down, up)] == [
        ("eased", None),
        ("escalated", None),
    ]


def test_what_was_told_in_an_earlier_episode_is_held_when_it_rises_to_that_again() -> None:
    over = resolve(opened(CRITICAL), AT + MINUTE).alert
    back = observe(over, finding(WARNING), AT + 2 * MINUTE)
    assert (back.event, back.hold_s) == ("returned", 1800)
    up = observe(back.alert, finding(CRITICAL), AT + 3 * MINUTE)
    assert (up.event, up.hold_s) == ("escalated", 300)
    heard = mark_notified(up.alert, CRITICAL)
    down = observe(heard, finding(WARNING), AT + HOUR).alert
    assert observe(down, finding(CRITICAL), AT + 2 * HOUR).hold_s is None, "told in this episode"


def test_ups_and_downs_do_not_put_off_what_is_held() -> None:
    over = replace(resolve(opened(CRITICAL), AT).alert, returns=3)
    began = AT + MINUTE
    alert, due = observe(over, finding(WARNING), began).alert, []
    for minutes in range(20, 320, 40):
        up = observe(alert, finding(CRITICAL), began + minutes * MINUTE)
        assert up.hold_s is not None
        due.append(minutes + up.hold_s / 60)
        alert = observe(up.alert, finding(WARNING), began + (minutes + 20) * MINUTE).alert
    assert due == [320] * 7 + [320], "of the fourth return: 5 min · 4³ after it began"


def test_what_becomes_worse_than_was_told_in_an_episode_undoes_its_acknowledgement() -> None:
    over = resolve(opened(CRITICAL), AT).alert
    back = mark_notified(observe(over, finding(WARNING), AT + MINUTE).alert, WARNING)
    cared = state.acknowledge(back, AT + HOUR, "ann", "on it").alert
    up = observe(cared, finding(CRITICAL), AT + 2 * HOUR)
    assert (up.alert.acknowledged_at, up.hold_s) == (None, 300)


def test_an_acknowledgement_stays_while_it_does_not_become_worse() -> None:
    alert = state.acknowledge(opened(), AT, "ann", "on it").alert
    step = observe(alert, finding(), AT + HOUR)
    assert (step.alert.acknowledged_by, step.alert.note, step.event) == ("ann", "on it", None)


def test_a_cause_that_comes_back_is_held_longer_each_time() -> None:
    alert, holds = opened(), []
    at = AT
    for _ in range(6):
        alert = resolve(alert, at + MINUTE).alert
        at += 2 * MINUTE
        step = observe(alert, finding(), at)
        alert = step.alert
        holds.append(step.hold_s)
        assert step.event == "returned"
    assert holds == [1800, 7200, 28_800, 115_200, 259_200, 259_200]
    assert alert.returns == 6


def test_a_cause_that_comes_back_worse_than_people_know_is_told_at_once() -> None:
    over = resolve(opened(), AT + MINUTE).alert
    assert observe(over, finding(CRITICAL), AT + 2 * MINUTE).hold_s == 0.0


def test_a_cause_that_people_never_heard_of_is_told_at_once_when_it_comes_back() -> None:
    over = resolve(observe(None, finding(), AT).alert, AT + MINUTE).alert
    assert observe(over, finding(), AT + 2 * MINUTE).hold_s == 0.0


def test_a_cause_that_was_quiet_for_a_week_opens_anew() -> None:
    over = resolve(opened(), AT + MINUTE).alert
    step = observe(over, finding(), AT + MINUTE + 7 * DAY)
    assert (step.event, step.hold_s, step.alert.returns) == ("opened", 0.0, 0)


def test_a_quiet_finding_resolves_and_one_of_before_does_not() -> None:
    alert = observe(opened(), finding(), AT + HOUR).alert
    assert resolve(alert, AT + MINUTE).event is None
    over = resolve(alert, AT + HOUR)
    assert (over.event, over.alert.resolved_at, over.alert.resolved_by) == (
        "resolved",
        AT + HOUR,
        "a quiet finding",
    )
    assert resolve(over.alert, AT + DAY).event is None


def test_a_late_finding_is_counted_and_changes_nothing_else() -> None:
    alert = observe(opened(), finding(), AT + HOUR).alert
    late = observe(alert, finding(CRITICAL, "old news"), AT + MINUTE).alert
    assert (late.count, late.severity, late.what) == (3, WARNING, "it moved")


FINDINGS = st.lists(
    st.tuples(
        st.sampled_from([*Severity, None]),
        st.integers(0, 3 * 86_400),
        st.booleans(),
    ),
    max_size=30,
)


@given(FINDINGS)
def test_whatever_is_found_people_hear_of_all_that_stays_and_of_nothing_twice(
    findings: list[tuple[Severity | None, int, bool]],
) -> None:
    """(severity, or quiet; seconds after the one before; whether what is due was sent)."""
    alert: AlertEpisode | None = None
    at, known, sent_now = AT, None, []
    for severity, seconds, is_sent in findings:
        at += timedelta(seconds=seconds)
        if severity is None:
            if alert is not None:
                alert = resolve(alert, at).alert
            continue
        was_open = alert is not None and alert.is_open
        returns_before = alert.returns if alert else 0
        step = observe(alert, finding(severity), at)
        alert = step.alert
        assert step.event is not None or was_open
        if step.event == "opened":
            known = None
        if known is None or severity.rank > known.rank:
            assert step.hold_s == 0.0 or was_open, "news is never held"
        if step.hold_s == 0.0:
            assert known is None or severity.rank > known.rank, "nobody is told twice"
            if is_sent:
                alert = mark_notified(alert, severity)
                known = severity
                sent_now.append(severity)
        if step.event == "returned":
            assert alert.returns == returns_before + 1
        assert alert.known == known


# What goes out, when, and where to.

NOTICE = Notice(1, "opened", WARNING, AT)
HELD = Notice(1, "returned", WARNING, AT + HOUR, is_held=True)
QUIET_HOUR = Silence(1, "dr*", "*", AT + HOUR, "ann", "deploy", AT)


def test_what_is_due_goes_out_and_what_is_held_waits() -> None:
    alert = observe(None, finding(), AT).alert
    assert decide(NOTICE, alert, (), AT) == "send"
    assert decide(HELD, alert, (), AT) == "wait"
    assert decide(HELD, alert, (), AT + HOUR) == "send"


def test_what_was_held_or_silenced_is_dropped_when_it_is_over_or_somebody_cares() -> None:
    alert = observe(None, finding(), AT).alert
    for settled in (resolve(alert, AT).alert, state.acknowledge(alert, AT, "ann").alert):
        assert decide(HELD, settled, (), AT) == "drop"
        assert decide(NOTICE, settled, (QUIET_HOUR,), AT) == "drop"
        assert decide(NOTICE, settled, (), AT) == "send", "nobody kept it back: it is told"


def test_an_alert_that_opened_while_nobody_delivered_is_told_unless_it_is_long_over() -> None:
    alert = observe(None, finding(), AT).alert
    assert decide(NOTICE, alert, (), AT + 9 * DAY) == "send"
    assert decide(NOTICE, resolve(alert, AT).alert, (), AT + 9 * DAY) == "drop"


def test_a_silence_keeps_back_what_it_covers_until_it_ends() -> None:
    alert = observe(None, finding(), AT).alert
    assert decide(NOTICE, alert, (QUIET_HOUR,), AT) == "wait"
    assert decide(NOTICE, alert, (QUIET_HOUR,), AT + HOUR) == "send"
    other = Silence(2, "skew", "*", AT + HOUR, "ann", "deploy", AT)
    assert decide(NOTICE, alert, (other,), AT) == "send"


def test_of_what_waits_only_the_newest_is_told() -> None:
    alert = observe(None, finding(), AT).alert
    older = Notice(1, "opened", WARNING, AT, is_newest=False)
    assert decide(older, alert, (), AT) == "drop"


def test_an_end_is_told_to_those_who_heard_of_the_beginning() -> None:
    ended = Notice(2, "resolved", WARNING, AT)
    assert decide(ended, resolve(opened(), AT).alert, (QUIET_HOUR,), AT) == "send"
    unheard = resolve(observe(None, finding(), AT).alert, AT).alert
    assert decide(ended, unheard, (), AT) == "drop"


def test_channels_get_what_is_grave_enough_and_the_end_of_what_they_got() -> None:
    channels = [Channel("ops"), Channel("pager", CRITICAL, has_incidents=True)]
    alert = opened()
    assert route(NOTICE, alert, channels, ()) == ["ops"]
    worse = Notice(2, "escalated", CRITICAL, AT)
    assert route(worse, alert, channels, ("ops",)) == ["ops", "pager"]
    ended = Notice(3, "resolved", WARNING, AT)
    assert route(ended, alert, channels, ("ops", "pager")) == ["ops", "pager"]
    assert route(ended, alert, channels, ("ops",)) == ["ops"]
    cared = Notice(4, "acknowledged", WARNING, AT)
    assert route(cared, alert, channels, ("ops", "pager")) == ["pager"]


def test_an_alert_about_a_channel_does_not_go_through_that_channel() -> None:
    about = AlertFinding("delivery", "ops", WARNING, "it is away")
    alert = observe(None, about, AT).alert
    assert route(NOTICE, alert, [Channel("ops"), Channel("mail")], ()) == ["mail"]


# Texts.


@given(st.text(max_size=300))
def test_texts_become_one_printable_line(text: str) -> None:
    shown = line(text, 50)
    assert len(shown) <= 50
    assert shown.isprintable()
    assert shown == line(shown, 50)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.sets(st.text()),
        max_leaves=20,
    )
)
def test_evidence_of_any_kind_becomes_what_json_and_postgresql_can_hold(value: object) -> None:
    import json

    text = json.dumps(as_evidence(value), allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in text
    text.encode()


@pytest.mark.parametrize("kind", ["", "two\nlines", " padded", "x" * 61])
def test_a_cause_is_one_line(kind: str) -> None:
    with pytest.raises(BadInput, match="kind: "):
        AlertFinding(kind, "duration", WARNING, "it moved")


def test_a_message_says_what_since_when_how_sure_and_what_to_do_and_survives_json() -> None:
    alert = observe(opened(), finding(), AT + HOUR).alert
    message = compose(alert, "escalated")
    assert message.text.splitlines() == [
        "What changed: it moved",
        "Since: 2026-10-31 23:00 UTC",
        "How sure: measured",
        "What to do: look at it",
        "Seen: 2 times, last 2026-11-01 01:00 UTC",
        f"More: runlore alerts show {alert.id}",
    ]
    assert Message.of_json(message.as_json()) == message


def test_evidence_that_is_too_much_for_a_message_is_named_instead() -> None:
    big = AlertFinding("drift", "duration", WARNING, "x", evidence={"rows": ["y" * 100] * 200})
    message = compose(observe(None, big, AT).alert, "opened")
    assert message.evidence == {"left out": ["rows"]}
