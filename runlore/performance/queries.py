"""Scores of windows, as known at an instant. Rows are only ever added."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, insert, select

from runlore.store import schema

Source = Literal["realised", "estimated"]


@dataclass(frozen=True)
class PerformanceResult:
    """One score of one window of a version's answers, by the outcomes known at `at`."""

    at: datetime
    spec: str
    version: str
    window_from: datetime
    window_to: datetime
    answers: int
    labelled: int
    maturity: float | None
    source: Source
    score: str
    value: float
    low: float | None
    high: float | None


def add(connection: Connection, results: Sequence[PerformanceResult]) -> None:
    if results:
        connection.execute(insert(schema.performance_results), [vars(result) for result in results])


def newest(connection: Connection, spec: str) -> datetime | None:
    """Read the instant of the newest look."""
    newest_at: datetime | None = connection.scalar(
        select(func.max(schema.performance_results.c.at)).where(
            schema.performance_results.c.spec == spec
        )
    )
    return newest_at


def read(
    connection: Connection, spec: str, version: str | None = None, limit: int = 1000
) -> list[PerformanceResult]:
    """Read the results of a spec, newest first."""
    query = (
        select(schema.performance_results)
        .where(schema.performance_results.c.spec == spec)
        .order_by(schema.performance_results.c.id.desc())
        .limit(limit)
    )
    if version is not None:
        query = query.where(schema.performance_results.c.version == version)
    return [_result(row) for row in connection.execute(query)]


def of_others(
    connection: Connection, subject: tuple[str, str], score: str, since: datetime, until: datetime
) -> list[PerformanceResult]:
    """What came of windows between two instants that other versions of a spec answered.

    The window that ends last is first; of the same one, what was found last. subject: a spec and
    the version that is left out.
    """
    spec, version = subject
    conditions = (
        schema.performance_results.c.spec == spec,
        schema.performance_results.c.version != version,
        schema.performance_results.c.source == "realised",
        schema.performance_results.c.score == score,
        schema.performance_results.c.window_from >= since,
        schema.performance_results.c.window_to <= until,
    )
    order = (
        schema.performance_results.c.window_to.desc(),
        schema.performance_results.c.at.desc(),
        schema.performance_results.c.id.desc(),
    )
    query = select(schema.performance_results).where(*conditions).order_by(*order)
    return [_result(row) for row in connection.execute(query)]


def _result(row: "Row[Any]") -> PerformanceResult:
    values = {name: value for name, value in row._mapping.items() if name != "id"}
    return PerformanceResult(**values)
