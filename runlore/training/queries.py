"""What people said about leaks: rows that are only ever added."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, insert, select, text

from runlore.store import schema


@dataclass(frozen=True)
class LeakOpinion:
    """A person accepts an input in spite of what the check says, or withdraws that."""

    at: datetime
    spec: str
    input: str
    action: Literal["accept", "withdraw"]
    actor: str
    reason: str


IS_INPUT = text("SELECT EXISTS (SELECT FROM runlore.executions WHERE inputs ? :name)")


def is_input(connection: Connection, name: str) -> bool:
    """Whether any execution has an input of this name."""
    exists: bool = connection.scalar(IS_INPUT, {"name": name})
    return exists


def add_opinion(connection: Connection, opinion: LeakOpinion) -> None:
    connection.execute(insert(schema.leak_decisions).values(vars(opinion)))


def standing_opinions(connection: Connection, spec: str) -> list[LeakOpinion]:
    """The latest opinion on each input of a spec."""
    table = schema.leak_decisions
    query = (
        select(*(table.c[name] for name in LeakOpinion.__dataclass_fields__))
        .where(table.c.spec == spec)
        .distinct(table.c.input)
        .order_by(table.c.input, table.c.id.desc())
    )
    return [LeakOpinion(**row._mapping) for row in connection.execute(query)]
