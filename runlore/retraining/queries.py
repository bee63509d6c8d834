"""Requests for a training with what became of them; both are only ever added to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, exists, func, insert, select, text, true
from sqlalchemy.dialects import postgresql

from runlore.store import notices, schema
from runlore.store.live_outbox import Topic, publish

State = Literal["wanted", "announced", "refused", "started", "failed", "done"]
WAITING: frozenset[State] = frozenset({"wanted", "announced"})
OPEN: frozenset[State] = WAITING | {"started"}
HAS_OUTCOMES = text("""
SELECT count(*) >= :least FROM (
    SELECT FROM runlore.executions WHERE finished IS NOT NULL AND known_at > :after
    AND (:of_any OR kind = ANY(:kinds)) LIMIT :least
) AS outcomes
""")
MADE_AT = text("""
SELECT min(at) FROM runlore.alias_changes WHERE spec = :spec AND version = :version
""")
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))")


@dataclass(frozen=True)
class RetrainingRequest:
    """A request as it is made. batch: names the facts up to `until_seq` under a spec.

    cause: of one trigger and spec, the same one asks only once; None asks each time.
    """

    at: datetime
    spec: str
    trigger: str
    actor: str
    reason: str
    cause: str | None
    batch: str
    until_seq: int
    new_labels: int
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RetrainingStep:
    """batch: of the facts that have taught by then; None where none has."""

    at: datetime
    state: State
    reason: str
    batch: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Retraining:
    """A request and its steps, the oldest first."""

    id: int
    wanted: RetrainingRequest
    steps: tuple[RetrainingStep, ...]

    @property
    def state(self) -> State:
        return self.steps[-1].state

    @property
    def reason(self) -> str:
        return self.steps[-1].reason


def lock(connection: Connection, spec: str) -> None:
    """Be the only one who decides on a spec's trainings until the transaction ends."""
    connection.execute(LOCK, {"subject": f"retraining of {spec}"})


def add(
    connection: Connection, request: RetrainingRequest, step: RetrainingStep
) -> Retraining | None:
    """A new request with its first step; None when its cause has asked before."""
    values = vars(request) | {"evidence": dict(request.evidence)}
    added = (
        postgresql.insert(schema.retrainings)
        .values(values)
        .on_conflict_do_nothing()
        .returning(schema.retrainings.c.id)
    )
    number = connection.scalar(added)
    if number is None:
        return None
    move(connection, number, step)
    return Retraining(number, request, (step,))


def move(connection: Connection, retraining_id: int, step: RetrainingStep) -> None:
    values = vars(step) | {"evidence": dict(step.evidence), "retraining_id": retraining_id}
    connection.execute(insert(schema.retraining_states).values(values))
    notices.notify(connection, notices.WORK_DUE, "retraining")
    spec = connection.scalar(
        select(schema.retrainings.c.spec).where(schema.retrainings.c.id == retraining_id)
    )
    data = {"event": step.state, "training": retraining_id, "reason": step.reason}
    publish(connection, Topic.TRAININGS, str(spec), data)


def find(connection: Connection, retraining_id: int) -> Retraining | None:
    retrainings = _read(connection, schema.retrainings.c.id == retraining_id, 1)
    return retrainings[0] if retrainings else None


def of_cause(
    connection: Connection, spec: str, trigger: str, cause: str | None
) -> Retraining | None:
    same = (
        (schema.retrainings.c.spec == spec)
        & (schema.retrainings.c.trigger == trigger)
        & (schema.retrainings.c.cause == cause)
    )
    retrainings = _read(connection, same, 1) if cause is not None else []
    return retrainings[0] if retrainings else None


def history(connection: Connection, spec: str | None = None, limit: int = 100) -> list[Retraining]:
    """The newest first."""
    return _read(connection, true() if spec is None else schema.retrainings.c.spec == spec, limit)


def going_on(connection: Connection, spec: str | None = None) -> list[Retraining]:
    """What waits or has begun, the oldest first."""
    ended = exists().where(
        schema.retraining_states.c.retraining_id == schema.retrainings.c.id,
        schema.retraining_states.c.state.in_(("refused", "failed", "done")),
    )
    of_spec = true() if spec is None else schema.retrainings.c.spec == spec
    return _read(connection, ~ended & of_spec, None)[::-1]


