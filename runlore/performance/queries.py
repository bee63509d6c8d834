"""Scores of windows, as known at an instant. Rows are only ever added."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, insert, select, text

from runlore.store import schema
from runlore.store.live_outbox import Topic, publish

Source = Literal["realised", "estimated"]
MOST_EVENTS = 50  # live events of one look: a first one may judge the windows of years
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))")


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


@dataclass(frozen=True)
class PerformanceLook:
    """One look at a version's answers. is_conclusive: it could judge; reasons: what is broken."""

    at: datetime
    spec: str
    version: str
    is_conclusive: bool
    reasons: Sequence[str]


def lock(connection: Connection, spec: str) -> None:
    """Be the only one who records a look at a spec until the transaction ends."""
    connection.execute(LOCK, {"subject": f"performance of {spec}"})


def add(connection: Connection, results: Sequence[PerformanceResult]) -> None:
    if results:
        connection.execute(insert(schema.performance_results), [vars(result) for result in results])
    newest = sorted(results, key=lambda result: result.window_to)[-MOST_EVENTS:]
    for result in newest:
        publish(connection, Topic.SCORES, result.spec, _event(result))


def _event(result: PerformanceResult) -> dict[str, object]:
    """A score for those who watch live."""
    return {name: value for name, value in vars(result).items() if name not in ("at", "spec")}


def add_look(connection: Connection, look: PerformanceLook) -> None:
    values = {**vars(look), "reasons": list(look.reasons)}
    connection.execute(insert(schema.performance_looks).values(values))


def newest_conclusive(connection: Connection, spec: str) -> datetime | None:
    """The latest instant of a look that could judge."""
    looks = schema.performance_looks
    newest_at: datetime | None = connection.scalar(
        select(func.max(looks.c.at)).where(looks.c.spec == spec, looks.c.is_conclusive)
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
    values = {name: row._mapping[name] for name in PerformanceResult.__dataclass_fields__}
    return PerformanceResult(**values)
