"""Record executions as they happen: work submitted, and its outcome.

The fact and the states of all histories in use change in one transaction, so that features read
afterwards are those that a fold over the whole log gives, bit for bit.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime

from runlore.features import online
from runlore.features.declaration import HistoryFeatures
from runlore.features.keys import KeyParts, key_of
from runlore.features.online import FactResult, LatestInstants
from runlore.kernel.errors import BadInput, NotFound
from runlore.kernel.instants import from_us, to_us
from runlore.records.clock_skew import one_in_sequence
from runlore.records.execution import (
    FINAL_STATUSES,
    NO_INSTANT,
    ExecutionFact,
    ExecutionStatus,
    Scalar,
)
from runlore.records.names import trimmed
from runlore.serving.actions.recording_bounds import UNBOUNDED, RecordingBounds
from runlore.serving.actions.recording_checks import check_open, check_order, listed, shown
from runlore.serving.actions.recording_values import known_values
from runlore.serving.queries import feature_states, recording
from runlore.serving.queries.feature_states import Floats, Name
from runlore.serving.queries.recording import FactToAdd, StoredFact
from runlore.store.engine import Store
from runlore.store.months import Connection, transaction

SOURCE = "api"


@dataclass(frozen=True, slots=True)
class Submission:
    """Work that was submitted. Names are trimmed, as those from logs are.

    source_id: its name with its source; None: it gets one. submitted: None: now. Work that has
    started is running. key_id: of the API key with which this came.
    """

    actor: str
    kind: str
    scope: str
    inputs: Mapping[str, Scalar] = field(default_factory=dict)
    source: str = SOURCE
    source_id: str | None = None
    submitted: datetime | None = None
    started: datetime | None = None
    status: ExecutionStatus = ExecutionStatus.SUBMITTED
    key_id: str | None = None

    def __post_init__(self) -> None:
        for name in ("actor", "kind", "scope", "source_id"):
            if (text := getattr(self, name)) is not None:
                object.__setattr__(self, name, trimmed(text))
        if self.started is not None and self.status is ExecutionStatus.SUBMITTED:
            object.__setattr__(self, "status", ExecutionStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class OutcomeReport:
    """The outcome of an execution. A field that is None keeps its recorded value.

    submitted: of the execution, should its name be used again; None: the one submitted last.
    is_correction: whether it may change the outcome of work that ended long ago. key_id: of the API
    key with which this came.
    """

    status: ExecutionStatus
    started: datetime | None = None
    finished: datetime | None = None
    outcome: Mapping[str, Scalar] | None = None
    key_id: str | None = None
    submitted: datetime | None = None
    is_correction: bool = False


@dataclass(frozen=True, slots=True)
class RecordedExecution:
    """What is known now of an execution. is_new: whether this call added to it."""

    source: str
    source_id: str
    submitted: datetime
    status: ExecutionStatus
    known_at: datetime
    revision: int
    is_new: bool


def record_submission(
    store: Store,
    submission: Submission,
    known_at: datetime | None = None,
    bounds: RecordingBounds = UNBOUNDED,
) -> RecordedExecution:
    """Record work that was submitted; the same again changes nothing.

    known_at: when it became known, for replaying a log; None: now, by the database's clock.
    Further news of open work, such as its start, are a further fact. A known name with another
    `submitted` is another execution. Raises BadInput when the name and the instant are taken by
    other work, TooManyRevisions as `bounds` say.
    """
    check_open(submission.status)
    return transaction(store, lambda connection: _submit(connection, submission, known_at, bounds))


def record_outcome(
    store: Store,
    source: str,
    source_id: str,
    ending: OutcomeReport,
    known_at: datetime | None = None,
    bounds: RecordingBounds = UNBOUNDED,
) -> RecordedExecution:
    """Record what came of an execution; the same again changes nothing.

    Another outcome than the one known is a correction. Raises NotFound for unknown executions,
    CorrectionNeeded and TooManyRevisions as `bounds` say; the first outcome is always taken.
    """
    if ending.status not in FINAL_STATUSES:
        ends = listed(FINAL_STATUSES)
        raise BadInput(f"status: {ending.status} is not how work ends; use one of {ends}", "status")
    return transaction(
        store, lambda connection: _end(connection, (source, source_id), ending, known_at, bounds)
    )


def record_ended(
    store: Store,
    submission: Submission,
    ending: OutcomeReport,
    known_at: tuple[datetime | None, datetime | None] = (None, None),
    bounds: RecordingBounds = UNBOUNDED,
) -> tuple[RecordedExecution, RecordedExecution]:
    """`record_submission` and `record_outcome` in one transaction: both, or nothing."""

    def both(connection: Connection) -> tuple[RecordedExecution, RecordedExecution]:
        begun = _submit(connection, submission, known_at[0], bounds)
        of_it = replace(ending, submitted=begun.submitted)
        name = (begun.source, begun.source_id)
        return begun, _end(connection, name, of_it, known_at[1], bounds)

    return transaction(store, both)


def read_execution(
    store: Store, source: str, source_id: str, submitted: datetime | None = None
) -> Sequence[StoredFact]:
    """All facts about an execution, in sequence. submitted: None: the one submitted last."""
    facts = recording.read_execution(store, source, source_id, submitted)
    if not facts:
        raise _unknown(source, source_id, submitted)
    return facts


def _submit(
    connection: Connection,
    submission: Submission,
    known_at: datetime | None,
    bounds: RecordingBounds,
) -> RecordedExecution:
    source_id = submission.source_id or str(uuid.uuid4())
    submitted = submission.submitted
    opened = recording.open_execution(connection, submission.source, source_id, submitted)
    if opened.facts and not _is_reused(connection, submission, opened.facts[-1], bounds):
        return _append_fact(connection, submission, opened.facts, known_at, bounds)
    subject = KeyParts(submission.actor, submission.kind, submission.scope, submission.inputs)
    states = _Locked.take(connection, opened.histories, subject)
    at_us = online.submission_instant(states.given_us(known_at), states.seen)
    at = from_us(at_us)
    fact = ExecutionFact(
        source=submission.source,
        source_id=source_id,
        actor=submission.actor,
        kind=submission.kind,
        scope=submission.scope,
        submitted=submission.submitted or at,
        status=submission.status,
        submission_known_at=at,
        known_at=at,
        started=submission.started,
        inputs=known_values(submission.inputs),
    )
    fact = _in_sequence(fact, bounds)
    check_order(fact, is_live=known_at is None)
    bounds.check_submitted(fact)
    for history, state in states:
        online.submit(history, state, at_us)
    recording.append(connection, FactToAdd(fact, 0, submission.key_id), states.states)
    return _recorded(fact, 0, is_new=True)


def _is_reused(
    connection: Connection, submission: Submission, last: StoredFact, bounds: RecordingBounds
) -> bool:
    """Whether this undated submission is of other work than that of its name, long over."""
    if submission.submitted is not None or not last.is_final:
        return False
    return bounds.is_long_over(_fact(last), feature_states.clock(connection))


def _append_fact(
    connection: Connection,
    submission: Submission,
    facts: Sequence[StoredFact],
    known_at: datetime | None,
    bounds: RecordingBounds,
) -> RecordedExecution:
    """Add a fact about open work. It changes no state: only submissions and outcomes do."""
    first, last = facts[0], facts[-1]
    _check_same(submission, first)
    is_over = last.is_final or submission.status is ExecutionStatus.SUBMITTED
    started, _ = one_in_sequence(last.submitted, submission.started, None, bounds.clock_tolerance)
    if is_over or recording.is_recorded(connection, last, submission.status, started):
        return _recorded(_fact(last), last.revision, is_new=False)
    bounds.check_revision(last.source_id, last.revision + 1)
    at = max(known_at or feature_states.clock(connection), last.known_at)
    fact = replace(
        _fact(last),
        status=submission.status,
        started=started or last.started,
        known_at=at,
    )
    check_order(fact, is_live=known_at is None)
    recording.append(connection, FactToAdd(fact, last.revision + 1, submission.key_id), {})
    return _recorded(fact, last.revision + 1, is_new=True)


def _end(
    connection: Connection,
    name: tuple[str, str],
    ending: OutcomeReport,
    known_at: datetime | None,
    bounds: RecordingBounds,
) -> RecordedExecution:
    opened = recording.open_execution(connection, *name, ending.submitted)
    if not opened.facts:
        raise _unknown(*name, ending.submitted)
    first, last = opened.facts[0], opened.facts[-1]
    finals = sorted((f for f in opened.facts if f.is_final), key=lambda f: (f.known_at, f.seq))
    final = _ended(_fact(finals[-1] if finals else last), ending, bounds)
    if finals and _content(final) == _content(_fact(finals[-1])):
        return _recorded(_fact(finals[-1]), finals[-1].revision, is_new=False)
    if finals:
        bounds.check_revision(first.source_id, last.revision + 1)
        if not ending.is_correction:
            bounds.check_correction(_fact(finals[-1]), feature_states.clock(connection))
    subject = KeyParts(first.actor, first.kind, first.scope, first.inputs)
    states = _Locked.take(connection, opened.histories, subject)
    at_us = _outcome_instant(connection, states, first, finals, known_at)
    fact = replace(final, known_at=from_us(at_us))
    sent = [name for name in ("started", "finished") if getattr(ending, name) is not None]
    check_order(fact, is_live=known_at is None, sent=sent)
    outcome = online.Outcome(
        execution=first.seq,
        result=_result(fact),
        replaced=_result(_fact(finals[-1])) if finals else None,
        first_known_us=to_us(finals[0].known_at) if finals else online.NEVER,
    )
    for history, state in states:
        online.conclude(history, state, at_us, outcome)
    recording.append(connection, FactToAdd(fact, last.revision + 1, ending.key_id), states.states)
    return _recorded(fact, last.revision + 1, is_new=True)


@dataclass(frozen=True, slots=True)
class _Locked:
    """The states that one execution's events change, ours until the transaction ends."""

    histories: Mapping[Name, HistoryFeatures]
    states: Mapping[Name, Floats]
    clock: datetime
    seen: LatestInstants

    @classmethod
    def take(
        cls, connection: Connection, histories: Sequence[HistoryFeatures], subject: KeyParts
    ) -> "_Locked":
        named = {(history.digest, key_of(history, subject)): history for history in histories}
        states, clock = feature_states.lock_states(connection, named)
        return cls(named, states, clock, online.seen(states.values()))

    def __iter__(self) -> Iterator[tuple[HistoryFeatures, Floats]]:
        return ((history, self.states[name]) for name, history in self.histories.items())

    def given_us(self, known_at: datetime | None) -> int:
        """The instant to record at: the one given, else now, later than all that is known."""
        if known_at is not None:
            return to_us(known_at)
        return max(to_us(self.clock), self.seen.last_us + 1)


