"""What a report says of series: causes that stood in its period, and how right forecasts were."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel.json_values import as_json
from runlore.reports.actions.composing import compose
from runlore.reports.rules.period import week_of
from runlore.reports.views.report_page import render_report
from runlore.reports.views.report_tables import table_csv
from runlore.store.engine import Store
from runlore.store.schema import series_forecasts
from tests.reports.report_log import request

EVIL = "<script>cpu</script>"
WEEK = week_of(date(2026, 11, 23))
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
DAY = timedelta(days=1)
BASELINE = 2.0


@pytest.fixture
def watched(store: Store) -> Store:
    """Two incidents of the week, one of the week before, a regression that stands, and scores."""
    _alert(store, "incident", "db-1", MONDAY - 3 * DAY, MONDAY - 2 * DAY)
    _alert(store, "incident", EVIL, MONDAY + 1 * DAY, MONDAY + 2 * DAY)
    _alert(store, "incident", "web-1", MONDAY + 3 * DAY, MONDAY + 9 * DAY)
    _alert(store, "regression", "build_seconds", MONDAY + 4 * DAY, None)
    _alert(store, "drift", "failure-risk", MONDAY + 4 * DAY, None)
    _scores(store, "cpu", 1.0, MONDAY + DAY)
    _scores(store, "load", 3.0, MONDAY + 2 * DAY)
    _scores(store, "late", 1.0, MONDAY + 8 * DAY)
    return store


def test_causes_and_scores_of_the_period_are_told_as_they_were_known(watched: Store) -> None:
    document = _document(watched, known_days=7)
    assert [(row["kind"], row["subject"]) for row in document["signals"]] == [
        ("incident", EVIL),
        ("incident", "web-1"),
        ("regression", "build_seconds"),
    ]
    assert [row["until"] is None for row in document["signals"]] == [False, True, True]
    (skill,) = document["skill"]
    assert (skill["series"], skill["better"], skill["points"]) == (2, 1, 20)
    assert skill["gain"] == pytest.approx((0.5 - 0.5) / 2)
    assert skill["coverage"] == pytest.approx(0.8)
    text = " ".join(document["headline"])
    assert "2 incidents, 1 regression; 2 of them still stand" in text
    assert "1 of 2 forecasts of series and horizons beat the last season again" in text
    later = _document(watched, known_days=10)["signals"]
    assert [row["until"] is None for row in later] == [False, False, True]


def test_the_page_and_the_tables_show_them_and_run_nothing(watched: Store) -> None:
    document = _document(watched, known_days=7)
    page = render_report(document)
    assert "<h2>Series of metrics</h2>" in page
    assert "<script" not in page
    assert page.count("not over") == 2
    assert "build_seconds moved" in table_csv(document, "signals")
    assert table_csv(document, "skill").count("\r\n") == 2


def test_a_report_about_a_part_or_without_series_or_of_an_older_version_has_no_such_part(
    watched: Store,
) -> None:
    of_web = _document(watched, known_days=7, scope="web")
    assert (of_web["signals"], of_web["skill"]) == ([], [])
    older = {n: v for n, v in of_web.items() if n not in ("signals", "skill")}
    for document in (of_web, older):
        assert "Series of metrics" not in render_report(document)
        assert table_csv(document, "signals").count("\r\n") == 1


def _document(store: Store, known_days: int, **work: str) -> dict[str, Any]:
    asked = request(WEEK, MONDAY + known_days * DAY, **work)
    return dict(as_json(compose(store, (), asked)))


def _alert(store: Store, kind: str, subject: str, at: datetime, until: datetime | None) -> None:
    what = f"{subject} moved"
    with store.begin() as connection:
        finding = AlertFinding(kind, subject, Severity.WARNING, what, "sure", "look", at)
        raise_alert(connection, finding, at)
        if until is not None:
            resolve_alert(connection, kind, subject, until)


def _scores(store: Store, name: str, error: float, at: datetime) -> None:
    """Ten points of one forecast, of which its band held eight."""
    row = {
        "spec": "all",
        "source": "collectd",
        "name": name,
        "scope": "web-1",
        "horizon_s": 86_400.0,
        "issued_at": at - DAY,
        "starts_at": at - DAY,
        "ends_at": at,
        "step_s": 3600,
        "level": 0.9,
        "scored_at": at,
        "points": 10,
        "error": error,
        "baseline_error": BASELINE,
        "inside": 8,
    }
    arrays: dict[str, list[float]] = {n: [1.0] for n in ("value", "low", "high", "baseline")}
    with store.begin() as connection:
        connection.execute(insert(series_forecasts).values(**row, **arrays))
