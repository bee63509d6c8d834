"""Predictions and recording go on while an ingest is undone; killed, it is done or it is not."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from handmade import write_bundle
from sqlalchemy import text

from runlore.features.keys import KeyParts
from runlore.ingest.actions import undo
from runlore.ingest.actions.sources import list_sources
from runlore.ingest.actions.undo import NotYetForgotten, UndoReason, UndoTarget, undo_ingest
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.log.executions import read_facts
from runlore.models.bundle import Bundle
from runlore.records.execution import ExecutionStatus
from runlore.serving.actions import skew, states
from runlore.serving.actions.prediction import Predictor, Request
from runlore.serving.actions.prediction_commit import predict
from runlore.serving.actions.recording import (
    OutcomeReport,
    Submission,
    record_outcome,
    record_submission,
)
from runlore.serving.queries import feature_states, ledger_vectors
from tests.ingest.csv_log import HEADER, Log, row

WHY = UndoReason("ada", "the wrong file")
ROWS = 20_000
LONG_AGO = instants.parse("2020-01-01T00:00:00Z", "since")
PATIENCE_S = 120
UNDO = """
import sys
from runlore.ingest.actions.undo import UndoReason, UndoTarget, undo_ingest
from runlore.store.engine import connect
print("begun", flush=True)
undo_ingest(connect(sys.argv[1]), UndoTarget(ingest_id=int(sys.argv[2])), UndoReason("ada"))
"""
WAITING = """
SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%drift_slices%'
AND pid <> pg_backend_pid()
"""
CORRECTION = """
INSERT INTO runlore.executions (seq, source, source_id, submitted, revision, actor, kind, scope,
    started, finished, status, submission_known_at, known_at, digest)
SELECT nextval('runlore.fact_seq'), source, source_id, submitted, 1, actor, kind, scope, started,
    finished, status, submission_known_at, now(), digest
