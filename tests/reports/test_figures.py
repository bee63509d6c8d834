from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from runlore.kernel import instants
from runlore.performance.queries import PerformanceLook, add_look
from runlore.registry import alias_history
from runlore.registry.alias_history import Change
from runlore.reports.queries import figures as figures_module
from runlore.reports.queries.figures import figures
from runlore.serving.actions import broken_versions
from runlore.serving.actions.broken_versions import BrokenVersion
from runlore.store import partitions
from runlore.store.engine import Store
from runlore.store.schema import rejects


def test_an_empty_database_is_migrated_and_has_no_rows(store: Store) -> None:
    found = figures(store)
    assert found.is_migrated
    assert found.rows == {"executions": 0, "facts": 0, "metrics": 0, "rejects": 0, "ledger": 0}
    assert found.estimated == ()
    assert found.champions == {}
    assert found.size_bytes > 1_000_000
    assert found.clock.tzinfo is not None


def test_the_champion_is_the_one_that_was_named_last(store: Store) -> None:
    pointed = (
        ("duration", "champion", "1"),
        ("duration", "challenger", "3"),
        ("failure-risk", "champion", "7"),
        ("duration", "champion", "2"),
    )
    with alias_history.writing(store) as history:
        for spec, alias, version in pointed:
            history.add(Change(spec, alias, version, "announce", "me", "test"))
    assert figures(store).champions == {"duration": "2", "failure-risk": "7"}
    names = {"executions", "facts", "metrics", rejects.name, "ledger"}
    assert figures(store).rows.keys() == names


FACTS = """
INSERT INTO runlore.executions
    (source, source_id, submitted, revision, actor, kind, scope, status, submission_known_at,
     known_at, digest)
SELECT 'csv', n::text, '2026-01-05', revision, 'ann', 'etl', 'a', 'succeeded', now(), now(), 0
FROM generate_series(1, 3000) AS n, generate_series(0, 2) AS revision WHERE revision < 1 + n % 3
"""


def write_facts(store: Store) -> None:
    """3,000 executions with 6,000 facts."""
    day = datetime(2026, 1, 5, tzinfo=UTC)
    with store.begin() as connection:
        partitions.ensure_months(connection, "executions", day, day)
        connection.execute(text(FACTS))


def test_an_execution_counts_once_however_many_facts_it_has(store: Store) -> None:
    write_facts(store)
    found = figures(store)
    assert (found.rows["executions"], found.rows["facts"]) == (3000, 6000)


def test_what_is_too_large_to_count_is_estimated_and_said_to_be(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_facts(store)
    with store.begin() as connection:
        connection.execute(text("ANALYZE runlore.executions"))
    monkeypatch.setattr(figures_module, "COUNT_LIMIT", 1000)
    monkeypatch.setattr(figures_module, "SAMPLE_ROWS", 2000)
    found = figures(store)
    assert set(found.estimated) == {"executions", "facts"}
    assert found.rows["executions"] == pytest.approx(3000, rel=0.5)
    assert found.rows["facts"] == pytest.approx(6000, rel=0.5)
    assert found.rows["executions"] % 10 == 0


def test_months_that_hold_little_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2026))
    with store.begin() as connection:
        partitions.ensure_months(connection, "metrics", first, last)
    monkeypatch.setattr(figures_module, "COUNT_LIMIT", 1000)
    counts = figures(store)
    assert (counts.rows["metrics"], counts.estimated) == (0, ())


def test_a_broken_champion_is_among_the_figures_until_it_answers(store: Store) -> None:
    broken = BrokenVersion("duration", "2", "its files are missing or unreadable", "", "1")
    broken_versions.report(store, broken, instants.now())
    assert figures(store).broken == {
        "duration": "duration version 2 cannot answer: its files are missing or unreadable;"
        " version 1, the former champion, answers"
    }
    broken_versions.clear(store, "duration", instants.now())
    assert figures(store).broken == {}


def test_what_was_done_last_is_told_once_for_each_subject(store: Store) -> None:
    with alias_history.writing(store) as history:
        for version in ("1", "2"):
            history.add(Change("duration", "champion", version, "announce", "me", "test"))
    with store.begin() as connection:
        for day, reasons in ((1, []), (2, ["auc is below its floor"])):
            at = datetime(2026, 11, day, tzinfo=UTC)
            look = PerformanceLook(at, "duration", "2", True, reasons)
            add_look(connection, look)
    events = {event.subject: event for event in figures(store).loop}
    assert events["performance"].what == "auc is below its floor"
    assert events["version"].what == "version 2 is @champion (announce)"
    assert len(figures(store).loop) == 2
