"""Copy the tables of a SQLite file into PostgreSQL tables that are there already.

The same SQLAlchemy tables describe both sides: their types read the one and write the other.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, create_engine, select, text

ROWS_AT_ONCE = 1000
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"  # for NUL, which PostgreSQL stores in no text
FOREIGN_KEYS = """
SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)
FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
ORDER BY 1, 2
"""


def snapshot(file: Path, copy: Path) -> None:
    """Write a copy that includes what is only in the write-ahead log yet, and empty that log."""
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        source.backup(target)


def copy_tables(file: Path, target: Connection, tables: Sequence[Table]) -> dict[str, int]:
    """Replace all rows of the target's tables by the file's; return how many each table got.

    The caller commits. Foreign keys are dropped for the time of the copy, since some tables refer
    to each other, and PostgreSQL verifies them all when they are made again.
    """
    foreign_keys = target.execute(text(FOREIGN_KEYS)).all()
    for table, name, _ in foreign_keys:
        target.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    quoted = target.dialect.identifier_preparer.format_table
    target.execute(text(f"TRUNCATE {', '.join(map(quoted, tables))}"))
    engine = create_engine(f"sqlite:///{file}")
    try:
        with engine.connect() as source:
            counts = {table.name: _copy(source, target, table) for table in tables}
    finally:
        engine.dispose()
    for table, name, definition in foreign_keys:
        target.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))
    return counts


def _copy(source: Connection, target: Connection, table: Table) -> int:
    rows = source.execution_options(yield_per=ROWS_AT_ONCE).execute(select(*table.columns))
    remaining = (_storable(dict(row)) for row in rows.mappings())
    count = 0
    while batch := list(islice(remaining, ROWS_AT_ONCE)):
        target.execute(table.insert(), batch)
        count += len(batch)
    return count


def _storable(value: Any) -> Any:  # noqa: ANN401  (JSON, and whatever else a column holds)
    """The value without NUL characters.

    >>> _storable({"message": "a\\0b", "data": ["\\0", 1]}) == {"message": "a�b", "data": ["�", 1]}
    True
    """
    match value:
        case str():
            return value.replace("\0", REPLACEMENT)
        case dict():
            return {_storable(key): _storable(item) for key, item in value.items()}
        case list():
            return [_storable(item) for item in value]
    return value
