"""How PostgreSQL does."""

from runlore_dashboards.declaration import Dashboard, Panel, PanelRow, Query, stat
from runlore_dashboards.promql import of, or_zero, product, quantile, rate, total

OPERATION = "runlore_database_operation_duration_seconds"
CONNECTIONS = "runlore_database_connections"
ROWS = "runlore_database_table_rows"
IN_USE = f"sum(max by (application, state) ({of(CONNECTIONS)}))"


def _dead_share() -> str:
    dead = f"max by (table) ({of(ROWS, state='dead')})"
    return f"{dead} / (sum by (table) (max by (table, state) ({of(ROWS)})) > 0)"


NOW = PanelRow(
    "Now",
    (
        stat(
            "Reachable",
            "Whether the last reading of the database succeeded.",
            f"min({of('runlore_database_up')})",
            "bool_yes_no",
            base_colour="red",
            thresholds=((1, "green"),),
        ),
        stat(
            "Connections in use",
            "Of those that PostgreSQL accepts.",
            f"{IN_USE} / {product('runlore_database_max_connections')}",
            "percentunit",
            thresholds=((0.7, "orange"), (0.9, "red")),
        ),
        stat(
            "Size",
            "Of the whole database.",
            product("runlore_database_size_bytes"),
            "bytes",
        ),
        stat(
            "Longest transaction",
            "Age of the oldest transaction that is open; it holds back vacuum.",
            product("runlore_database_longest_transaction_seconds"),
            "s",
            thresholds=((300, "orange"), (3600, "red")),
        ),
    ),
)
QUERIES = PanelRow(
    "Queries",
    (
        Panel(
            "Duration for a group of predictions",
            "Reading the histories' states, and writing the ledger: half and 99 of 100.",
            (
                Query(quantile(0.5, OPERATION, "operation"), "{{operation}} p50"),
                Query(quantile(0.99, OPERATION, "operation"), "{{operation}} p99"),
            ),
            "s",
            low=0,
        ),
        Panel(
            "Transactions",
            "Committed and rolled back.",
            (
                Query(
                    f"max by (outcome) ({rate('runlore_database_transactions_total')})",
                    "{{outcome}}",
                ),
            ),
            "ops",
        ),
        Panel(
            "Waits and deadlocks",
            "Connections that wait for a lock now, and deadlocks per second.",
            (
                Query(product("runlore_database_lock_waits"), "waiting for a lock"),
                Query(f"max({rate('runlore_database_deadlocks_total')})", "deadlocks per second"),
            ),
            low=0,
        ),
        Panel(
            "Connections",
            "By program and state. Idle in transaction for long is a fault of the program.",
            (Query(product(CONNECTIONS, "application", "state"), "{{application}} {{state}}"),),
            is_stacked=True,
            low=0,
        ),
    ),
)
STORAGE = PanelRow(
    "Storage",
    (
        Panel(
            "Size by table",
            "With indexes and all partitions.",
            (Query(product("runlore_database_table_size_bytes", "table"), "{{table}}"),),
            "bytes",
            is_stacked=True,
        ),
        Panel(
            "Rows by table",
            "Live rows, as PostgreSQL estimates them.",
            (Query(f"max by (table) ({of(ROWS, state='live')})", "{{table}}"),),
        ),
        Panel(
            "Dead rows",
            "Share of rows that vacuum has yet to remove; no value for an empty table.",
            (Query(_dead_share(), "{{table}}"),),
            "percentunit",
            thresholds=((0.2, "orange"), (0.5, "red")),
            low=0,
        ),
        Panel(
            "Write-ahead log",
            "Bytes per second; no value on a standby.",
            (Query(f"max({rate('runlore_database_wal_bytes_total')})", "written"),),
            "Bps",
        ),
        Panel(
            "Temporary files",
            "Bytes per second that queries wrote for want of memory.",
            (Query(f"max({rate('runlore_database_temporary_bytes_total')})", "written"),),
            "Bps",
        ),
        Panel(
            "Age of transaction ids",
            "PostgreSQL freezes rows from 200 million on, and stops writing near 2 billion.",
            (Query(product("runlore_database_transaction_id_age"), "age"),),
            thresholds=((500_000_000, "orange"), (1_500_000_000, "red")),
            low=0,
        ),
        Panel(
            "Answers that were not recorded",
            "The ledger did not take them, so they were refused.",
            (Query(or_zero(total(rate("runlore_ledger_write_failures_total"))), "not recorded"),),
            "ops",
            width=24,
        ),
    ),
)
DATABASE = Dashboard(
    "runlore-database",
    "Runlore: database health",
    "Connections, queries, sizes and the write-ahead log of PostgreSQL.",
    (NOW, QUERIES, STORAGE),
)
