"""What all tables share."""

from sqlalchemy import DateTime, MetaData, text

SCHEMA = "runlore"
PARTITIONED = {"executions": "submitted", "metrics": "at", "ledger": "at"}
"""Partitioned table -> its range column."""

metadata = MetaData(schema=SCHEMA)

INSTANT = DateTime(timezone=True)
EMPTY_OBJECT = text("'{}'::jsonb")

STATISTICS = {"ledger": 10}
"""Partitioned table -> the target of its columns' statistics where PostgreSQL's own, 100, is too
much: an ANALYZE, which looks at 300 rows for each, holds up answers."""

UNMEASURED = {"ledger": ("features", "reasons", "request")}
"""Partitioned table -> wide columns that nothing is looked up by: no statistics at all."""


def with_statistics(table: str) -> str:
    """The actions of an ALTER TABLE that set its columns' targets; none: all have PostgreSQL's."""
    if table not in STATISTICS:
        return ""
    targets = {column.name: STATISTICS[table] for column in metadata.tables[f"{SCHEMA}.{table}"].c}
    targets |= dict.fromkeys(UNMEASURED.get(table, ()), 0)
    return ", ".join(
        f'ALTER COLUMN "{name}" SET STATISTICS {target}' for name, target in targets.items()
    )
