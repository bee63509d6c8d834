"""What every window's comparison found: a row per column and statistic.

Rows are never deleted: those of a window that was judged anew are marked as replaced and stay as
its history. All functions read what stands, unless they say otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, text, update
from sqlalchemy.dialects import postgresql

from runlore.monitoring.queries.drift_slices import Watermark
from runlore.store import schema
from runlore.store.live_outbox import Topic, publish

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))")
KEY = ("spec", "version", "window_from", "window_to")
ALL_COLUMNS = "*"  # in place of a name: the share of columns that have drifted
STANDS = schema.drift_results.c.replaced_at.is_(None)


@dataclass(frozen=True)
class ComparedWindow:
    """A window of executions submitted after `window_from`, until `window_to`."""

    spec: str
    version: str
    window_from: datetime
    window_to: datetime


@dataclass(frozen=True)
class DriftResult:
    """One statistic of one column. reasons: of the verdict, with the share of all columns."""

    column_name: str
    statistic: str
    value: float
    threshold: float
    is_drifted: bool
    reasons: tuple[str, ...] | None = None


@dataclass(frozen=True)
class DriftComparison:
    """All results of a window. at: when it was judged. report: the path of the HTML.

    seen: the facts that were known then; None: an earlier version of Runlore did not record them.
    replaced_at: when the window was judged anew; None: it stands.
    """

    window: ComparedWindow
    at: datetime
    rows_reference: int
    rows_current: int
    report: str | None
    results: tuple[DriftResult, ...]
    seen: Watermark | None = None
    replaced_at: datetime | None = None


def lock(connection: Connection, spec: str) -> None:
    """Lock the results of a spec until the transaction ends."""
    connection.execute(LOCK, {"subject": f"drift of {spec}"})


def insert(connection: Connection, comparison: DriftComparison) -> int:
    """Add the rows that are not stored yet; returns their number."""
    shared = {
        **vars(comparison.window),
        "at": comparison.at,
        "rows_reference": comparison.rows_reference,
        "rows_current": comparison.rows_current,
        "report": comparison.report,
        **(vars(comparison.seen) if comparison.seen else {}),
    }
    rows = [{**shared, **_values(result)} for result in comparison.results]
    if not rows:
        return 0
    added = (
        postgresql.insert(schema.drift_results)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(schema.drift_results.c.id)
    )
    count = len(connection.execute(added).all())
    if count:
        _publish(connection, comparison)
    return count


def _publish(connection: Connection, comparison: DriftComparison) -> None:
    """For those who watch live: a window in which a column has drifted."""
    names = {result.column_name for result in comparison.results if result.is_drifted}
    drifted = sorted(names - {ALL_COLUMNS})
    if drifted:
        window = comparison.window
        data = {
            "kind": "drift",
            "version": window.version,
            "window_from": window.window_from,
            "window_to": window.window_to,
            "columns": drifted,
            "rows": comparison.rows_current,
        }
        publish(connection, Topic.ANOMALIES, window.spec, data)


def replace(connection: Connection, window: ComparedWindow, at: datetime) -> None:
    """Mark what was found for a window as replaced: it is judged anew."""
    connection.execute(
        update(schema.drift_results).where(*_same(window), STANDS).values(replaced_at=at)
    )


def advance(connection: Connection, windows: Sequence[ComparedWindow], seen: Watermark) -> None:
    """Note that what was found for these windows holds with all facts up to a watermark."""
    for window in windows:
        connection.execute(
            update(schema.drift_results).where(*_same(window), STANDS).values(**vars(seen))
        )


def read(connection: Connection, window: ComparedWindow) -> DriftComparison | None:
    """Read the stored results of a window."""
    rows = connection.execute(
        select(schema.drift_results)
        .where(*_same(window), STANDS)
        .order_by(schema.drift_results.c.id)
    ).all()
    return _comparison(rows) if rows else None


def replaced(connection: Connection, spec: str, since: datetime) -> list[DriftComparison]:
    """What was found for windows of a spec that end after `since` and were judged anew later.

    What was judged first is first.
    """
    rows = connection.execute(
        select(schema.drift_results)
        .where(
            schema.drift_results.c.spec == spec,
            schema.drift_results.c.window_to >= since,
            ~STANDS,
        )
        .order_by(schema.drift_results.c.id)
    ).all()
    verdicts: dict[tuple[object, ...], list[Row[tuple[object, ...]]]] = {}
    for row in rows:
        verdicts.setdefault((_window(row), row.at, row.until_seq), []).append(row)
    return [_comparison(of_verdict) for of_verdict in verdicts.values()]


def latest(connection: Connection, spec: str) -> DriftComparison | None:
    """Read the results of a spec's newest window, of any version."""
    of_spec = select(*(schema.drift_results.c[name] for name in KEY)).where(
        schema.drift_results.c.spec == spec, STANDS
    )
    last = of_spec.order_by(
        schema.drift_results.c.window_to.desc(), schema.drift_results.c.id.desc()
    ).limit(1)
    key = connection.execute(last).one_or_none()
    return read(connection, ComparedWindow(*key)) if key is not None else None


