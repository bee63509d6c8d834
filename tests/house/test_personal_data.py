"""Every table says what it holds of a persona, so that erasing one cannot forget a new table."""

from sqlalchemy import ARRAY, Column, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from runlore.privacy.rules.holdings import HOLDINGS, SYSTEM_COLUMNS, SYSTEM_PARTS
from runlore.store.schema import metadata

TABLES = {table.name: table for table in metadata.tables.values()}


def holds_text(column: "Column[object]") -> bool:
    kind = column.type
    is_list = isinstance(kind, ARRAY) and isinstance(kind.item_type, Text)
    return is_list or isinstance(kind, Text | JSONB | LargeBinary)


def undeclared(table: Table) -> set[str]:
    """Columns of text that could name a persona and of which nothing is said."""
    held = HOLDINGS[table.name]
    declared = {*held.drops, *held.mentions, *SYSTEM_COLUMNS}
    texts = {column.name for column in table.c if holds_text(column)}
    parts = {name for name in texts if (table.name, name) in SYSTEM_PARTS}
    return {
        name
        for name in texts - declared - parts
        if f"{name} " not in f"{held.rows} ".replace("strpos(name, ", "name ").replace("->", " ")
    }


def test_every_table_says_what_it_holds_of_a_persona() -> None:
    assert HOLDINGS.keys() == TABLES.keys(), "declare it in runlore/privacy/rules/holdings.py"
    for name, held in HOLDINGS.items():
        assert bool(held.none) != bool(held.rows or held.drops or held.mentions), name
        assert {*held.drops, *held.mentions} <= set(TABLES[name].c.keys()), name


def test_every_column_of_text_is_declared_or_names_parts_of_the_system() -> None:
    held = {name: undeclared(table) for name, table in TABLES.items() if not HOLDINGS[name].none}
    assert not {name: columns for name, columns in held.items() if columns}