FROM runlore.executions WHERE source_id = '3'
"""


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    return Predictor(Bundle.load(write_bundle(tmp_path_factory.mktemp("b")), "7"))


def ingested(store, tmp_path, numbers, name):
    Log(store, tmp_path / f"{name}.csv", [HEADER, *map(row, numbers)]).ingest()
    return max(i.ingest for view in list_sources(store) for i in view.ingests)


def recorded(store, predictor, n):
    """One piece of work: asked about, submitted and ended."""
    who = KeyParts(f"user{n % 7}", "build", "", {})
    predict(store, predictor, [Request(who)], instants.now())
    record_submission(store, Submission(who.actor, who.kind, who.scope, source_id=f"job-{n}"))
    record_outcome(store, "api", f"job-{n}", OutcomeReport(ExecutionStatus.FAILED))
    return f"job-{n}"


def test_what_is_predicted_and_recorded_during_an_undo_is_neither_lost_nor_wrong(
    store, predictor, tmp_path
):
    ingested(store, tmp_path, range(2000), "good")
    bad = ingested(store, tmp_path, range(2000, 2000 + ROWS), "bad")
    states.activate(store, predictor.bundle.plan)
    over = Event()

    def live(worker):
        names = []
        while not over.is_set() or len(names) < 20:
            names.append(recorded(store, predictor, worker * 100_000 + len(names)))
        return names

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(live, worker) for worker in range(3)]
        done = pool.submit(undo_ingest, store, UndoTarget(ingest_id=bad), WHY)
        assert done.result(PATIENCE_S).withdrawal.executions == ROWS
        over.set()
        names = [name for worker in workers for name in worker.result(PATIENCE_S)]

    facts = read_facts(store)
    assert sorted(facts.loc[facts["source"] == "api", "source_id"]) == sorted(2 * names)
    assert (facts["source"] == "log").sum() == 2000
    assert {history.changed for history in states.rebuild(store)} == {0}
    with store.connect() as connection:
        built_at = feature_states.built_at(connection, predictor.bundle.plan.histories)
    predict(store, predictor, [Request(KeyParts("user1", "build", "", {}))], instants.now())
    vectors = ledger_vectors.read(store, "failure-risk", "7", LONG_AGO, None)
    compared = skew.compare(
        read_facts(store), predictor.bundle.plan, vectors, "failure-risk", "7", built_at
    )
    assert compared.is_clean
    assert compared.compared


def test_killed_half_way_it_has_done_nothing_and_can_be_done_again(store, tmp_path):
    ingested(store, tmp_path, range(500), "good")
    bad = ingested(store, tmp_path, range(500, 3000), "bad")
    before = read_facts(store)
    with store.begin() as blocking:
        blocking.execute(text("LOCK TABLE runlore.drift_slices IN ACCESS EXCLUSIVE MODE"))
        process = subprocess.Popen([sys.executable, "-c", UNDO, store.url, str(bad)])
        pid = wait_for(lambda: one(store, WAITING))
        process.kill()
        process.wait()
    gone = f"SELECT pid FROM pg_stat_activity WHERE pid = {pid}"
    wait_for(lambda: one(store, gone) is None)

    assert read_facts(store).equals(before)
    assert one(store, "SELECT count(*) FROM runlore.withdrawals") == 0
    done = undo_ingest(store, UndoTarget(ingest_id=bad), WHY)
    assert (done.is_new, done.withdrawal.executions) == (True, 2500)
    assert len(read_facts(store)) == 500


def wait_for(condition):
    until = time.monotonic() + PATIENCE_S
    while not (met := condition()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return met


def one(store, query):
    with store.begin() as connection:
        return connection.scalar(text(query))


def test_a_correction_that_comes_during_an_undo_becomes_the_first_fact(
    store, tmp_path, monkeypatch
):
    bad = ingested(store, tmp_path, range(20), "bad")
    renumber = undo.withdrawals.renumber

    def renumber_before_a_correction(connection, number):
        renumber(connection, number)
        with store.begin() as recorder:
            recorder.execute(text(CORRECTION))

    monkeypatch.setattr(undo.withdrawals, "renumber", renumber_before_a_correction)
    undo_ingest(store, UndoTarget(ingest_id=bad), WHY)
    assert one(store, "SELECT array_agg(revision) FROM runlore.executions") == [0]


def test_recorders_wait_while_late_corrections_are_numbered(store, tmp_path, monkeypatch):
    bad = ingested(store, tmp_path, range(20), "bad")
    renumber_late, took_lock = undo.withdrawals.renumber_late, []

    def try_to_record(connection, until_seq):
        lock = f"SELECT pg_try_advisory_xact_lock_shared({feature_states.SUBJECT})"
        took_lock.append(one(store, lock))
        renumber_late(connection, until_seq)

    monkeypatch.setattr(undo.withdrawals, "renumber_late", try_to_record)
    undo_ingest(store, UndoTarget(ingest_id=bad), WHY)
    assert took_lock == [False]


def test_what_a_source_records_during_its_undo_stays(store, tmp_path, monkeypatch):
    ingested(store, tmp_path, range(20), "bad")
    move_source = undo.withdrawals.move_source

    def move_after_a_correction(*arguments):
        with store.begin() as recorder:
            recorder.execute(text(CORRECTION))
        return move_source(*arguments)

    monkeypatch.setattr(undo.withdrawals, "move_source", move_after_a_correction)
    assert undo_ingest(store, UndoTarget(source="log"), WHY).withdrawal.executions == 20
    assert one(store, "SELECT array_agg(revision) FROM runlore.executions") == [0]


def test_states_that_could_not_be_renewed_are_renewed_by_the_same_undo_again(
    store, predictor, tmp_path, monkeypatch
):
    bad = ingested(store, tmp_path, range(50), "bad")
    states.activate(store, predictor.bundle.plan)
    with monkeypatch.context() as away:
        away.setattr(undo.states, "renew", unavailable)
        with pytest.raises(NotYetForgotten, match="all facts are withdrawn"):
            undo_ingest(store, UndoTarget(ingest_id=bad), WHY)
    again = undo_ingest(store, UndoTarget(ingest_id=bad), WHY)
    assert not again.is_new
    assert again.renewed == len(predictor.bundle.plan.histories)
    assert one(store, "SELECT count(*) FROM runlore.feature_states") == 0


def unavailable(_):
    raise Unavailable("the database is away")
