"""Families of metrics of the database, out of its own statistics."""

from collections.abc import Iterator

from prometheus_client import Metric

from bentos.app.metric_family import alone, counter, gauge
from runlore.reports.queries.database_health import DatabaseHealth


def database_families(health: DatabaseHealth) -> Iterator[Metric]:
    yield from _connections(health)
    yield from _tables(health)
    yield from _counters(health)
    sizes = (
        ("database_size_bytes", "Size of the database", health.size_bytes),
        (
            "database_transaction_id_age",
            "Transactions since the oldest that is not frozen; PostgreSQL stops at 2 billion",
            health.transaction_id_age,
        ),
    )
    for name, help_text, value in sizes:
        yield gauge(name, help_text).add(alone(value))


def _connections(health: DatabaseHealth) -> Iterator[Metric]:
    connections = gauge(
        "database_connections", "Connections by program and state", ("application", "state")
    )
    yield connections.add(health.connections)
    most = gauge("database_max_connections", "Connections that PostgreSQL accepts")
    yield most.add(alone(health.max_connections))
    longest = gauge(
        "database_longest_transaction_seconds", "Age of the oldest transaction that is open"
    )
    yield longest.add(alone(health.longest_transaction_s))
    waiting = gauge("database_lock_waits", "Connections that wait for a lock")
    yield waiting.add(alone(health.waiting_for_locks))


def _tables(health: DatabaseHealth) -> Iterator[Metric]:
    tables = {(name,): table for name, table in health.tables.items()}
    rows = gauge(
        "database_table_rows",
        "Rows of a table, as PostgreSQL estimates them",
        ("table", "state"),
    )
    yield rows.add({(*name, "live"): table.live_rows for name, table in tables.items()}).add(
        {(*name, "dead"): table.dead_rows for name, table in tables.items()}
    )
    sizes = gauge("database_table_size_bytes", "Size of a table with its indexes", ("table",))
    yield sizes.add({name: table.size_bytes for name, table in tables.items()})


def _counters(health: DatabaseHealth) -> Iterator[Metric]:
    wal = counter("database_wal_bytes", "Write-ahead log that was written")
    yield wal.add(alone(health.wal_bytes))
    transactions = counter("database_transactions", "Transactions by outcome", ("outcome",))
    yield transactions.add({("commit",): health.commits, ("rollback",): health.rollbacks})
    blocks = counter("database_blocks", "Blocks that were read, by where they were", ("source",))
    yield blocks.add({("cache",): health.blocks_from_cache, ("disk",): health.blocks_from_disk})
    deadlocks = counter("database_deadlocks", "Deadlocks")
    yield deadlocks.add(alone(health.deadlocks))
    temporary = counter("database_temporary_bytes", "Temporary files that queries wrote")
    yield temporary.add(alone(health.temporary_bytes))
