"""Whatever reads the log forgets what was undone, also what it had counted already."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import text

from runlore.experiments.actions import analysis
from runlore.experiments.actions.lifecycle import Attribution
from runlore.ingest.actions.sources import list_sources
from runlore.ingest.actions.undo import UndoReason, UndoTarget, undo_ingest
from runlore.log.reader import read_log, shared_reading
from runlore.monitoring.queries import drift_results, drift_slices
from runlore.reports.queries.figures import figures
from runlore.reports.queries.totals import totals
from runlore.serving.queries import outcomes
from tests.experiments.test_ab_ledger import END, WORK, answer, running
from tests.ingest.csv_log import HEADER, Log, row
from tests.log.logged_work import add, day
from tests.monitoring.test_counting import QUIET, champion, counting_of, same, wanted, weeks
from tests.monitoring.test_drift_results import comparison

WHY = UndoReason("ada", "the wrong file")
OUTCOMES = f"""
SELECT came.status FROM (
    SELECT 'log' AS source, '3' AS source_id, timestamptz '2024-01-01T00:03Z' AS as_of
) AS answer {outcomes.join("answer", "timestamptz 'infinity'")}
"""

LATE = """
INSERT INTO runlore.executions (seq, source, source_id, submitted, actor, kind, scope, started,
    finished, status, submission_known_at, known_at, digest)
SELECT seq + 10, 'late', source_id, submitted, actor, kind, scope, started,
    finished, status, submission_known_at, known_at, digest FROM runlore.withdrawn_executions
"""


def ingest(store, tmp_path, name, numbers, **changes):
    rows = [HEADER, *(row(number, **changes) for number in numbers)]
    log = Log(store, tmp_path / f"{name}.csv", rows)
    log.ingest(source=changes.pop("source", "log"))
    return max(i.ingest for view in list_sources(store) for i in view.ingests)


def undo(store, ingest_id=None, source=None):
    return undo_ingest(store, UndoTarget(source, ingest_id), WHY)


def one(store, query):
    with store.begin() as connection:
        return connection.scalar(text(query))


def test_a_shared_reading_notices_an_undo(store, tmp_path):
    ingest(store, tmp_path, "good", range(20))
    bad = ingest(store, tmp_path, "bad", range(20, 30))
    with shared_reading():
        assert len(read_log(store).executions) == 30
        undo(store, bad)
        assert len(read_log(store).executions) == 20


def test_a_shared_reading_notices_as_many_late_facts_as_were_undone(store, tmp_path):
    first = ingest(store, tmp_path, "first", range(10))
    one(store, "SELECT setval('runlore.fact_seq', 20)")  # a slow writer has taken 11 to 20
    ingest(store, tmp_path, "second", range(10, 20))
    with shared_reading():
        assert len(read_log(store).executions) == 20
        undo(store, first)
        with store.begin() as connection:
            connection.execute(text(LATE))
        facts = read_log(store).facts
    assert sorted(facts["seq"]) == sorted(every_seq(store)) == list(range(11, 31))


def every_seq(store):
    with store.begin() as connection:
        return list(connection.scalars(text("SELECT seq FROM runlore.executions")))


def test_figures_and_totals_count_what_is_left(store, tmp_path):
    ingest(store, tmp_path, "good", range(20))
    bad = ingest(store, tmp_path, "bad", range(10, 30), how="failed")
    undo(store, bad)
    rows = figures(store).rows
    assert (rows["executions"], rows["facts"]) == (20, 20)
    assert totals(store).executions.total == 20


def test_an_answer_is_joined_with_the_outcome_that_stands(store, tmp_path):
    ingest(store, tmp_path, "good", range(4), how="ok")
    bad = ingest(store, tmp_path, "bad", range(4), how="failed")
    assert one(store, OUTCOMES) == "failed"
    undo(store, bad)
    assert one(store, OUTCOMES) == "succeeded"
    undo(store, source="log")
    assert one(store, OUTCOMES) is None


@pytest.mark.parametrize("recent", [1_000_000, 0])
def test_counted_slices_are_counted_without_what_was_undone(store, monkeypatch, recent):
    monkeypatch.setattr(drift_slices, "RECENT_FACTS", recent)
    add(store, QUIET)
    known = champion(store)
    slices, _ = counting_of(store, known)
    slices.bring_up_to_date(wanted(), day(28))
    before = slices.profiles(weeks(1, 4))
    add(store, replace(QUIET, source="bad", seed=9))
    slices.bring_up_to_date(wanted(), day(28))
    assert slices.profiles(weeks(1, 4))[0].rows > before[0].rows

    undo(store, source="bad")
    slices.bring_up_to_date(wanted(), day(28))

    for mine, theirs in zip(slices.profiles(weeks(1, 4)), before, strict=True):
        same(mine, theirs)


def test_the_mark_of_all_facts_rises_with_an_undo(store):
    add(store, QUIET)
    with store.begin() as connection:
        before = drift_slices.current(connection)
    undo(store, source=QUIET.source)
    with store.begin() as connection:
        after = drift_slices.current(connection)
        assert drift_slices.has_news(connection, before, day(1000))
    assert after.until_seq > before.until_seq


def observed(store, name):
    status = analysis.status(store, name, END)
    return {
        arm: {metric: seen.metrics[metric] for metric in seen.metrics}
        for arm, seen in status.observed.items()
    }


def test_a_running_test_on_the_ledger_loses_undone_outcomes_and_takes_later_ones(store):
    name = running(store, least_time_h=8_000)
    add(store, WORK)
    answer(store, range(400))
    analysis.analyse(store, name, Attribution("ann", END))
    before = observed(store, name)
    assert one(store, "SELECT count(*) FROM runlore.ab_events WHERE id LIKE 'outcome/%'") > 0

    undo(store, source="test")

    assert one(store, "SELECT count(*) FROM runlore.ab_events WHERE id LIKE 'outcome/%'") == 0
    kinds = "SELECT string_agg(DISTINCT event, ',') FROM runlore.ab_outcomes"
    assert one(store, kinds) in (None, "latency_ms")
    add(store, WORK)
    analysis.analyse(store, name, Attribution("ann", END))
    assert repr(observed(store, name)) == repr(before)
    assert np.isfinite(before["champion"]["error"].means[0])


def test_a_window_that_was_judged_with_undone_facts_is_judged_anew(store):
    add(store, QUIET)
    with store.begin() as connection:
        seen = drift_slices.current(connection)
        judged = [replace(comparison(weeks), seen=seen) for weeks in (0, -400)]
        for window in judged:
            drift_results.insert(connection, window)
    undo(store, source=QUIET.source)
    with store.begin() as connection:
        marks = [drift_results.read(connection, window.window).seen.facts for window in judged]
    assert marks == [-1, seen.facts], "the second window ended before the facts"
