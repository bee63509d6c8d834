"""Files of OpenLineage events: their forms, files that grow, order, undo."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runlore.ingest.actions.opening import FileSource
from runlore.ingest.actions.preview import preview_file
from runlore.ingest.actions.reject_list import list_rejects
from runlore.ingest.actions.undo import UndoReason, UndoTarget, undo_ingest
from runlore.ingest.queries import lineage_runs
from runlore.records.formats.openlineage import EventReader, merge_runs
from runlore.records.lineage_run import LineageRun, time_of
from runlore.store.engine import Store
from tests.ingest.lineage_events import NOW, EventLog, at, event, facet
from tests.tables import empty_tables

WHY = UndoReason("ann")
EVENTS = [
    event(
        "START",
        0,
        inputs=[{"namespace": "pg", "name": "orders"}],
        outputs=[{"namespace": "s3", "name": "lake/orders"}],
        job_facets={
            "jobType": facet(processingType="BATCH", integration="AIRFLOW", jobType="TASK"),
            "ownership": facet(owners=[{"name": "team:data", "type": "MAINTAINER"}]),
        },
        facets={
            "parent": facet(run={"runId": "p"}, job={"namespace": "etl", "name": "orders"}),
            "nominalTime": facet(
                nominalStartTime="2026-04-30T12:00:00Z", nominalEndTime="2026-05-01T12:00:00Z"
            ),
            "processing_engine": facet(version="3.1.0", name="Airflow"),
            "airflow": facet(taskInstance={"try_number": 2}, task={"operator_class": "PgToS3"}),
        },
    ),
    event(
        "FAIL",
        9,
        facets={"errorMessage": facet(message="no route to 10.0.0.7", programmingLanguage="PY")},
        outputs=[
            {
                "namespace": "s3",
                "name": "lake/orders",
                "outputFacets": {"outputStatistics": facet(rowCount=120, size=4096)},
            }
        ],
    ),
]


@pytest.fixture
def log(store: Store, tmp_path: Path) -> EventLog:
    return EventLog(store, tmp_path / "events.ndjson")


def test_facets_become_actor_inputs_and_outcome(log: EventLog) -> None:
    log.ingest(*EVENTS)
    [run] = log.latest()
    assert (run["actor"], run["kind"], run["scope"]) == ("team:data", "orders.load", "etl")
    assert run["inputs"] == {
        "attempt": 2,
        "engine": "Airflow",
        "engine_version": "3.1.0",
        "input_datasets": 1,
        "input_names": "orders",
        "integration": "AIRFLOW",
        "job_type": "TASK",
        "nominal_period_s": 86_400.0,
        "operator": "PgToS3",
        "output_datasets": 1,
        "output_names": "lake/orders",
        "parent_job": "orders",
        "processing_type": "BATCH",
    }
    assert run["outcome"] == {
        "bytes_written": 4096,
        "datasets_read": 0,
        "datasets_written": 1,
        "has_error_message": True,
        "rows_written": 120,
    }


def test_a_preview_shows_what_is_stored(log: EventLog) -> None:
    log.ingest(*EVENTS)
    [run] = log.latest()
    [first] = preview_file(FileSource(log.path, "openlineage", "openlineage"), NOW).first
    names = ("actor", "kind", "scope", "status", "inputs", "outcome")
    assert [first[name] for name in names] == [run[name] for name in names]


def forms() -> dict[str, bytes]:
    lines = "".join(f"{json.dumps(row)}\n" for row in EVENTS)
    return {
        "lines": lines.encode(),
        "lines with a byte order mark": b"\xef\xbb\xbf" + lines.encode(),
        "lines with CRLF and blank lines": lines.replace("\n", "\r\n\r\n").encode(),
        "gzip": gzip.compress(lines.encode()),
        "array": json.dumps(EVENTS).encode(),
        "indented array": json.dumps(EVENTS, indent=2).encode(),
        "page": json.dumps({"events": EVENTS, "totalCount": 2}).encode(),
        "indented documents": "\n".join(json.dumps(row, indent=2) for row in EVENTS).encode(),
        "gzip of an array": gzip.compress(json.dumps(EVENTS).encode()),
    }


@pytest.mark.parametrize("form", forms())
def test_every_form_of_file_is_read(log: EventLog, form: str) -> None:
    log.path.write_bytes(forms()[form])
    summary = log.ingest()
    assert (summary.new, summary.rejected) == (1, 0)
    [run] = log.latest()
    assert (run["status"], run["started"], run["finished"]) == ("failed", 0.0, 9.0)
    again = log.ingest()
    assert (again.new, again.known, again.skipped) == (0, 1, summary.skipped)


WRONG: dict[str, tuple[Any, str]] = {
    "no time": ({"run": {"runId": "a"}, "job": {"name": "b"}}, "eventTime: is missing"),
    "not a time": (event("START", 0, time="yesterday"), "eventTime: 'yesterday' is not"),
    "of the future": (event("START", 0, time="2026-09-01T00:00:00Z"), "in the future"),
    "no run": (event("START", 0) | {"run": None}, "run: it is missing"),
    "no run id": (event("START", 0) | {"run": {}}, "run.runId: is missing"),
    "a number as run id": (event("START", 0) | {"run": {"runId": 7}}, "run.runId: 7 is not text"),
    "no job": (event("START", 0) | {"job": None}, "job: it is missing"),
    "no name of a job": (event("START", 0, job=""), "job.name: it is empty"),
    "an unknown type": (event("STARTED", 0), "eventType: 'STARTED' is none of START"),
    "not an object": ([1], "the event is not a JSON object"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_events_are_rejects_that_name_the_field(log: EventLog, name: str) -> None:
    wrong, reason = WRONG[name]
    summary = log.ingest(event("START", 0, "a"), wrong, event("COMPLETE", 1, "a"))
    assert (summary.new, summary.rejected) == (1, 1)
    [reject] = list_rejects(log.store, 10)
    assert reject["line"] == 2
    assert reason in str(reject["reason"])


def test_a_line_that_is_no_json_is_a_reject(log: EventLog) -> None:
    log.write(event("START", 0))
    with log.path.open("a") as file:
        file.write('{"eventType": "COMP\n')
    assert log.ingest().rejected == 1


def test_events_of_data_sets_and_jobs_are_counted_and_not_kept(log: EventLog) -> None:
    job = {"eventTime": at(1), "job": {"namespace": "etl", "name": "orders"}}
    data_set = {"eventTime": at(1), "dataset": {"namespace": "pg", "name": "orders"}}
    summary = log.ingest(job, data_set, data_set)
    assert summary.new == summary.rejected == 0
    assert summary.skipped == {
        "DatasetEvents: they are about no run": 2,
        "JobEvents: they are about no run": 1,
    }


def test_names_that_are_too_long_for_the_log_are_cut(log: EventLog) -> None:
    names = ["a" * 600, "a" * 600 + "b"]
    log.ingest(*(event("START", 0, job=name) for name in names))
    kinds = {run["kind"] for run in log.latest()}
    assert len(kinds) == 2
    assert all(len(kind) <= 500 for kind in kinds)


def test_a_file_that_grows_tells_how_a_run_went_on(log: EventLog) -> None:
    log.ingest(event("START", 0))
    [begun] = log.latest()
    log.append(event("RUNNING", 4), event("COMPLETE", 9))
    summary = log.ingest()
    assert (begun["status"], begun["finished"]) == ("running", None)
    assert summary.new == 1
    facts = log.facts().sort_values("revision")
    assert facts["revision"].tolist() == [0, 1]
    assert facts["known_at"].tolist() == [begun_us(0), begun_us(9)], "a progress, no correction"
    assert facts["submission_known_at"].tolist() == [begun_us(0)] * 2


def run_of(row: dict[str, Any]) -> LineageRun:
    run = EventReader().read(row)
    assert isinstance(run, LineageRun)
    return run


def begun_us(seconds: float) -> int:
    return time_of(run_of(event("START", seconds)).first_event)


def test_a_late_start_does_not_move_the_submission(log: EventLog) -> None:
    log.ingest(event("COMPLETE", 9))
    log.append(event("START", 0))
    log.ingest()
    [run] = log.latest()
    assert (run["submitted"], run["started"], run["finished"]) == (9.0, None, 9.0)
    assert run["outcome"]["run_s"] == 9.0


def test_what_a_run_was_recorded_with_does_not_change(log: EventLog) -> None:
    log.ingest(event("START", 1, inputs=[]))
    log.append(event("START", 0, inputs=[{"name": "late"}]), event("COMPLETE", 9))
    log.ingest()
    [run] = log.latest()
    assert (run["submitted"], run["started"], run["finished"]) == (1.0, 1.0, 9.0)
    assert run["inputs"]["input_datasets"] == 0


def test_an_undone_file_can_be_ingested_again(log: EventLog, store: Store) -> None:
    first = log.ingest(*EVENTS)
    before = log.latest()
    undo_ingest(store, UndoTarget(source="openlineage"), WHY)
    assert log.latest() == []
    assert log.ingest().new == first.new
    assert log.latest() == before


def test_an_undone_file_leaves_nothing_in_the_runs_of_others(log: EventLog, store: Store) -> None:
    log.ingest(event("COMPLETE", 9))
    with store.connect() as connection:
        [ingest] = connection.execute("SELECT max(id) FROM runlore.ingests").fetchone() or [0]
    undo_ingest(store, UndoTarget(ingest_id=ingest), WHY)
    log.ingest(event("START", 0))
    assert [run["status"] for run in log.latest()] == ["running"]


def test_an_undone_file_keeps_what_another_file_said_of_its_runs(
    log: EventLog, store: Store, tmp_path: Path
) -> None:
    log.ingest(event("START", 0))
    with store.connect() as connection:
        [ingest] = connection.execute("SELECT max(id) FROM runlore.ingests").fetchone() or [0]
    EventLog(store, tmp_path / "ends.ndjson").ingest(event("COMPLETE", 9))
    undo_ingest(store, UndoTarget(ingest_id=ingest), WHY)
    with store.connect() as connection:
        ends = connection.execute("SELECT end_event FROM runlore.lineage_runs").fetchall()
    assert len(ends) == 1
    assert ends[0][0] is not None


def test_an_undone_source_leaves_nothing_in_its_later_runs(log: EventLog, store: Store) -> None:
    log.ingest(event("COMPLETE", 9))
    undo_ingest(store, UndoTarget(source="openlineage"), WHY)
    log.ingest(event("START", 0))
    with store.connect() as connection:
        ends = connection.execute("SELECT end_event FROM runlore.lineage_runs").fetchall()
    assert ends == [(None,)]


MANY = [
    event(kind, seconds, run, job=job)
    for run, job in (("r1", "a"), ("r2", "a"), ("r3", "b"))
    for kind, seconds in (
        ("START", 0),
        ("START", 2),
        ("RUNNING", 3),
        ("COMPLETE", 8),
        ("FAIL", 9),
        ("FAIL", 9),
        ("OTHER", 12),
    )
    if (run, kind) != ("r2", "START")
]
orders = st.lists(st.sampled_from(MANY), max_size=12).flatmap(
    lambda repeated: st.permutations([*MANY, *repeated])
)
QUICK = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@QUICK
@given(order=orders)
def test_any_order_and_repetition_gives_the_same_facts(log: EventLog, order: list[Any]) -> None:
    empty_tables(log.store)
    log.ingest(*sorted(MANY, key=lambda row: row["eventTime"]))
    expected = log.facts()
    empty_tables(log.store)
    log.ingest(*order)
    columns = [name for name in expected.columns if name != "seq"]
    keys = ["source_id", "kind"]
    facts = log.facts().sort_values(keys)[columns].reset_index(drop=True)
    assert facts.equals(expected.sort_values(keys)[columns].reset_index(drop=True))


@QUICK
@given(order=orders, data=st.data())
def test_events_in_any_batches_are_stored_as_one_batch_is(
    store: Store, order: list[Any], data: st.DataObject
) -> None:
    """The store merges as `LineageRun.merged` does."""
    empty_tables(store)
    expected = {run.key: texts_of(run) for run in merge_runs(map(run_of, MANY))}
    rest = list(order)
    stored: dict[Any, Any] = {}
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        batch, rest = rest[:size], rest[size:]
        with store.connect() as connection:
            runs = merge_runs(map(run_of, batch))
            merged = lineage_runs.merge(connection, "openlineage", runs)
        stored |= {run.key: texts_of(run) for run in merged}
    assert stored == expected


def texts_of(run: LineageRun) -> tuple[str | None, ...]:
    return run.first_event, run.start_event, run.end_event


def test_small_chunks_give_the_same_as_one(log: EventLog) -> None:
    shuffled = list(MANY)
    random.Random(1).shuffle(shuffled)  # noqa: S311
    log.ingest(*shuffled, chunk_bytes=700)
    small = [(run["source_id"], run["status"], run["finished"]) for run in log.latest()]
    empty_tables(log.store)
    log.ingest(*shuffled)
    assert small == [(run["source_id"], run["status"], run["finished"]) for run in log.latest()]