def _outcome_instant(
    connection: Connection,
    states: _Locked,
    first: StoredFact,
    finals: Sequence[StoredFact],
    known_at: datetime | None,
) -> int:
    submitted_us = to_us(first.submission_known_at)
    before_us = max((to_us(fact.known_at) for fact in finals), default=online.NEVER)
    known = LatestInstants(states.seen.submission_us, max(states.seen.outcome_us, before_us))
    given_us = states.given_us(known_at)
    if known_at is None:
        given_us = max(given_us, before_us + 1, submitted_us + 1)
    is_newest = given_us <= submitted_us and recording.is_newest(connection, first)
    return online.outcome_instant(given_us, submitted_us, known, is_newest=is_newest)


def _ended(before: ExecutionFact, ending: OutcomeReport, bounds: RecordingBounds) -> ExecutionFact:
    started, finished = ending.started, ending.finished
    if started is not None:
        pair = one_in_sequence(before.submitted, started, finished, bounds.clock_tolerance)
        started, finished = pair
    ended = replace(
        before,
        status=ending.status,
        started=started or before.started,
        finished=finished or before.finished,
        outcome=before.outcome if ending.outcome is None else known_values(ending.outcome),
    )
    return ended if finished is None else _in_sequence(ended, bounds)


def _in_sequence(fact: ExecutionFact, bounds: RecordingBounds) -> ExecutionFact:
    started, finished = one_in_sequence(
        fact.submitted, fact.started, fact.finished, bounds.clock_tolerance
    )
    return replace(fact, started=started, finished=finished)


