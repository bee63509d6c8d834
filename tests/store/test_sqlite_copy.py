"""Rows of a SQLite file in PostgreSQL: all of them, equal, or none."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError

from runlore.store.engine import Store
from runlore.store.sqlite_copy import copy_tables, snapshot

METADATA = MetaData()
RUN = Table(
    "run",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("state_id", ForeignKey("state.id", use_alter=True, name="run_state"), nullable=True),
    Column("at", DateTime),
    Column("data", JSON),
)
STATE = Table(
    "state",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id")),
    Column("message", String),
)
TABLES = (RUN, STATE)
AT = datetime(2026, 11, 1, 9, 30, 0, 250_000, UTC).replace(tzinfo=None)
RUNS = [{"id": n, "state_id": n, "at": AT, "data": {"n": [n, None, "ü"]}} for n in range(2500)]
STATES = [{"id": n, "run_id": n, "message": f"state {n}"} for n in range(2500)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file whose two tables refer to each other."""
    path = tmp_path / "old.db"
    engine = create_engine(f"sqlite:///{path}")
    METADATA.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(RUN), RUNS)
        connection.execute(insert(STATE), STATES)
    engine.dispose()
    return path


@pytest.fixture
def target(empty: Store) -> Iterator[Store]:
    """The same tables in PostgreSQL, with a row that a migration might have written."""
    METADATA.create_all(empty.engine)
    with empty.begin() as connection:
        connection.execute(insert(RUN), [{"id": 7_000_000}])
    yield empty
    METADATA.drop_all(empty.engine)


def rows(store: Store, table: Table) -> list[dict[str, object]]:
    with store.begin() as connection:
        found = connection.execute(select(table).order_by(table.c.id)).mappings()
        return [dict(row) for row in found]


def foreign_keys(store: Store) -> int:
    with store.begin() as connection:
        return int(
            connection.scalar(text("SELECT count(*) FROM pg_constraint WHERE contype = 'f'")) or 0
        )


def test_rows_are_equal_on_both_sides_and_references_hold(file: Path, target: Store) -> None:
    before = foreign_keys(target)
    with target.begin() as connection:
        counts = copy_tables(file, connection, TABLES)
    assert counts == {"run": 2500, "state": 2500}
    assert rows(target, RUN) == RUNS
    assert rows(target, STATE) == STATES
    assert foreign_keys(target) == before


def test_a_reference_to_nothing_leaves_the_target_as_it_was(file: Path, target: Store) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE state SET run_id = 999999 WHERE id = 3")
    before = foreign_keys(target)
    with pytest.raises(IntegrityError), target.begin() as connection:
        copy_tables(file, connection, TABLES)
    assert [row["id"] for row in rows(target, RUN)] == [7_000_000]
    assert foreign_keys(target) == before


def test_text_that_postgresql_cannot_store_keeps_the_rest(file: Path, target: Store) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE state SET message = 'a' || char(0) || 'b' WHERE id = 1")
    with target.begin() as connection:
        copy_tables(file, connection, TABLES)
    assert rows(target, STATE)[1]["message"] == "a\N{REPLACEMENT CHARACTER}b"


def test_a_snapshot_has_what_a_killed_program_left_in_the_log(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    with closing(sqlite3.connect(tmp_path / "live.db")) as live:
        live.execute("PRAGMA journal_mode = WAL")
        live.execute("CREATE TABLE t (n int)")
        with live:
            live.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(100)])
        for path in tmp_path.glob("live.db*"):
            shutil.copy(path, left)
    assert (left / "live.db-wal").stat().st_size > 0
    snapshot(left / "live.db", left / "copy.db")
    with closing(sqlite3.connect(left / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM t").fetchone() == (100,)
