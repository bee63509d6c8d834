"""Silences: which causes are not sent, until when, who added it, and why."""

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from runlore.alerts.rules.state import Silence
from runlore.store import schema


def add(connection: Connection, silence: Silence) -> Silence:
    """Add a silence; returns it with its id."""
    values = {name: value for name, value in vars(silence).items() if name != "id"}
    number = connection.execute(
        insert(schema.alert_silences).values(values).returning(schema.alert_silences.c.id)
    ).scalar_one()
    return Silence(number, **values)


def active(connection: Connection, now: datetime) -> list[Silence]:
    query = select(schema.alert_silences).where(
        schema.alert_silences.c.ended_at.is_(None), schema.alert_silences.c.until > now
    )
    return [
        Silence(**row._mapping)
        for row in connection.execute(query.order_by(schema.alert_silences.c.id))
    ]


def find(connection: Connection, silence_id: int) -> Silence | None:
    row = connection.execute(
        select(schema.alert_silences)
        .where(schema.alert_silences.c.id == silence_id)
        .with_for_update()
    ).first()
    return None if row is None else Silence(**row._mapping)


def end(connection: Connection, silence_id: int, at: datetime, actor: str) -> None:
    values = {"ended_at": at, "ended_by": actor}
    connection.execute(
        update(schema.alert_silences).where(schema.alert_silences.c.id == silence_id).values(values)
    )
