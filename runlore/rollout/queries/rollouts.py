"""Rollouts and what was decided of them: rows that are only ever added.

Whether a rollout goes on, with what share and since when, follows from its decisions; writers hold
the lock of `alias_changes.writing`, so there is one decision at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Column, Connection, insert, select, text

from runlore.store import notices, schema
from runlore.store.live_outbox import Topic, publish

Action = Literal["start", "advance", "hold", "roll back", "promote"]
Ordered = Literal["start", "stop", "hold", "resume", "step", "promote"]

NEWEST = text("""
SELECT r.spec, d.action, d.written_at
FROM (SELECT DISTINCT ON (spec) * FROM runlore.rollouts ORDER BY spec, id DESC) AS r
JOIN LATERAL (
    SELECT action, written_at FROM runlore.rollout_decisions
    WHERE rollout_id = r.id ORDER BY id DESC LIMIT 1
) AS d ON true
""")
WITHOUT_ROLLOUT = text("""
SELECT c.spec FROM (
    SELECT DISTINCT ON (spec) spec, version FROM runlore.alias_changes
    WHERE alias = 'challenger' ORDER BY spec, id DESC
) AS c
WHERE c.version IS NOT NULL AND NOT EXISTS (
    SELECT FROM runlore.rollouts AS r WHERE r.spec = c.spec AND r.challenger = c.version
)
""")
BULKY = ("evidence", "readings")


@dataclass(frozen=True)
class Rollout:
    """policy: the rule as `rollout.document` writes it down. outcome_due_s: see RolloutPolicy."""

    id: int
    spec: str
    champion: str
    challenger: str
    unit: str
    policy: Mapping[str, Any]
    outcome_due_s: int
    started_at: datetime


@dataclass(frozen=True)
class NewestDecision:
    """How the newest rollout of a spec stands. written_at: by the database's clock."""

    spec: str
    action: Action
    written_at: datetime

    @property
    def is_first(self) -> bool:
        """Of its share: nobody has looked at what came of that."""
        return self.action in ("start", "advance")


@dataclass(frozen=True)
class NewDecision:
    """A decision to be added. step: the challenger's percent from then on.

    at: what was known then was decided on; of a change of the step, when it was written.
    ordered: what a person wanted; None: the rule decided. change_id: the alias change that
    carried it out.
    """

    rollout_id: int
    at: datetime
    action: Action
    step: int
    reasons: Sequence[str]
    is_alert: bool
    actor: str
    ordered: Ordered | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    readings: Mapping[str, Any] = field(default_factory=dict)
    change_id: int | None = None


@dataclass(frozen=True)
class RecordedDecision(NewDecision):
    """A decision as it stands on record."""

    id: int = 0
    written_at: datetime | None = None


def add_rollout(connection: Connection, new: Rollout) -> Rollout:
    """Store a rollout and return it with its number; `new.id` is ignored."""
    values = {name: value for name, value in vars(new).items() if name != "id"}
    values["policy"] = dict(new.policy)
    number = connection.execute(
        insert(schema.rollouts).values(values).returning(schema.rollouts.c.id)
    ).scalar_one()
    return Rollout(number, **values)


def add_decision(connection: Connection, new: NewDecision) -> RecordedDecision:
    values = {**vars(new), "reasons": list(new.reasons)}
    added = (
        insert(schema.rollout_decisions)
        .values(values)
        .returning(schema.rollout_decisions.c.id, schema.rollout_decisions.c.written_at)
    )
    row = connection.execute(added).one()
    notices.notify(connection, notices.WORK_DUE, "rollout")
    _publish(connection, new)
    return RecordedDecision(**vars(new), id=row.id, written_at=row.written_at)


def _publish(connection: Connection, new: NewDecision) -> None:
    """For those who watch live."""
    spec, challenger = connection.execute(
        select(schema.rollouts.c.spec, schema.rollouts.c.challenger).where(
            schema.rollouts.c.id == new.rollout_id
        )
    ).one()
    data = {
        "rollout": new.rollout_id,
        "event": new.action,
        "challenger": challenger,
        "share": new.step / 100,
        "actor": new.actor,
        "reasons": list(new.reasons),
    }
    publish(connection, Topic.ROLLOUTS, spec, data)


def last(connection: Connection, spec: str) -> Rollout | None:
    """The newest rollout of a spec, whether it goes on or not."""
    return next(iter(of_spec(connection, spec, limit=1)), None)


def of_spec(connection: Connection, spec: str, limit: int = 100) -> list[Rollout]:
    """The newest first."""
    statement = (
        select(schema.rollouts)
        .where(schema.rollouts.c.spec == spec)
        .order_by(schema.rollouts.c.id.desc())
        .limit(limit)
    )
    return [Rollout(**row._mapping) for row in connection.execute(statement)]


def history(
    connection: Connection, rollout_id: int, *, is_brief: bool = True
) -> list[RecordedDecision]:
    """The decisions of a rollout, oldest first. is_brief: without evidence and readings."""
    left_out = BULKY if is_brief else ()
    columns: list[Column[Any]] = [
        column for column in schema.rollout_decisions.c if column.name not in left_out
    ]
    statement = (
        select(*columns)
        .where(schema.rollout_decisions.c.rollout_id == rollout_id)
        .order_by(schema.rollout_decisions.c.id)
    )
    return [RecordedDecision(**row._mapping) for row in connection.execute(statement)]


def newest_decisions(connection: Connection) -> list[NewestDecision]:
    """Of every spec that ever had a rollout."""
    return [NewestDecision(**row._mapping) for row in connection.execute(NEWEST)]


def without_rollout(connection: Connection) -> list[str]:
    """Specs whose @challenger has had no rollout yet."""
    return list(connection.scalars(WITHOUT_ROLLOUT))
