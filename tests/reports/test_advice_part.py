"""What a report says of advice, due visits and security alerts."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from runlore.advice.queries.advice_ledger import (
    VISIT,
    AdviceLook,
    NewAdvice,
    insert_decision,
    insert_look,
    insert_score,
    insert_visits,
    read_advice,
    read_visit_advice,
)
from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel.json_values import as_json
from runlore.reports.actions.composing import compose
from runlore.reports.rules.document import ReportDocument
from runlore.reports.rules.period import week_of
from runlore.reports.views.report_page import render_report
from runlore.reports.views.report_tables import table_csv
from runlore.store.engine import Store
from tests.reports.report_log import request

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = week_of(date(2026, 11, 23))


@pytest.fixture
def advised(store: Store) -> Store:
    """Advice of the week before, followed in it; one of the week, without runs; three visits."""
    _advise(store, MONDAY - 3 * DAY, "host", "web-2")
    _advise(store, MONDAY + DAY, "input:size", "4")
    number = read_advice(store, MONDAY, (None, None), 9)[0].id
    why = {"at": MONDAY + DAY, "actor": "ann", "reason": ""}
    assert insert_decision(store, number, "follow", why)
    insert_score(store, number, MONDAY + 2 * DAY, {"did": [40, 1], "did_not": [10, 5]})
    insert_score(store, number, MONDAY + 9 * DAY, {"did": [99, 9], "did_not": [99, 9]})
    for scope, day in (("web-1", -40), ("<b>web-2", 1), ("web-3", 2)):
        _visit(store, MONDAY + day * DAY, scope)
    old, made = (_visit_of(store, scope) for scope in ("web-1", "<b>web-2"))
    insert_score(store, old, MONDAY - 9 * DAY, {"state": "neither", "at": None})
    at = MONDAY + 2 * DAY
    insert_score(store, made, MONDAY + 3 * DAY, {"state": "visited", "at": at.isoformat()})
    with store.begin() as connection:
        for cause, day in (("10.0.0.9", 1), ("eve", 2)):
            evidence = {"cause": cause, "level": "high", "events": 7}
            what = f"address {cause}: brute force (7 events)"
            found = AlertFinding("security", cause, Severity.CRITICAL, what, evidence=evidence)
            raise_alert(connection, found, MONDAY + day * DAY)
        resolve_alert(connection, "security", "eve", MONDAY + 3 * DAY)
    return store


def test_what_was_given_decided_due_and_found_in_the_week_is_counted(advised: Store) -> None:
    made = _compose(advised)
    host, size = made.advice
    assert (host.lever, host.given, host.followed) == ("host", 0, 1)
    assert (host.did_runs, host.did_failed, host.others_runs, host.others_failed) == (40, 1, 10, 5)
    assert (size.lever, size.given, size.did_runs) == ("input", 1, 0)
    assert [(row.scope, row.state) for row in made.visits] == [
        ("<b>web-2", "visited"),
        ("web-3", "open"),
    ]
    assert [(row.cause, row.until is None, row.events) for row in made.security] == [
        ("10.0.0.9", True, 7),
        ("eve", False, 7),
    ]
    said = " ".join(made.headline)
    assert "Advice: 1 given, 1 followed, 0 dismissed, 0 withdrawn; runs as advised failed" in said
    assert "in 2.5 %, others in 50 %, unmatched" in said
    assert "2 visits to hosts and devices were due: 1 made, 1 open" in said
    assert "2 causes of security alerts, 2 of level high or critical; 1 open" in said


def test_the_page_and_the_tables_show_it_and_run_nothing(advised: Store) -> None:
    document: Mapping[str, Any] = dict(as_json(_compose(advised)))
    page = render_report(document)
    assert "<h2>Advice, visits and security</h2>" in page
    assert "1 of 40" in page
    assert "<b>web" not in page
    for table in ("advice", "visits", "security"):
        assert table_csv(document, table).count("\r\n") == 3
    older = {n: v for n, v in document.items() if n not in {"advice", "visits", "security"}}
    assert "Advice, visits and security" not in render_report(older)


def test_what_was_not_known_yet_or_is_of_other_work_is_not_told(advised: Store) -> None:
    early = _compose(advised, MONDAY + 1.5 * DAY)
    assert [(row.followed, row.did_runs) for row in early.advice] == [(1, 0), (0, 0)]
    assert [row.state for row in early.visits] == ["open"]
    assert [row.cause for row in early.security] == ["10.0.0.9"]
    assert _compose(advised, kind="train").visits == []


def _compose(store: Store, at: datetime = MONDAY + 8 * DAY, **work: str) -> ReportDocument:
    return compose(store, (), request(WEEK, at, **work))


def _advise(store: Store, at: datetime, lever: str, value: str) -> None:
    made = NewAdvice("actor", lever, "backup", lever, value, "use", "failures", {})
    look = AdviceLook("actor", lever, 1, at, 500, 9, 0.03, "")
    insert_look(store, look, [made], "ann")


def _visit(store: Store, at: datetime, scope: str) -> None:
    evidence = {"visit_at": (at + DAY).isoformat(), "risk_week": 0.4}
    made = NewAdvice("scope", scope, "maintenance", VISIT, "x", "use", "failures", evidence)
    insert_visits(store, [made], "daily", at)


def _visit_of(store: Store, scope: str) -> int:
    [one] = read_visit_advice(store, MONDAY + 9 * DAY, scope)
    return one.id
