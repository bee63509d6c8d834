"""A/B tests: what was planned, when each ran, how it ended, who did what, and each look at them.

Looks are only ever added.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, text, update

from runlore.experiments.rules.assignment import GroupShare
from runlore.experiments.rules.design import Design
from runlore.store import notices, schema
from runlore.store.schema.ab import ab_actions, ab_tests

State = Literal["created", "running", "decided", "stopped"]
Ending = Literal["decided", "stopped"]
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('runlore.ab_tests', 0))")


@dataclass(frozen=True)
class RecordedLook:
    """look: 1 for the first. evidence: statistics by variant and metric."""

    look: int
    at: datetime
    actor: str
    answer: str
    winner: str | None
    is_final: bool
    analysis: Mapping[str, Any]
    evidence: Mapping[str, Any]


def add_look(connection: Connection, test_id: int, look: RecordedLook) -> None:
    connection.execute(insert(schema.ab_analyses).values(test_id=test_id, **vars(look)))


def last_look(connection: Connection, test_id: int) -> RecordedLook | None:
    looks = _read_looks(connection, test_id, newest=True)
    return looks[0] if looks else None


def read_looks(connection: Connection, test_id: int) -> list[RecordedLook]:
    """Oldest first."""
    return _read_looks(connection, test_id, newest=False)


def _read_looks(connection: Connection, test_id: int, *, newest: bool) -> list[RecordedLook]:
    columns = [schema.ab_analyses.c[name] for name in RecordedLook.__dataclass_fields__]
    statement = select(*columns).where(schema.ab_analyses.c.test_id == test_id)
    statement = (
        statement.order_by(schema.ab_analyses.c.look.desc()).limit(1)
        if newest
        else statement.order_by(schema.ab_analyses.c.look)
    )
    return [RecordedLook(*row) for row in connection.execute(statement)]


@dataclass(frozen=True)
class AbTest:
    """plan: as it was asked for. design: with the exposure of now.

    collected_at, collected_seq: of a test on the ledger, answers until then, and the facts up to
    that one, are in.
    """

    id: int
    public_id: UUID
    name: str
    plan: Mapping[str, Any]
    design: Design
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    ended_as: Ending | None = None
    winner: str | None = None
    collected_at: datetime | None = None
    collected_seq: int = 0

    @property
    def state(self) -> State:
        if self.ended_as is not None:
            return self.ended_as
        return "created" if self.started_at is None else "running"

    def ran_s(self, at: datetime) -> float:
        """Seconds since the start, until the end of the test."""
        if self.started_at is None:
            return 0.0
        return ((self.ended_at or at) - self.started_at).total_seconds()


@dataclass(frozen=True)
class Action:
    at: datetime
    action: str
    actor: str
    reason: str


def be_alone(connection: Connection) -> None:
    """Hold the lock for adding tests until the transaction ends."""
    connection.execute(LOCK)


def add(
    connection: Connection, plan: Mapping[str, Any], design: Mapping[str, Any], at: datetime
) -> AbTest:
    """plan, design: as JSON."""
    values = {
        "name": design["name"],
        "plan": plan,
        "design": design,
        "exposure": design["exposure"],
        "created_at": at,
    }
    row = connection.execute(insert(ab_tests).values(values).returning(*ab_tests.c)).one()
    return _test(row)


def find(connection: Connection, name: str | UUID, *, locked: bool = False) -> AbTest | None:
    """Find a test by name or public id. locked: nobody else changes or analyses it meanwhile."""
    column = ab_tests.c.public_id if isinstance(name, UUID) else ab_tests.c.name
    statement = select(ab_tests).where(column == name)
    row = connection.execute(statement.with_for_update() if locked else statement).first()
    return None if row is None else _test(row)


def every(connection: Connection) -> list[AbTest]:
    """The newest first."""
    rows = connection.execute(select(ab_tests).order_by(ab_tests.c.id.desc()))
    return [_test(row) for row in rows]


def taken(connection: Connection, group: str) -> list[GroupShare]:
    """The parts of an exclusion group that tests hold which are not over."""
    return [
        test.design.slot
        for test in every(connection)
        if test.design.slot is not None and test.design.slot.group == group and not test.ended_as
    ]


def change(connection: Connection, test: AbTest, **values: object) -> AbTest:
    """values: of columns."""
    notices.notify(connection, notices.WORK_DUE, "ab")
    chosen = update(ab_tests).where(ab_tests.c.id == test.id).values(**values)
    return _test(connection.execute(chosen.returning(*ab_tests.c)).one())


def note(connection: Connection, test: AbTest, action: Action) -> None:
    connection.execute(insert(ab_actions).values(test_id=test.id, **vars(action)))


def actions(connection: Connection, test: AbTest) -> list[Action]:
    """Oldest first."""
    c = ab_actions.c
    statement = select(c.at, c.action, c.actor, c.reason).where(c.test_id == test.id).order_by(c.id)
    return [Action(*row) for row in connection.execute(statement)]


def _test(row: "Row[Any]") -> AbTest:
    columns: dict[str, Any] = {
        name: getattr(row, name) for name in AbTest.__dataclass_fields__ if name != "design"
    }
    return AbTest(**columns, design=Design.from_json({**row.design, "exposure": row.exposure}))