def _fact(stored: StoredFact) -> ExecutionFact:
    values = {field.name: getattr(stored, field.name) for field in fields(ExecutionFact)}
    return ExecutionFact(**values | {"status": ExecutionStatus(stored.status)})


def _result(fact: ExecutionFact) -> FactResult:
    return FactResult(
        status=str(fact.status),
        submitted_us=to_us(fact.submitted),
        started_us=NO_INSTANT if fact.started is None else to_us(fact.started),
        finished_us=NO_INSTANT if fact.finished is None else to_us(fact.finished),
        outcome=fact.outcome,
        known_us=to_us(fact.known_at),
    )


def _content(fact: ExecutionFact) -> tuple[object, ...]:
    return fact.status, fact.started, fact.finished, dict(fact.outcome)


def _recorded(fact: ExecutionFact, revision: int, *, is_new: bool) -> RecordedExecution:
    return RecordedExecution(
        source=fact.source,
        source_id=fact.source_id,
        submitted=fact.submitted,
        status=fact.status,
        known_at=fact.known_at,
        revision=revision,
        is_new=is_new,
    )


def _check_same(submission: Submission, first: StoredFact) -> None:
    """The name of an execution stands for one piece of work."""
    submitted = submission.submitted or first.submitted
    values = (
        submission.actor,
        submission.kind,
        submission.scope,
        known_values(submission.inputs),
        submitted,
    )
    for name, value in zip(("actor", "kind", "scope", "inputs", "submitted"), values, strict=True):
        known = getattr(first, name)
        if value != known:
            raise BadInput(
                f"{name}: execution {first.source_id!r} is recorded with {shown(known)},"
                f" not {shown(value)}; other work needs another id, or its own submitted",
                name,
            )


def _unknown(source: str, source_id: str, submitted: datetime | None = None) -> NotFound:
    when = "" if submitted is None else f", submitted {shown(submitted)},"
    return NotFound(
        f"execution {source_id!r} of source {source!r}{when} is not recorded; record its submission"
        " first"
    )
