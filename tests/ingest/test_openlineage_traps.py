"""What producers of OpenLineage events do, one row each, and what becomes of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runlore.ingest.actions.opening import FileSource
from runlore.ingest.actions.preview import preview_file
from runlore.ingest.queries import lineage_runs
from runlore.records.lineage_run import LineageRun
from runlore.store.engine import Store
from tests.ingest.lineage_events import NOW, RUN, EventLog, event

OTHER_RUN = "3b452093-782c-4ef2-9c0c-aafe2aa6f34d"
Expected = tuple[str, float, float | None, float | None]
ONE = [("succeeded", 0.0, 0.0, 9.0)]

# name -> events, and of each execution: status, submitted, started, finished in seconds
TRAPS: dict[str, tuple[list[dict[str, Any]], list[Expected]]] = {
    "START and COMPLETE": ([event("START", 0), event("COMPLETE", 9)], ONE),
    "COMPLETE without START": ([event("COMPLETE", 9)], [("succeeded", 9.0, None, 9.0)]),
    "FAIL without START": ([event("FAIL", 9)], [("failed", 9.0, None, 9.0)]),
    "COMPLETE before START": ([event("COMPLETE", 9), event("START", 0)], ONE),
    "an event twice": ([event("START", 0), event("COMPLETE", 9)] * 2, ONE),
    "five START and two COMPLETE": (
        [*(event("START", s) for s in (2, 0, 4, 1, 3)), event("COMPLETE", 8), event("COMPLETE", 9)],
        ONE,
    ),
    "RUNNING and OTHER between": (
        [event("START", 0), event("RUNNING", 3), event("OTHER", 5), event("COMPLETE", 9)],
        ONE,
    ),
    "OTHER after COMPLETE": ([event("START", 0), event("COMPLETE", 9), event("OTHER", 20)], ONE),
    "RUNNING without START": (
        [event("RUNNING", 3), event("COMPLETE", 9)],
        [("succeeded", 3.0, None, 9.0)],
    ),
    "no eventType": ([event("START", 0), event(None, 3), event("COMPLETE", 9)], ONE),
    "lower case": ([event("start", 0), event("complete", 9)], ONE),
    "ABORT": ([event("START", 0), event("ABORT", 9)], [("cancelled", 0.0, 0.0, 9.0)]),
    "FAIL": ([event("START", 0), event("FAIL", 9)], [("failed", 0.0, 0.0, 9.0)]),
    "FAIL and later COMPLETE": ([event("START", 0), event("FAIL", 5), event("COMPLETE", 9)], ONE),
    "COMPLETE and later FAIL": (
        [event("FAIL", 9), event("START", 0), event("COMPLETE", 5)],
        [("failed", 0.0, 0.0, 9.0)],
    ),
    "a run that never ends": ([event("START", 0)], [("running", 0.0, 0.0, None)]),
    "a run that only runs": ([event("RUNNING", 3)], [("running", 3.0, None, None)]),
    "the same job twice at once": (
        [
            event("START", 0),
            event("START", 1, OTHER_RUN),
            event("COMPLETE", 5, OTHER_RUN),
            event("COMPLETE", 9),
        ],
        [*ONE, ("succeeded", 1.0, 1.0, 5.0)],
    ),
    "a parent with the run id of its child": (
        [
            event("START", 0, job="orders"),
            event("START", 1),
            event("COMPLETE", 8),
            event("COMPLETE", 9, job="orders"),
        ],
        [*ONE, ("succeeded", 1.0, 1.0, 8.0)],
    ),
    "a run id in capitals": ([event("START", 0, RUN.upper()), event("COMPLETE", 9)], ONE),
    "a clock that is behind": (
        [event("START", 9.4), event("COMPLETE", 9)],
        [("succeeded", 9.0, 9.0, 9.0)],
    ),
    "a START long after the end": (
        [event("START", 900), event("COMPLETE", 9)],
        [("succeeded", 9.0, None, 9.0)],
    ),
    "nanoseconds": (
        [event("START", 0), event("COMPLETE", 9, time="2026-05-01T12:00:09.000000999Z")],
        ONE,
    ),
    "the name of a zone": (
        [event("START", 0, time="2026-05-01T14:00:00+02:00[Europe/Paris]"), event("COMPLETE", 9)],
        ONE,
    ),
    "facets of another shape": (
        [
            event("START", 0, facets={"parent": [], "nominalTime": None}, inputs=None),
            event("COMPLETE", 9, job_facets={"ownership": {"owners": "ann"}, "jobType": 3}),
        ],
        ONE,
    ),
}


@pytest.fixture
def log(store: Store, tmp_path: Path) -> EventLog:
    return EventLog(store, tmp_path / "events.ndjson")


@pytest.mark.parametrize("name", TRAPS)
def test_events_become_executions(log: EventLog, name: str) -> None:
    events, expected = TRAPS[name]
    summary = log.ingest(*events)
    shown = ("status", "submitted", "started", "finished")
    executions = sorted(tuple(row[field] for field in shown) for row in log.latest())
    assert executions == sorted(expected)
    assert summary.rejected == 0
    assert summary.new + sum(summary.skipped.values()) == len(events)
    again = log.ingest()
    assert (again.new, again.known, again.skipped) == (0, summary.new, summary.skipped)
    preview = preview_file(FileSource(log.path, "openlineage", "openlineage"), NOW)
    assert (preview.executions, preview.skipped) == (len(expected), summary.skipped)


def test_a_run_with_news_is_not_done_when_what_came_before_them_is_recorded(store: Store) -> None:
    begun = LineageRun("n", "j", RUN, f"{5:017}", start_event=f"{5:017}")
    ended = replace(begun, end_event=f"{9:017}")
    with store.connect() as connection:
        before, after = (lineage_runs.merge(connection, "s", [run])[0] for run in (begun, ended))
        for run, is_pending in ((before, True), (after, False)):
            lineage_runs.mark_done(connection, "s", run)
            row = connection.execute("SELECT is_pending FROM runlore.lineage_runs").fetchone()
            assert row == (is_pending,)
