"""The results of data checks: one row per check, never replaced."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, insert, select

from runlore.store import schema

Purpose = Literal["training", "window"]


@dataclass(frozen=True)
class DataCheck:
    """version: whose contract it was. batch_from, batch_to: the first and the last submission.

    accepted_by, accepted_why: the person who accepted data that failed, and why.
    """

    at: datetime
    spec: str
    version: str
    purpose: Purpose
    batch_from: datetime
    batch_to: datetime
    rows: int
    passed: bool
    verdict: Mapping[str, Any]
    accepted_by: str | None = None
    accepted_why: str | None = None


def add(connection: Connection, check: DataCheck) -> int:
    """Write a check; returns its id."""
    values = vars(check) | {"verdict": dict(check.verdict)}
    added: int = connection.scalars(
        insert(schema.data_checks).values(values).returning(schema.data_checks.c.id)
    ).one()
    return added


def newest(connection: Connection, spec: str, purpose: Purpose) -> datetime | None:
    """The instant of the latest check; None when there is none."""
    conditions = (schema.data_checks.c.spec == spec, schema.data_checks.c.purpose == purpose)
    latest: datetime | None = connection.scalar(
        select(func.max(schema.data_checks.c.at)).where(*conditions)
    )
    return latest


def read(
    connection: Connection, spec: str, purpose: Purpose | None = None, limit: int = 100
) -> list[DataCheck]:
    """The checks of a spec, the newest first."""
    query = (
        select(schema.data_checks)
        .where(schema.data_checks.c.spec == spec)
        .order_by(schema.data_checks.c.id.desc())
        .limit(limit)
    )
    if purpose is not None:
        query = query.where(schema.data_checks.c.purpose == purpose)
    return [_check(row) for row in connection.execute(query)]


def _check(row: "Row[Any]") -> DataCheck:
    return DataCheck(**{name: value for name, value in row._mapping.items() if name != "id"})
