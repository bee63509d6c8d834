"""What makes an A/B test worthless, or harmful, and who has to know."""

from collections.abc import Sequence
from typing import Any

from runlore.experiments.actions import analysis, lifecycle
from runlore.experiments.actions.lifecycle import Attribution, SeenUnit
from runlore.store.engine import Store
from tests.experiments.ab_world import AT, HOUR, SUCCESS, alerts, event, given, send


def test_a_sample_ratio_mismatch_decides_nothing_and_is_an_alert_until_it_is_gone(
    store: Store,
) -> None:
    name = given(store, {f"u{i}": "a" if i % 3 else "b" for i in range(1500)})
    send(store, name, *(event(f"e{i}", f"u{i}") for i in range(0, 1500, 3)))
    look = analysis.analyse(store, name, Attribution("ann", AT + HOUR))
    assert (look.answer, look.is_final) == ("invalid", False)
    assert alerts(store) == [("sample-ratio", "one", "critical", True)]
    more = [SeenUnit(f"m{i}", "b", AT) for i in range(500)]
    lifecycle.sight(store, name, more, AT + HOUR)
    analysis.analyse(store, name, Attribution("ann", AT + HOUR))
    assert alerts(store) == [("sample-ratio", "one", "critical", False)]


def scored(store: Store, crashes: Sequence[int], **changes: Any) -> str:
    """1,000 units, odd ones of b, with a score each; b's are better, and some post nothing."""
    metric = {"name": "score", "event": "score", "kind": "mean", "take": "mean", **changes}
    name = given(store, {f"u{i}": "ab"[i % 2] for i in range(1000)}, metrics=[metric])
    post(store, name, [i for i in range(1000) if i not in crashes])
    return name


def post(store: Store, name: str, units: Sequence[int]) -> None:
    rows = [
        {"id": f"s{i}", "unit": f"u{i}", "event": "score", "value": i % 2 + i % 3} for i in units
    ]
    send(store, name, *rows)


CRASHES = [i for i in range(1, 1000, 2) if i % 10 in (3, 5, 7)]


def test_a_variant_that_posts_nothing_for_some_of_its_units_does_not_win_by_the_rest(
    store: Store,
) -> None:
    """The units that got each variant are as many as they should be: the sample ratio is silent."""
    name = scored(store, CRASHES)
    look = analysis.analyse(store, name, Attribution("ann", AT + HOUR))
    assert (look.answer, look.winner, look.is_final) == ("invalid", None, False)
    assert look.analysis["reasons"] == [
        "outcomes are missing: score is known of 100.0% of the units of 'a' (500 of 500) and "
        "40.0% of the units of 'b' (200 of 500)"
    ]
    assert look.evidence["b"]["known"] == {"score": {"due": 500, "known": 200}}
    assert not look.analysis["sample_ratio"]["is_mismatch"]
    assert alerts(store) == [("missing-outcomes", "one", "critical", True)]
    waits = analysis.status(store, name, AT + HOUR).missing
    assert waits == tuple(look.analysis["reasons"])
    post(store, name, CRASHES)
    again = analysis.analyse(store, name, Attribution("ann", AT + HOUR))
    assert (again.winner, again.is_final) == ("b", True)
    assert alerts(store) == [("missing-outcomes", "one", "critical", False)]


def test_where_a_unit_without_events_counts_as_0_nothing_is_missing(store: Store) -> None:
    name = scored(store, CRASHES, take="sum")
    status = analysis.status(store, name, AT + HOUR)
    assert status.observed["b"].known == {}
    assert status.seen.missing == ()


def test_units_whose_time_is_not_over_are_not_missed(store: Store) -> None:
    name = scored(store, CRASHES)
    assert analysis.status(store, name, AT + HOUR * 0.99).seen.missing == ()
    assert analysis.status(store, name, AT + HOUR).seen.missing
    lifecycle.stop(store, name, Attribution("ann", AT + HOUR / 2))
    assert analysis.status(store, name, AT + 9 * HOUR).seen.missing == ()


def test_a_window_says_when_an_outcome_should_be_there(store: Store) -> None:
    metric = {"name": "score", "event": "score", "kind": "mean", "take": "mean"}
    units = {f"u{i}": "ab"[i % 2] for i in range(1000)}
    name = given(store, units, metrics=[metric], window_s=7200)
    post(store, name, [i for i in range(1000) if i not in CRASHES])
    assert analysis.status(store, name, AT + HOUR).seen.missing == ()
    assert analysis.status(store, name, AT + 2 * HOUR).seen.missing


def test_a_broken_guardrail_is_an_alert_and_no_winner(store: Store) -> None:
    guard = {"name": "slow", "event": "slow", "better": "lower", "role": "guardrail"}
    metrics = [SUCCESS, {**guard, "tolerated_loss": 0.05}]
    units = {f"u{i}": "ab"[i % 2] for i in range(1000)}
    name = given(store, units, metrics=metrics, window_s=1800)
    worse = [{"id": f"s{i}", "unit": f"u{i}", "event": "slow"} for i in range(1, 1000, 2)]
    worse += [{"id": f"s{i}", "unit": f"u{i}", "event": "slow"} for i in range(0, 1000, 10)]
    better = (event(f"e{i}", f"u{i}") for i in range(1, 1000, 2))
    send(store, name, *better, *worse, at=AT + HOUR / 2)
    assert not analysis.analyse(store, name, Attribution("ann", AT + HOUR / 2)).is_final
    assert alerts(store) == [("guardrail", "one", "critical", True)]
    look = analysis.analyse(store, name, Attribution("ann", AT + HOUR))
    assert (look.winner, look.is_final) == ("a", True)
    assert alerts(store) == [("guardrail", "one", "critical", False)], "it is over"


def test_a_test_that_is_stopped_has_no_open_alerts_and_raises_none(store: Store) -> None:
    for name in ("looked at", "never"):
        given(store, {f"u{i}": "a" if i % 3 else "b" for i in range(1500)}, name=name)
    analysis.analyse(store, "looked at", Attribution("ann", AT + HOUR))
    assert alerts(store) == [("sample-ratio", "looked at", "critical", True)]
    for name in ("looked at", "never"):
        lifecycle.stop(store, name, Attribution("ann", AT + HOUR))
    assert analysis.analyse(store, "never", Attribution("ann", AT + 2 * HOUR)).answer == "invalid"
    assert alerts(store) == [("sample-ratio", "looked at", "critical", False)]


def test_a_name_of_several_blanks_is_one_line_in_its_alert(store: Store) -> None:
    units = {f"u{i}": "a" if i % 3 else "b" for i in range(1500)}
    name = given(store, units, name="two  words")
    assert analysis.analyse(store, name, Attribution("ann", AT + HOUR)).answer == "invalid"
    assert alerts(store) == [("sample-ratio", "two words", "critical", True)]
    lifecycle.stop(store, name, Attribution("ann", AT + HOUR))
    assert alerts(store) == [("sample-ratio", "two words", "critical", False)]
