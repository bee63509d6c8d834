"""An ingest that is undone leaves nothing behind but the record of it."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import text

from runlore.features.declaration import HistoryFeatures
from runlore.ingest.actions.sources import list_sources
from runlore.ingest.actions.undo import UndoReason, UndoTarget, undo_ingest
from runlore.kernel.errors import NotFound, Refused
from runlore.serving.actions import states
from tests.ingest.csv_log import HEADER, NOW, Log, counts, row

WHY = UndoReason("ada", "wrong time zone")
LATER = NOW + timedelta(days=1)
POINTS = {"records": "metrics", "constants": {"name": "cpu"}}
FACT_COLUMNS = ["source", "source_id", "submitted", "known_at", "status", "outcome", "revision"]


def log_of(store, tmp_path, name, numbers, **changes) -> Log:
    rows = [HEADER, *(row(number, **changes) for number in numbers)]
    return Log(store, tmp_path / f"{name}.csv", rows)


def undo(store, ingest_id=None, source=None):
    return undo_ingest(store, UndoTarget(source, ingest_id), WHY)


def ingest_ids(store):
    return [i.ingest for view in list_sources(store) for i in view.ingests if not i.undone_at]


def contents(log):
    return log.facts()[FACT_COLUMNS].values.tolist()


def test_undoing_an_ingest_leaves_the_log_as_it_was_before(store, tmp_path):
    good = log_of(store, tmp_path, "good", range(100))
    good.ingest()
    before = log_of(store, tmp_path, "x", []).facts()
    log_of(store, tmp_path, "bad", range(100, 150)).ingest()
    newest = max(ingest_ids(store))

    done = undo(store, newest)

    assert done.is_new
    assert (done.withdrawal.executions, done.withdrawal.metrics) == (50, 0)
    assert good.facts().equals(before)


def test_undoing_a_correction_brings_back_what_it_corrected(store, tmp_path):
    log_of(store, tmp_path, "first", range(20)).ingest()
    before = contents(log_of(store, tmp_path, "x", []))
    corrected = log_of(store, tmp_path, "second", range(20), cost="99")
    corrected.ingest(at=LATER)
    assert len(contents(corrected)) == 40

    undo(store, max(ingest_ids(store)))

    assert contents(corrected) == before


def test_a_correction_of_what_is_undone_remains_as_the_only_fact(store, tmp_path):
    log_of(store, tmp_path, "first", range(20)).ingest()
    corrected = log_of(store, tmp_path, "second", range(10), cost="99")
    corrected.ingest(at=LATER)

    undo(store, min(ingest_ids(store)))

    facts = corrected.facts()
    assert len(facts) == 10
    assert (facts["revision"] == 0).all()
    assert set(facts["outcome"]) == {'{"cost": 99}'}


def test_the_same_undo_again_changes_nothing(store, tmp_path):
    log = log_of(store, tmp_path, "bad", range(30))
    log.ingest()
    [number] = ingest_ids(store)
    first = undo(store, number)
    second = undo(store, number)
    assert (first.is_new, second.is_new) == (True, False)
    assert second.withdrawal == first.withdrawal
    by_source = undo(store, source="log")
    assert not by_source.is_new
    with store.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM runlore.withdrawals")) == 1


def test_the_corrected_file_is_read_from_its_beginning(store, tmp_path):
    log = log_of(store, tmp_path, "log", range(30))
    log.lines.insert(5, "bad\n")
    log.ingest()
    assert len(log.rejects()) == 1
    undo(store, *ingest_ids(store))
    assert log.rejects() == []

    del log.lines[5]
    again = log.ingest(at=LATER)

    assert counts(again) == (30, 0, 0)
    assert (log.facts()["revision"] == 0).all()
    assert (log.facts()["known_at"] < NOW.timestamp() * 1e6).all()


def test_rows_that_another_ingest_shares_come_back_when_it_runs_again(store, tmp_path):
    log_of(store, tmp_path, "monday", range(20)).ingest()
    tuesday = log_of(store, tmp_path, "tuesday", range(10, 30))
    assert counts(tuesday.ingest()) == (10, 10, 0)

    done = undo(store, min(ingest_ids(store)))

    assert [other.path for other in done.reread] == [str(tuesday.path)]
    assert counts(tuesday.ingest()) == (10, 10, 0)
    assert sorted(tuesday.facts()["source_id"].astype(int)) == list(range(10, 30))


def test_undoing_a_source_withdraws_facts_without_an_ingest_too(store, tmp_path):
    log = log_of(store, tmp_path, "log", range(30))
    log.ingest()
    log_of(store, tmp_path, "other", range(30)).ingest(source="other")
    with store.begin() as connection:
        connection.execute(text("UPDATE runlore.executions SET ingest_id = NULL"))
        connection.execute(text("UPDATE runlore.ingests SET numbers_facts = false"))
    with pytest.raises(Refused, match="runlore ingest undo log"):
        undo(store, min(ingest_ids(store)))

    done = undo(store, source="log")

    assert done.withdrawal.executions == 30
    assert set(log.facts()["source"]) == {"other"}


def test_what_was_never_ingested_cannot_be_undone(store):
    with pytest.raises(NotFound, match="no ingest 7"):
        undo(store, 7)
    with pytest.raises(NotFound, match="'sap'"):
        undo(store, source="sap")
    with store.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM runlore.withdrawals")) == 0


def test_points_of_metrics_are_withdrawn_and_come_back(store, tmp_path):
    log = points_of(store, tmp_path, "cpu")
    log.ingest(mapping=POINTS)
    [number] = ingest_ids(store)

    done = undo(store, number)

    assert (done.withdrawal.executions, done.withdrawal.metrics) == (0, 20)
    [view] = list_sources(store)
    assert (view.records, view.rows, view.paths) == ("metrics", 0, ())
    assert counts(log.ingest(mapping=POINTS)) == (20, 0, 0)


def points_of(store, tmp_path, name, add=0):
    lines = ["at,value\n", *(f"2024-03-01T00:{m:02d}:00Z,{m + add}\n" for m in range(20))]
    return Log(store, tmp_path / f"{name}.csv", lines)


def test_points_of_a_source_are_withdrawn_with_it(store, tmp_path):
    points_of(store, tmp_path, "cpu").ingest(mapping=POINTS)
    assert undo(store, source="log").withdrawal.metrics == 20
    assert revisions_of_points(store) == []


def test_a_correction_of_a_point_that_is_undone_becomes_the_first(store, tmp_path):
    points_of(store, tmp_path, "cpu").ingest(mapping=POINTS)
    points_of(store, tmp_path, "corrected", add=1).ingest(mapping=POINTS, at=LATER)
    assert revisions_of_points(store) == [0, 1]
    undo(store, min(ingest_ids(store)))
    assert revisions_of_points(store) == [0]


def revisions_of_points(store):
    with store.begin() as connection:
        query = text("SELECT DISTINCT revision FROM runlore.metrics ORDER BY 1")
        return list(connection.scalars(query))


def test_rejects_of_an_undone_ingest_are_forgotten(store, tmp_path):
    log = log_of(store, tmp_path, "log", range(5), how="?")
    assert log.ingest().rejected == 5
    undo(store, *ingest_ids(store))
    with store.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM runlore.rejects")) == 0


def test_states_of_features_are_those_of_a_log_that_never_saw_the_ingest(store, tmp_path):
    history = HistoryFeatures(("actor",), ("failed", "duration_s"), (3600.0,))
    log_of(store, tmp_path, "good", range(200)).ingest()
    activate(store, history)
    before = read_all(store, history)
    bad = log_of(store, tmp_path, "bad", range(150, 260), how="failed")
    bad.ingest(at=LATER)
    assert not same(read_all(store, history), before)

    done = undo(store, max(ingest_ids(store)))

    assert done.renewed == 1
    assert same(read_all(store, history), before)


def activate(store, history):
    states._build(store, [history])


def read_all(store, history):
    from runlore.serving.queries import feature_states

    with store.connect() as connection:
        return feature_states.read_history(connection, history)


def same(one, other):
    return one.keys() == other.keys() and all(
        np.array_equal(one[key].view(np.int64), other[key].view(np.int64)) for key in one
    )


def test_before_its_undo_an_ingest_is_known_and_after_it_is_not(store, tmp_path):
    log_of(store, tmp_path, "good", range(20)).ingest()
    bad = log_of(store, tmp_path, "bad", range(20, 50))
    bad.ingest()
    done = undo(store, max(ingest_ids(store)))
    bad.lines = [HEADER, *(row(number) for number in range(20, 30))]
    bad.ingest(at=LATER)

    then = done.withdrawal.known_at - timedelta(microseconds=1)

    assert known_as_of(store, then) == list(range(50))
    assert known_as_of(store, done.withdrawal.known_at) == list(range(30))


def known_as_of(store, instant):
    query = text("SELECT source_id::int FROM runlore.executions_as_of(:instant) ORDER BY 1")
    with store.begin() as connection:
        return list(connection.scalars(query, {"instant": instant}))