def newest_at(connection: Connection, spec: str) -> datetime | None:
    """When a window of a spec was judged last."""
    at: datetime | None = connection.scalar(
        select(func.max(schema.drift_results.c.at)).where(schema.drift_results.c.spec == spec)
    )
    return at


def newest_end(connection: Connection, spec: str) -> datetime | None:
    ends = connection.execute(
        select(func.max(schema.drift_results.c.window_to)).where(
            schema.drift_results.c.spec == spec, STANDS
        )
    )
    end: datetime | None = ends.scalar()
    return end


def history(
    connection: Connection, spec: str, column_name: str, statistic: str, limit: int = 100
) -> list[tuple[ComparedWindow, DriftResult]]:
    """Read one statistic of one column, window by window, newest first."""
    conditions = (
        schema.drift_results.c.spec == spec,
        schema.drift_results.c.column_name == column_name,
    )
    rows = connection.execute(
        select(schema.drift_results)
        .where(*conditions, schema.drift_results.c.statistic == statistic, STANDS)
        .order_by(schema.drift_results.c.window_to.desc(), schema.drift_results.c.id.desc())
        .limit(limit)
    ).all()
    return [(_window(row), _result(row)) for row in rows]


def judged(connection: Connection, spec: str, most: int) -> list[DriftComparison]:
    """Read all results of a spec's last windows, of any version, newest first."""
    keys = [schema.drift_results.c[name] for name in KEY]
    newest = select(*keys).where(schema.drift_results.c.spec == spec, STANDS).distinct()
    last = (
        newest.order_by(schema.drift_results.c.window_to.desc(), schema.drift_results.c.version)
        .limit(most)
        .subquery()
    )
    same = [schema.drift_results.c[name] == last.c[name] for name in KEY]
    rows = connection.execute(
        select(schema.drift_results)
        .join(last, and_(*same, STANDS))
        .order_by(schema.drift_results.c.id)
    ).all()
    of_window: dict[ComparedWindow, list[Row[tuple[object, ...]]]] = {}
    for row in rows:
        of_window.setdefault(_window(row), []).append(row)
    comparisons = [_comparison(results) for results in of_window.values()]
    return sorted(comparisons, key=lambda comparison: comparison.window.window_to, reverse=True)


def _comparison(rows: "Sequence[Row[tuple[object, ...]]]") -> DriftComparison:
    first = rows[0]
    return DriftComparison(
        _window(first),
        first.at,
        first.rows_reference,
        first.rows_current,
        first.report,
        tuple(_result(row) for row in rows),
        None if first.until_seq is None else Watermark(first.until_seq, first.facts),
        first.replaced_at,
    )


def _same(window: ComparedWindow) -> list[ColumnElement[bool]]:
    return [schema.drift_results.c[name] == value for name, value in vars(window).items()]


def _window(row: "Row[tuple[object, ...]]") -> ComparedWindow:
    return ComparedWindow(row.spec, row.version, row.window_from, row.window_to)


def _result(row: "Row[tuple[object, ...]]") -> DriftResult:
    reasons = None if row.reasons is None else tuple(row.reasons)
    return DriftResult(
        row.column_name, row.statistic, row.value, row.threshold, row.is_drifted, reasons
    )


def _values(result: DriftResult) -> dict[str, object]:
    reasons = None if result.reasons is None else list(result.reasons)
    return {**vars(result), "reasons": reasons}
