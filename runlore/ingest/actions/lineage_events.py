"""OpenLineage events as they come over HTTP: merged with what is known of their runs, recorded.

Recording changes the states of features at once, as for any execution that is reported as it
happens; what it costs does not depend on how long the log is.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from runlore.ingest.queries import lineage_runs
from runlore.kernel.errors import BadInput, Refused
from runlore.kernel.instants import from_us, to_us
from runlore.records.formats.openlineage import EventReader, merge_runs
from runlore.records.lineage_run import LineageRun, RunFact, fact_of, time_of
from runlore.serving.actions.recording import (
    OutcomeReport,
    Submission,
    record_outcome,
    record_submission,
)
from runlore.serving.actions.recording_bounds import UNBOUNDED, RecordingBounds
from runlore.store.engine import Store

SOURCE = "openlineage"
MAX_EVENTS = 1_000  # of one request; each run takes some milliseconds
# So long a run whose START has not come is not recorded: clients send events from several threads,
# and one that is recorded without its START keeps the wrong submission.
WAIT_FOR_START_S = 10.0
MAX_AT_ONCE = 200
RECORD_S = 5.0  # of one request, which has to be answered in 9 s; what is left is recorded later

log = logging.getLogger("runlore.ingest")


@dataclass(frozen=True, slots=True)
class EventIntake:
    """How events are recorded. at: now. key_id: of the API key with which they came.

    is_replay: they became known at their own time, not now.
    """

    at: datetime
    bounds: RecordingBounds = UNBOUNDED
    key_id: str | None = None
    is_replay: bool = False
    source: str = SOURCE


@dataclass(frozen=True, slots=True)
class ReceivedEvents:
    """What became of a batch of events.

    submissions, outcomes: how many facts were added. waiting: runs that are recorded a little
    later, since their START has not come or the request would take too long. skipped: events that
    are about no run.
    """

    events: int
    runs: int
    submissions: int
    outcomes: int
    waiting: int
    skipped: int


def receive_events(store: Store, events: Sequence[Any], intake: EventIntake) -> ReceivedEvents:
    """Record events in any order; the same again change nothing.

    Raises BadInput, which names the event and its field, before anything is recorded, and Refused
    for a run that has had too many facts.
    """
    if len(events) > MAX_EVENTS:
        raise BadInput(
            f"events: there are {len(events):,}, at most {MAX_EVENTS:,} are taken at once", "events"
        )
    runs = _read(events, intake)
    merged = merge_runs(runs)
    with store.connect() as connection:
        known = lineage_runs.merge(connection, intake.source, merged)
    ready = [run for run in known if run.submitted_us is not None]
    added = _record_in_time(store, ready, intake)
    return ReceivedEvents(
        events=len(events),
        runs=len(merged),
        submissions=sum(is_new for is_new, _ in added),
        outcomes=sum(is_new for _, is_new in added),
        waiting=len(known) - len(added),
        skipped=len(events) - len(runs),
    )


def record_waiting(store: Store, bounds: RecordingBounds, *, is_replay: bool = False) -> int:
    """Record the runs whose START has not come for a while, and what a crash left unrecorded.

    Returns how many runs those were.
    """
    with store.connect() as connection:
        pending = lineage_runs.take_pending(connection, WAIT_FOR_START_S, MAX_AT_ONCE)
    for run in pending:
        intake = EventIntake(from_us(0), bounds, is_replay=is_replay, source=run.source)
        try:
            _record(store, run, intake)
        except (BadInput, Refused) as error:
            log.warning("run %s of %s is not recorded: %s", run.run_id, run.job, error)
    return len(pending)


def _record_in_time(
    store: Store, runs: Sequence[LineageRun], intake: EventIntake
) -> list[tuple[bool, bool]]:
    """Record runs until the request has taken long enough; the others stay pending."""
    ends = monotonic() + RECORD_S
    added: list[tuple[bool, bool]] = []
    for run in runs:
        if added and monotonic() > ends:
            break
        added.append(_record(store, run, intake))
    return added


def _read(events: Sequence[Any], intake: EventIntake) -> list[LineageRun]:
    """The runs of the events, each event for itself; those about no run are left out."""
    reader = EventReader(None, to_us(intake.at))
    runs = []
    for number, event in enumerate(events):
        try:
            run = reader.read(event)
            if isinstance(run, LineageRun):
                _check_age(run, intake)
                runs.append(run)
        except BadInput as error:
            if len(events) == 1:
                raise
            raise BadInput(f"{number}.{error}", f"{number}.{error.field}") from error
    return runs


def _check_age(run: LineageRun, intake: EventIntake) -> None:
    oldest = intake.bounds.backdating
    if oldest is not None and time_of(run.first_event) < to_us(intake.at - oldest):
        raise BadInput(
            f"eventTime: it is more than {oldest.days} days ago; bring older events in by"
            " `runlore ingest openlineage`, or let whoever runs the service raise"
            " RUNLORE_MAX_BACKDATING_DAYS",
            "eventTime",
        )


def _record(store: Store, run: LineageRun, intake: EventIntake) -> tuple[bool, bool]:
    """Record what is known of a run: whether its submission and its outcome are new.

    Both can be repeated, so a crash in between loses nothing: the run stays pending.
    """
    try:
        added = _record_fact(store, fact_of(run), intake)
    except (BadInput, Refused):
        _mark_done(store, run, intake)
        raise
    _mark_done(store, run, intake)
    return added


def _mark_done(store: Store, run: LineageRun, intake: EventIntake) -> None:
    with store.connect() as connection:
        lineage_runs.mark_done(connection, intake.source, run)


def _record_fact(store: Store, fact: RunFact, intake: EventIntake) -> tuple[bool, bool]:
    submitted = from_us(fact.submitted_us)
    started = None if fact.started_us is None else from_us(fact.started_us)
    finished = None if fact.finished_us is None else from_us(fact.finished_us)
    submission = Submission(
        fact.actor,
        fact.kind,
        fact.scope,
        json.loads(fact.inputs),
        intake.source,
        fact.source_id,
        submitted,
        started,
        key_id=intake.key_id,
    )
    known_at = submitted if intake.is_replay else None
    recorded = record_submission(store, submission, known_at, intake.bounds)
    if finished is None:
        return recorded.is_new, False
    ending = OutcomeReport(
        fact.status,
        started,
        finished,
        json.loads(fact.outcome),
        intake.key_id,
        submitted=submitted,
        is_correction=True,
    )
    known_at = finished if intake.is_replay else None
    ended = record_outcome(store, intake.source, fact.source_id, ending, known_at, intake.bounds)
    return recorded.is_new, ended.is_new