def begun(connection: Connection, spec: str) -> list[datetime]:
    """When the trainings of a spec began, but for those whose data was refused: they learned
    nothing, and did not fail at it."""
    conditions = (*_began(spec), ~_was_refused_untaught())
    return list(connection.scalars(select(schema.retraining_states.c.at).where(*conditions)))


def data_refused(connection: Connection, spec: str) -> datetime | None:
    """When the newest training of a spec began whose data was refused."""
    conditions = (*_began(spec), _was_refused_untaught())
    newest: datetime | None = connection.scalar(
        select(func.max(schema.retraining_states.c.at)).where(*conditions)
    )
    return newest


def has_learned(connection: Connection, batch: str) -> bool:
    """Whether these facts have taught before."""
    return bool(
        connection.scalar(select(exists().where(schema.retraining_states.c.batch == batch)))
    )


def learned_until(connection: Connection, spec: str) -> int:
    """The last fact that a requested training of the spec has learned from; 0 for none."""
    taught = schema.retraining_states.alias("taught")
    began = select(schema.retraining_states.c.evidence["until_seq"].as_integer()).where(
        schema.retrainings.c.spec == spec,
        schema.retraining_states.c.retraining_id == schema.retrainings.c.id,
        schema.retraining_states.c.state == "started",
        exists().where(
            taught.c.retraining_id == schema.retrainings.c.id, taught.c.batch.is_not(None)
        ),
    )
    return max(connection.scalars(began), default=0)


def has_outcomes(connection: Connection, after: datetime, kinds: Sequence[str], least: int) -> bool:
    """Return whether so many outcomes became known after an instant; repeats count as well."""
    parameters = {"after": after, "of_any": not kinds, "kinds": list(kinds), "least": least}
    return bool(connection.scalar(HAS_OUTCOMES, parameters))


def newest_fact(connection: Connection) -> str:
    """Names the fact that came in last."""
    return str(connection.scalar(text("SELECT max(seq) FROM runlore.executions")))


def made_at(connection: Connection, spec: str, version: str) -> datetime | None:
    """When the history of the aliases names a version first."""
    instant: datetime | None = connection.scalar(MADE_AT, {"spec": spec, "version": version})
    return instant


def _began(spec: str) -> tuple[ColumnElement[bool], ...]:
    of_spec = (
        schema.retraining_states.c.retraining_id == schema.retrainings.c.id,
        schema.retrainings.c.spec == spec,
    )
    return (*of_spec, schema.retraining_states.c.state == "started")


def _was_refused_untaught() -> ColumnElement[bool]:
    ended = schema.retraining_states.alias("ended")
    return exists().where(
        ended.c.retraining_id == schema.retraining_states.c.retraining_id,
        ended.c.state == "refused",
        ended.c.batch.is_(None),
    )


def _read(
    connection: Connection, condition: ColumnElement[bool], limit: int | None
) -> list[Retraining]:
    rows = connection.execute(
        select(schema.retrainings)
        .where(condition)
        .order_by(schema.retrainings.c.id.desc())
        .limit(limit)
    )
    known = [dict(row._mapping) for row in rows]
    steps = _steps(connection, [row["id"] for row in known])
    return [
        Retraining(row.pop("id"), RetrainingRequest(**row), steps[at])
        for at, row in enumerate(known)
    ]


def _steps(connection: Connection, ids: Sequence[int]) -> list[tuple[RetrainingStep, ...]]:
    query = (
        select(schema.retraining_states)
        .where(schema.retraining_states.c.retraining_id.in_(ids))
        .order_by(schema.retraining_states.c.id)
    )
    steps_of: dict[int, list[RetrainingStep]] = {number: [] for number in ids}
    for row in connection.execute(query):
        step = RetrainingStep(row.at, row.state, row.reason, row.batch, row.evidence)
        steps_of[row.retraining_id].append(step)
    return [tuple(steps_of[number]) for number in ids]
