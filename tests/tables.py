"""The tables of the tests' database, made empty between two tests."""

from sqlalchemy import text

from runlore.store.engine import Store

FILLED = """
SELECT format('%I.%I', nspname, relname) FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = 'runlore' AND relkind = 'r' AND relname <> 'alembic_version'
AND pg_relation_size(pg_class.oid) > 0
"""


def empty_tables(database: Store) -> None:
    """Remove all rows and number facts and leases from 1 again; months of partitions stay."""
    with database.begin() as connection:
        filled = connection.scalars(text(FILLED)).all()
        if filled:
            connection.execute(text(f"TRUNCATE {', '.join(filled)} RESTART IDENTITY CASCADE"))
        for sequence in ("fact_seq", "agent_task_token"):
            connection.execute(text(f"SELECT setval('runlore.{sequence}', 1, false)"))
