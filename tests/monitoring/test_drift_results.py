from dataclasses import replace
from datetime import UTC, datetime, timedelta

from runlore.alerts.queries import anomalies
from runlore.monitoring.queries import drift_results
from runlore.monitoring.queries.drift_results import ComparedWindow, DriftComparison, DriftResult
from runlore.store.engine import Store

AT = datetime(2026, 3, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
RESULTS = (
    DriftResult("*", "drifted_share", 0.5, 0.3, True),
    DriftResult("actor.failed_last", "psi", 0.4, 0.2, True),
    DriftResult("actor.failed_last", "ks", 0.05, 0.1, False),
)


def comparison(weeks: int = 0, version: str = "1", spec: str = "failure-risk") -> DriftComparison:
    end = AT + weeks * WEEK
    window = ComparedWindow(spec, version, end - WEEK, end)
    return DriftComparison(window, end, 20_000, 5_000, f"/reports/{weeks}.html", RESULTS)


def test_results_are_read_as_they_were_written(store: Store) -> None:
    with store.begin() as connection:
        assert drift_results.insert(connection, comparison()) == len(RESULTS)
    with store.begin() as connection:
        assert drift_results.read(connection, comparison().window) == comparison()


def test_a_window_nobody_judged_reads_as_none(store: Store) -> None:
    with store.begin() as connection:
        assert drift_results.read(connection, comparison().window) is None
        assert drift_results.latest(connection, "failure-risk") is None
        assert drift_results.newest_end(connection, "failure-risk") is None


def test_the_same_window_again_adds_nothing_and_replaces_nothing(store: Store) -> None:
    other = replace(comparison(), rows_current=7, at=AT + WEEK, report="/elsewhere.html")
    with store.begin() as connection:
        drift_results.insert(connection, comparison())
        assert drift_results.insert(connection, other) == 0
        assert drift_results.read(connection, comparison().window) == comparison()


def test_nothing_found_adds_nothing(store: Store) -> None:
    with store.begin() as connection:
        assert drift_results.insert(connection, replace(comparison(), results=())) == 0


def test_the_latest_is_the_window_that_ends_last_of_any_version(store: Store) -> None:
    with store.begin() as connection:
        for each in (comparison(2, "1"), comparison(3, "2"), comparison(1, "2")):
            drift_results.insert(connection, each)
        drift_results.insert(connection, comparison(9, spec="duration"))
        assert drift_results.latest(connection, "failure-risk") == comparison(3, "2")
        assert drift_results.newest_end(connection, "failure-risk") == AT + 3 * WEEK


def test_the_history_of_a_column_is_its_values_the_newest_first(store: Store) -> None:
    with store.begin() as connection:
        for weeks in (1, 3, 2):
            drift_results.insert(connection, comparison(weeks))
        found = drift_results.history(connection, "failure-risk", "actor.failed_last", "psi", 2)
    assert [window.window_to for window, _ in found] == [AT + 3 * WEEK, AT + 2 * WEEK]
    assert {result for _, result in found} == {RESULTS[1]}


def test_one_anomaly_of_a_kind_and_subject_is_open_at_a_time(store: Store) -> None:
    with store.begin() as connection:
        first = anomalies.open_anomaly(
            connection, "drift", "duration", "warning", {"share": 0.5}, AT
        )
        assert first is not None
        assert (
            anomalies.open_anomaly(connection, "drift", "duration", "info", {}, AT + WEEK) is None
        )
        assert anomalies.open_anomaly(connection, "drift", "failure-risk", "info", {}, AT)
        assert anomalies.open_anomaly(connection, "latency", "duration", "info", {}, AT)
        (found,) = anomalies.read_history(connection, "drift", "duration")
        assert (found.id, found.severity, found.evidence) == (first, "info", {}), "the newest"
        assert (found.opened_at, found.resolved_at) == (AT, None)
        assert len(anomalies.read_open(connection)) == 3
        assert [each.kind for each in anomalies.read_open(connection, "latency")] == ["latency"]


def test_a_resolved_anomaly_stays_on_record_and_a_new_one_can_open(store: Store) -> None:
    with store.begin() as connection:
        first = anomalies.open_anomaly(connection, "drift", "duration", "warning", {}, AT)
        assert anomalies.resolve_anomaly(connection, "drift", "duration", AT + WEEK) == first
        assert anomalies.resolve_anomaly(connection, "drift", "duration", AT + WEEK) is None
        assert anomalies.open_anomaly(connection, "drift", "duration", "warning", {}, AT + WEEK)
        found = anomalies.read_history(connection, "drift", "duration")
    assert [each.resolved_at for each in found] == [None, AT + WEEK]


def test_the_last_windows_are_told_newest_first_with_all_that_was_found(store: Store) -> None:
    with store.begin() as connection:
        for weeks, version in ((0, "1"), (1, "1"), (2, "2")):
            drift_results.insert(connection, comparison(weeks, version))
        drift_results.insert(connection, comparison(5, spec="duration"))
        found = drift_results.judged(connection, "failure-risk", 2)
        assert found == [comparison(2, "2"), comparison(1, "1")]
        assert drift_results.judged(connection, "nobody", 2) == []
