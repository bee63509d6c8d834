"""Delete a persona's rows in all tables and replace where others mention it, in one transaction."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runlore.privacy.queries import Connection, persona_rows
from runlore.privacy.queries.persona_mentions import (
    OURS,
    Tables,
    changeable,
    count_mentions,
    delete_mentioning,
    replace_mentions,
    text_tables,
)
from runlore.privacy.rules.holdings import HOLDINGS
from runlore.privacy.rules.mentions import Mentions
from runlore.registry import alias_history

if TYPE_CHECKING:
    from runlore.store import engine

HISTORY = (OURS, "alias_changes")
DROPPED = {table for table, holding in HOLDINGS.items() if holding.drops}


@dataclass(frozen=True)
class TableCounts:
    """deleted: rows of the persona. changed: rows of others that mentioned it. left: that do."""

    deleted: dict[str, int]
    changed: dict[str, int]
    left: dict[str, int]


def count_tables(connection: Connection, persona: str, what: Mentions) -> TableCounts:
    """What `clean_tables` would do. changed: rows that mention it and are not deleted as its."""
    deleted = persona_rows.count_rows(connection, persona)
    changed: dict[str, int] = {}
    for table, columns in text_tables(connection).items():
        count = count_mentions(connection, table, columns, what) - deleted.get(table[1], 0)
        if count > 0:
            is_dropped = table[0] == OURS and table[1] in DROPPED
            (deleted if is_dropped else changed)[_name(table)] = count
    return TableCounts(deleted, changed, {})


def clean_tables(transaction: "engine.Connection", persona: str, what: Mentions) -> TableCounts:
    """Clean all tables of ours, of MLflow and of Prefect in this database, then search them all.

    A history that was chained by hashes stays chained, and holds a row that says so.
    """
    connection: Any = transaction.connection.driver_connection
    connection.execute("SET LOCAL lock_timeout = '60s'")
    tables = text_tables(connection)
    was_intact = alias_history.is_intact(transaction)
    deleted = persona_rows.delete_rows(connection, persona)
    changed: dict[str, int] = {}
    for table, columns in tables.items():
        if table[0] == OURS:
            _clean_ours(connection, table, tables, what, (deleted, changed))
        else:
            free = [column for column in columns if not column.is_key]
            changed[_name(table)] = replace_mentions(connection, table, free, what)
    if changed.get(HISTORY[1]) and was_intact:
        with changeable(connection, HISTORY):
            alias_history.chain_anew(transaction)
    left = {
        _name(table): count_mentions(connection, table, columns, what)
        for table, columns in tables.items()
    }
    return TableCounts(deleted, _some(changed), _some(left))


def _clean_ours(
    connection: Connection,
    table: tuple[str, str],
    tables: Tables,
    what: Mentions,
    counts: tuple[dict[str, int], dict[str, int]],
) -> None:
    deleted, changed = counts
    holding = HOLDINGS.get(table[1])
    if holding is None:
        return
    drops = [column for column in tables[table] if column.name in holding.drops]
    mentions = [column for column in tables[table] if column.name in holding.mentions]
    if drops:
        count = delete_mentioning(connection, table, drops, what)
        if count:
            deleted[table[1]] = deleted.get(table[1], 0) + count
    changed[_name(table)] = replace_mentions(connection, table, mentions, what)


def _name(table: tuple[str, str]) -> str:
    return table[1] if table[0] == OURS else ".".join(table)


def _some(counts: dict[str, int]) -> dict[str, int]:
    return {table: count for table, count in counts.items() if count}
