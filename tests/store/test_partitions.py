"""Months are there before rows are written to them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest
from sqlalchemy import event, text

from runlore.kernel.errors import BadInput, Refused
from runlore.store.engine import Store
from runlore.store.partitions import drop_before, ensure_months, months
from runlore.store.schema import PARTITIONED

ADD = "INSERT INTO runlore.metrics (source, name, scope, at, value, known_at) VALUES %s"


def month(year: int, number: int) -> datetime:
    return datetime(year, number, 1, tzinfo=UTC)


@pytest.fixture
def store(store: Store) -> Store:
    """Without any month."""
    with store.begin() as connection:
        for table in PARTITIONED:
            for found in months(connection, table):
                connection.execute(text(f"DROP TABLE runlore.{table}_{found:%Y_%m}"))
    return store


def add(store: Store, at: str) -> None:
    with store.connect() as connection:
        connection.execute(ADD % f"('s', 'n', '', '{at}', 1, now())")


@pytest.mark.parametrize("table", PARTITIONED)
def test_months_from_first_to_last_are_made_for_every_table(store: Store, table: str):
    first, last = datetime(2025, 11, 30, 23, tzinfo=UTC), month(2026, 2)
    with store.begin() as connection:
        ensure_months(connection, table, first, last)
        expected = [month(2025, 11), month(2025, 12), month(2026, 1), month(2026, 2)]
        assert months(connection, table) == expected


def test_rows_at_both_ends_of_a_month_are_let_in_and_no_others(store: Store):
    with store.begin() as connection:
        ensure_months(connection, "metrics", month(2025, 12), month(2025, 12))
    add(store, "2025-12-01 00:00:00+00")
    add(store, "2025-12-31 23:59:59.999999+00")
    for at in ("2026-01-01 00:00:00+00", "2025-11-30 23:59:59.999999+00"):
        with pytest.raises(psycopg.errors.CheckViolation, match="no partition"):
            add(store, at)


def test_months_are_counted_in_utc(store: Store):
    late = datetime(2025, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))
    with store.begin() as connection:
        ensure_months(connection, "metrics", late, late)
        assert months(connection, "metrics") == [month(2026, 1)]


def test_a_month_has_the_keys_indexes_and_defaults_of_its_table(store: Store):
    with store.begin() as connection:
        ensure_months(connection, "executions", month(2025, 1), month(2025, 1))
        indexes = connection.execute(
            text(
                "SELECT parent.relname FROM pg_inherits"
                " JOIN pg_index ON indexrelid = inhrelid"
                " JOIN pg_class parent ON parent.oid = inhparent"
                " WHERE indrelid = 'runlore.executions_2025_01'::regclass ORDER BY 1"
            )
        )
        assert indexes.scalars().all() == [
            "executions_by_end",
            "executions_by_kind",
            "executions_by_seq",
            "executions_by_submission",
            "executions_pkey",
        ]
        connection.execute(
            text(
                "INSERT INTO runlore.executions (source, source_id, submitted, actor, kind, scope,"
                " status, submission_known_at, known_at, digest)"
                " VALUES ('s', '1', '2025-01-02', '', '', '', 'failed', now(), now(), 1)"
            )
        )
        row = connection.execute(text("SELECT seq, revision, inputs FROM runlore.executions"))
        assert row.one() == (1, 0, {})


def test_months_that_are_there_cost_one_query(store: Store):
    statements: list[str] = []
    with store.begin() as connection:
        ensure_months(connection, "metrics", month(2024, 1), month(2025, 12))
        event.listen(
            connection, "before_cursor_execute", lambda *given: statements.append(given[2])
        )
        ensure_months(connection, "metrics", month(2024, 1), month(2025, 12))
    assert len(statements) == 1


def test_only_the_missing_months_are_made(store: Store):
    with store.connect() as connection:
        ensure_months(connection, "ledger", month(2025, 3), month(2025, 3))
        ensure_months(connection, "ledger", month(2025, 1), month(2025, 5))
        assert len(months(connection, "ledger")) == 5


def test_several_who_miss_the_same_months_make_them_once(store: Store):
    def make(_: int) -> None:
        with store.connect() as connection:
            ensure_months(connection, "ledger", month(2025, 1), month(2025, 12))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(8)))
    with store.begin() as connection:
        assert len(months(connection, "ledger")) == 12


def test_a_month_is_made_while_others_write_and_read(store: Store):
    with store.begin() as connection:
        ensure_months(connection, "metrics", month(2025, 1), month(2025, 1))
    with store.connect() as busy:
        busy.execute(ADD % "('s', 'n', '', '2025-01-05', 1, now())")
        busy.execute("SELECT count(*) FROM runlore.metrics")
        made = threading.Event()

        def make() -> None:
            with store.begin() as connection:
                connection.execute(text("SET LOCAL lock_timeout = '60s'"))
                ensure_months(connection, "metrics", month(2025, 2), month(2025, 2))
            made.set()

        thread = threading.Thread(target=make)
        thread.start()
        assert made.wait(60)
        thread.join()
        busy.execute(ADD % "('s', 'n', '', '2025-02-05', 1, now())")


def test_a_month_made_in_a_transaction_that_fails_is_not_there(store: Store):
    def make_and_fail() -> None:
        with store.begin() as connection:
            ensure_months(connection, "metrics", month(2025, 1), month(2025, 1))
            raise KeyError

    with pytest.raises(KeyError):
        make_and_fail()
    with store.begin() as connection:
        assert months(connection, "metrics") == []


def test_a_span_that_only_a_wrong_year_explains_is_refused(store: Store):
    with store.begin() as connection:
        with pytest.raises(BadInput, match="2401 months") as caught:
            ensure_months(connection, "metrics", month(1825, 1), month(2025, 1))
        assert caught.value.field == "at"
        assert months(connection, "metrics") == []


def test_ten_years_fit_into_one_transaction(store: Store):
    with store.begin() as connection:
        ensure_months(connection, "ledger", month(2016, 1), month(2025, 12))
        assert len(months(connection, "ledger")) == 120


@pytest.mark.parametrize(
    ("table", "first", "last", "field"),
    [
        ("ingests", month(2025, 1), month(2025, 1), "table"),
        ("metrics", month(2025, 2), month(2025, 1), "last"),
        ("metrics", datetime(2025, 1, 1), month(2025, 1), "first"),  # noqa: DTZ001
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    store: Store, table: str, first: datetime, last: datetime, field: str
):
    with store.begin() as connection, pytest.raises(BadInput) as caught:
        ensure_months(connection, table, first, last)
    assert caught.value.field == field


def test_months_that_are_being_read_are_not_dropped_and_nobody_waits_long(store: Store):
    with store.begin() as connection:
        ensure_months(connection, "metrics", month(2025, 11), month(2025, 12))
    add(store, "2025-11-05 00:00:00+00")
    with store.connect() as reader:
        assert reader.execute("SELECT count(*) FROM runlore.metrics").fetchone() == (1,)
        began = time.monotonic()
        with pytest.raises(Refused, match="it is being read"), store.connect() as connection:
            drop_before(connection, "metrics", month(2026, 1))
        assert time.monotonic() - began < 5
    with store.connect() as connection:
        assert drop_before(connection, "metrics", month(2025, 12)) == ["metrics_2025_11"]
        assert months(connection, "metrics") == [month(2025, 12)]


TARGETS = """
SELECT attname, attstattarget FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
"""


WIDE = ("features", "reasons", "request", "quantiles")


def test_statistics_of_a_ledger_are_coarse_and_of_its_wide_columns_none(store: Store):
    with store.connect() as connection:
        ensure_months(connection, "ledger", month(2026, 1), month(2026, 1))
        for table in ("runlore.ledger", "runlore.ledger_2026_01"):
            found = dict(connection.execute(TARGETS, (table,)).fetchall())
            wide = {name: found.pop(name) for name in WIDE}
            assert set(wide.values()) == {0}
            assert {"at", "spec", "latency_ms"} <= found.keys()
            assert set(found.values()) == {10}
