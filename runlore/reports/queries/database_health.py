"""How the database does, for `/metrics`: catalogs and statistics only, no table is read."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from runlore.store.engine import Store

TIMEOUT = text("SET LOCAL statement_timeout = '2s'")
# Programs of the product by the names of their connections, which anybody may choose.
SERVER = text("""
SELECT pg_database_size(d.oid) AS size_bytes, age(d.datfrozenxid) AS transaction_id_age,
    current_setting('max_connections')::int AS max_connections,
    CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') END AS wal,
    xact_commit, xact_rollback, blks_hit, blks_read, deadlocks, temp_bytes
FROM pg_database AS d JOIN pg_stat_database AS s ON s.datid = d.oid
WHERE d.datname = current_database()
""")
CONNECTIONS = text("""
SELECT CASE
        WHEN application_name ILIKE 'runlore%' THEN 'runlore'
        WHEN application_name ILIKE 'prefect%' THEN 'prefect'
        WHEN application_name ILIKE 'mlflow%' THEN 'mlflow'
        ELSE 'other' END AS application,
    coalesce(state, 'unknown') AS state, count(*) AS connections,
    count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting,
    coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)
        FILTER (WHERE pid <> pg_backend_pid())), 0) AS longest_s
FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1, 2
""")
TABLES = text("""
SELECT CASE WHEN root.relname IN ('executions', 'metrics', 'ledger', 'feature_states')
        THEN root.relname ELSE 'other' END AS name,
    sum(n_live_tup) AS live, sum(n_dead_tup) AS dead, sum(pg_total_relation_size(relid)) AS bytes
FROM pg_stat_user_tables
JOIN pg_class AS root ON root.oid = coalesce(pg_partition_root(relid), relid)
WHERE schemaname = 'runlore' GROUP BY 1
""")


@dataclass(frozen=True, slots=True)
class TableHealth:
    """Of a table with all its partitions; rows are PostgreSQL's own estimates."""

    live_rows: int
    dead_rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """connections: (program, state) -> count. wal_bytes: None on a standby, which writes none.

    longest_transaction_s, waiting_for_locks: of what this login may see. The counters are those of
    PostgreSQL for this database; blocks: of 8 KiB.
    """

    size_bytes: int
    transaction_id_age: int
    max_connections: int
    wal_bytes: int | None
    commits: int
    rollbacks: int
    blocks_from_cache: int
    blocks_from_disk: int
    deadlocks: int
    temporary_bytes: int
    connections: Mapping[tuple[str, str], int]
    waiting_for_locks: int
    longest_transaction_s: float
    tables: Mapping[str, TableHealth]


def read_database_health(store: Store) -> DatabaseHealth:
    """Raises Unavailable; any other error of the database where a statement takes too long."""
    with store.begin() as connection:
        connection.execute(TIMEOUT)
        server = connection.execute(SERVER).one()
        programs = connection.execute(CONNECTIONS).all()
        tables = connection.execute(TABLES).all()
    return DatabaseHealth(
        size_bytes=server.size_bytes,
        transaction_id_age=server.transaction_id_age,
        max_connections=server.max_connections,
        wal_bytes=None if server.wal is None else int(server.wal),
        commits=server.xact_commit,
        rollbacks=server.xact_rollback,
        blocks_from_cache=server.blks_hit,
        blocks_from_disk=server.blks_read,
        deadlocks=server.deadlocks,
        temporary_bytes=server.temp_bytes,
        connections={(row.application, row.state): row.connections for row in programs},
        waiting_for_locks=sum(row.waiting for row in programs),
        longest_transaction_s=float(max((row.longest_s for row in programs), default=0)),
        tables={
            row.name: TableHealth(int(row.live), int(row.dead), int(row.bytes)) for row in tables
        },
    )
