"""What all tables share."""

from sqlalchemy import DateTime, MetaData, text

SCHEMA = "runlore"
# Partitioned table -> its range column.
PARTITIONED = {"executions": "submitted", "metrics": "at", "ledger": "at"}

metadata = MetaData(schema=SCHEMA)

INSTANT = DateTime(timezone=True)
EMPTY_OBJECT = text("'{}'::jsonb")

# Partitioned table -> the statistics target of its columns where PostgreSQL's own, 100, is too
# much: an ANALYZE, which reads 300 rows for each, holds up answers.
STATISTICS = {"ledger": 10}

# Partitioned table -> wide columns that no query searches: they get no statistics.
UNMEASURED = {"ledger": ("features", "quantiles", "reasons", "request")}


def with_statistics(table: str) -> str:
    """The actions of an ALTER TABLE that set its columns' targets; none: all have PostgreSQL's."""
    if table not in STATISTICS:
        return ""
    targets = {column.name: STATISTICS[table] for column in metadata.tables[f"{SCHEMA}.{table}"].c}
    targets |= dict.fromkeys(UNMEASURED.get(table, ()), 0)
    return ", ".join(
        f'ALTER COLUMN "{name}" SET STATISTICS {target}' for name, target in targets.items()
    )
