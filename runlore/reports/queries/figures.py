"""Read the size of the database, the state of its tables, and its clock."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Table, func, literal, select, tablesample, text
from sqlalchemy.sql import ColumnElement

from runlore.alerts.queries.alerts import AlertQuery, count_open, read
from runlore.alerts.queries.outbox import UndeliveredAlerts, trouble
from runlore.alerts.rules import decision
from runlore.alerts.rules.decision import PendingDecision
from runlore.reports.queries.loop_events import LoopEvent, read_loop
from runlore.serving.queries.broken_versions import read_broken
from runlore.serving.queries.stale_states import read_stale
from runlore.store.engine import Store
from runlore.store.migrate import head, revision
from runlore.store.schema import alias_changes, executions, ledger, metrics, rejects

COUNTED = (executions, metrics, rejects, ledger)
COUNT_LIMIT = 100_000  # rows; a larger table is estimated, so that the cost has a bound
SAMPLE_ROWS = 20_000
SEED = 0  # the same pages at each call, so that an estimate moves only with the table
DIGITS = 3  # of an estimate


@dataclass(frozen=True)
class StoreFigures:
    version: str
    size_bytes: int
    clock: datetime
    revision: str | None
    head: str
    rows: dict[str, int]  # of the larger tables; empty before the first migration
    champions: dict[str, str]  # spec -> version, by the history of aliases

    estimated: tuple[str, ...] = ()  # names in `rows` that are too large to count

    alerts: dict[str, int] = field(default_factory=dict)  # severity -> how many are open

    undelivered: tuple[
        UndeliveredAlerts, ...
    ] = ()  # alerts that could not be delivered, by channel

    broken: dict[str, str] = field(default_factory=dict)  # spec -> what is wrong with its champion
    decisions: tuple[PendingDecision, ...] = ()  # what waits for a person

    stale: dict[str, int] = field(default_factory=dict)  # history of features -> facts it may lack
    loop: tuple[LoopEvent, ...] = ()  # what was done last for each spec, the newest first

    @property
    def is_migrated(self) -> bool:
        return self.revision == self.head


def figures(store: Store) -> StoreFigures:
    """Read the figures in one transaction; nothing is changed, not even migrated."""
    with store.begin() as connection:
        at = revision(connection)
        is_migrated = at == head()
        rows, estimated = _rows(connection) if is_migrated else ({}, ())
        return StoreFigures(
            version=str(connection.scalar(text("SHOW server_version"))),
            size_bytes=connection.scalar(text("SELECT pg_database_size(current_database())")) or 0,
            clock=connection.scalar(text("SELECT clock_timestamp()")),
            revision=at,
            head=head(),
            rows=rows,
            estimated=estimated,
            champions=_champions(connection) if is_migrated else {},
            alerts=count_open(connection) if is_migrated else {},
            undelivered=tuple(trouble(connection)) if is_migrated else (),
            broken=_broken(connection) if is_migrated else {},
            decisions=_decisions(connection) if is_migrated else (),
            stale=read_stale(connection) if is_migrated else {},
            loop=read_loop(connection) if is_migrated else (),
        )


def _rows(connection: Connection) -> tuple[dict[str, int], tuple[str, ...]]:
    """Numbers of rows by what they are, and the names of those that are estimates.

    An execution may have several facts, of which the first has revision 0.
    """
    rows: dict[str, int] = {}
    estimated: list[str] = []
    for table in COUNTED:
        name = "facts" if table is executions else table.name
        is_large = _count_to_limit(connection, table) > COUNT_LIMIT
        planned = _planned_rows(connection, table) if is_large else 0
        if table is executions:
            rows[table.name] = (
                _rounded(planned * _first_share(connection, planned))
                if is_large
                else _count(connection, table, executions.c.revision == 0)
            )
        rows[name] = _rounded(planned) if is_large else _count(connection, table)
        estimated += [*dict.fromkeys((table.name, name))] if is_large else []
    return rows, tuple(estimated)


def _count(connection: Connection, table: Table, *conditions: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def _count_to_limit(connection: Connection, table: Table) -> int:
    """Count one row more than the limit at most.

    PostgreSQL's estimate does not tell a small table: it takes each month that was never analysed
    for ten pages.
    """
    some = select(literal(1)).select_from(table).limit(COUNT_LIMIT + 1).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0


def _planned_rows(connection: Connection, table: Table) -> int:
    """PostgreSQL's own estimate, from the sizes of the files; it reads no row."""
    plan = connection.scalar(text(f"EXPLAIN (FORMAT JSON) SELECT FROM runlore.{table.name}"))
    return int(plan[0]["Plan"]["Plan Rows"]) if plan else 0


def _first_share(connection: Connection, planned: int) -> float:
    """The share of first facts among all, in a few pages of the table."""
    percent = min(100.0, 100.0 * SAMPLE_ROWS / planned)
    sample = tablesample(executions, func.system(percent), seed=literal(SEED))
    counts = select(func.count(), func.count().filter(sample.c.revision == 0)).select_from(sample)
    row = connection.execute(counts).one()
    return float(row[1] / row[0]) if row[0] else 1.0


def _rounded(value: float) -> int:
    """To a few digits, which is as much as an estimate is worth.

    >>> _rounded(1_234_567), _rounded(987.4)
    (1230000, 987)
    """
    whole = round(value)
    return round(whole, DIGITS - len(str(whole)))


def _broken(connection: Connection) -> dict[str, str]:
    return {spec: str(evidence["what"]) for spec, evidence in read_broken(connection).items()}


def _decisions(connection: Connection) -> tuple[PendingDecision, ...]:
    waiting = read(connection, AlertQuery(kind=decision.KIND))
    return tuple(decision.pending(alert) for alert in waiting)


def _champions(connection: Connection) -> dict[str, str]:
    last = (
        select(alias_changes.c.spec, alias_changes.c.version)
        .distinct(alias_changes.c.spec)
        .where(alias_changes.c.alias == "champion")
        .order_by(alias_changes.c.spec, alias_changes.c.id.desc())
    )
    return {row.spec: row.version for row in connection.execute(last)}
