"""Rows of other databases: read-only, with their types, from where the last import ended."""

import json
import re
import shlex
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from runlore.cli import app
from runlore.ingest.actions.databases import DatabaseSource, ingest_database
from runlore.ingest.actions.files import IngestSummary
from runlore.ingest.queries import foreign_database
from runlore.ingest.queries.foreign_database import RowQuery
from runlore.kernel.errors import BadInput, Unavailable
from runlore.log.executions import read_facts
from runlore.records.formats import database_rows
from runlore.records.mapping import declare
from runlore.store.engine import Store

PAGE = (Path(__file__).parents[2] / "docs" / "importers.md").read_text(encoding="utf-8")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
MAPPING = {
    "columns": {"submitted": "queued", "finished": "ended", "status": "how"},
    "constants": {"kind": "build"},
    "inputs": ["branch", "files", "release"],
    "outcome": ["cost"],
}
TABLE = """
CREATE TABLE runs (id integer PRIMARY KEY, queued text, ended text, how text, branch text,
    files integer, release text, cost real, updated text)
"""


def row(number: int, **changes: Any) -> dict[str, Any]:
    queued = BEGIN + timedelta(minutes=number)
    values = {
        "id": number,
        "queued": queued.isoformat(),
        "ended": (queued + timedelta(seconds=30)).isoformat(),
        "how": "ok" if number % 3 else "failed",
        "branch": "main",
        "files": number % 7,
        "release": "1.10",
        "cost": 0.5,
        "updated": f"{queued:%Y-%m-%d %H:%M:%S}",
    }
    return values | changes


@dataclass
class RunsDatabase:
    """An SQLite file of runs, and its import."""

    store: Store
    path: Path

    def add(self, *rows: dict[str, Any]) -> None:
        with sqlite3.connect(self.path) as connection:
            for values in rows:
                marks = ", ".join(f":{name}" for name in values)
                connection.execute(f"INSERT OR REPLACE INTO runs VALUES ({marks})", values)

    def ingest(self, query: str | None = None, **options: Any) -> IngestSummary:
        table = None if query else options.pop("table", "runs")
        rows = RowQuery(query, table, options.pop("after", None))
        mapping = declare(options.pop("mapping", MAPPING))
        source = DatabaseSource(f"sqlite:///{self.path}", rows, None, mapping, **options)
        return ingest_database(self.store, source, NOW)


@pytest.fixture
def runs(store: Store, tmp_path: Path) -> RunsDatabase:
    database = RunsDatabase(store, tmp_path / "runs.db")
    with sqlite3.connect(database.path) as connection:
        connection.execute(TABLE)
    return database


def counts(summary: IngestSummary) -> tuple[int, int, int]:
    return summary.new, summary.known, summary.rejected


def test_a_table_becomes_executions_with_its_types(runs: RunsDatabase) -> None:
    runs.add(*(row(number) for number in range(300)))
    assert counts(runs.ingest(chunk_rows=70)) == (300, 0, 0)
    facts = read_facts(runs.store)
    inputs, outcome = (json.loads(facts[name].iloc[0]) for name in ("inputs", "outcome"))
    assert inputs == {"branch": "main", "files": 0, "release": "1.10"}
    assert outcome == {"cost": 0.5}
    assert set(facts["source"]) == {"runs"}
    assert counts(runs.ingest()) == (0, 300, 0)


def test_a_query_may_have_colons_percents_and_a_semicolon(runs: RunsDatabase) -> None:
    runs.add(*(row(number) for number in range(10)))
    query = "SELECT *, '12:30 :x 5%' AS note FROM runs WHERE queued LIKE '%T00:0%' AND id < 5;"
    mapping = MAPPING | {"inputs": ["note"]}
    assert counts(runs.ingest(query, mapping=mapping)) == (5, 0, 0)
    assert json.loads(read_facts(runs.store)["inputs"].iloc[0]) == {"note": "12:30 :x 5%"}


def test_later_imports_read_on_from_a_column_that_grows(runs: RunsDatabase) -> None:
    runs.add(*(row(number) for number in range(100)))
    assert counts(runs.ingest(after="id", chunk_rows=30)) == (100, 0, 0)
    runs.add(row(5, cost=9.0), row(100), row(101))
    assert counts(runs.ingest(after="id")) == (2, 1, 0), "the last one is read again"
    assert counts(runs.ingest(after="id", overlap=100)) == (1, 100, 0)
    assert counts(runs.ingest(after="id")) == (0, 1, 0)


def test_a_row_that_changes_is_read_again_by_its_time_of_change(runs: RunsDatabase) -> None:
    runs.add(*(row(number) for number in range(20)), row(20, ended=None, how="running"))
    assert counts(runs.ingest(after="updated")) == (21, 0, 0)
    runs.add(row(20, updated="2026-05-01 02:00:00"))
    assert counts(runs.ingest(after="updated")) == (1, 10, 0), "ten minutes are read again"
    facts = read_facts(runs.store)
    assert facts[facts["source_id"] == "20"]["status"].tolist() == ["running", "succeeded"]


def test_rows_without_the_column_that_grows_are_always_read(runs: RunsDatabase) -> None:
    runs.add(row(0), row(1, updated=None))
    assert counts(runs.ingest(after="updated")) == (2, 0, 0)
    assert counts(runs.ingest(after="updated")) == (0, 2, 0)


def test_nothing_can_be_written(runs: RunsDatabase) -> None:
    runs.add(row(0))
    for query in ("DELETE FROM runs RETURNING *", "INSERT INTO runs (id) VALUES (9) RETURNING *"):
        with pytest.raises(BadInput, match="readonly database"):
            runs.ingest(query)
    assert counts(runs.ingest()) == (1, 0, 0)


def test_an_interrupted_import_goes_on_where_it_was(runs: RunsDatabase) -> None:
    runs.add(*(row(number) for number in range(100)))
    rows = foreign_database.read_chunks

    def broken(*arguments: Any) -> Any:
        for number, chunk in enumerate(rows(*arguments)):
            if number == 2:
                raise Unavailable("the database is away")
            yield chunk

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(foreign_database, "read_chunks", broken)
        with pytest.raises(Unavailable):
            runs.ingest(after="id", chunk_rows=20)
    assert len(read_facts(runs.store)) == 40
    assert counts(runs.ingest(after="id", chunk_rows=20)) == (60, 1, 0)


def test_wrong_rows_are_rejects_and_do_not_pile_up(runs: RunsDatabase) -> None:
    runs.add(row(0), row(1, queued=None), row(2, how="odd"))
    assert counts(runs.ingest()) == (1, 0, 2)
    assert counts(runs.ingest()) == (0, 1, 2)


TASKS = """
CREATE TABLE task_instance (task_id text, dag_id text, run_id text, map_index integer,
    try_number integer, state text, queued_dttm timestamp, start_date timestamp,
    end_date timestamp, operator text, unixname text, pool text, queue text,
    priority_weight integer, max_tries integer, updated_at timestamp, executor_config blob)
"""


def test_the_database_of_airflow_is_read_as_documented(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(tmp_path / "airflow.db") as connection:
        connection.execute(TASKS)
        for number, state in enumerate(("success", "failed", "skipped", "up_for_retry", "running")):
            times = [f"2026-05-01 00:0{number}:{second:02d}.5" for second in (0, 5, 50)]
            ended = None if state == "running" else times[2]
            names = ("load", "orders", "r1", number, 1, state, times[0], times[1], ended)
            rest = ("PythonOperator", "ann", "default_pool", "q", 1, 2, times[2], b"\x80")
            connection.execute(f"INSERT INTO task_instance VALUES ({'?,' * 16}?)", names + rest)
    [command] = re.findall(r"^runlore (ingest sql postgresql://reader.*?)\n```", PAGE, re.M | re.S)
    arguments = shlex.split(command.replace("\\\n", " "))
    arguments[2] = f"sqlite:///{tmp_path}/airflow.db"
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    monkeypatch.setenv("RUNLORE_HOME", str(tmp_path))
    for expected in ((4, 0), (0, 4)):
        result = CliRunner().invoke(app, [*arguments, "--json"])
        assert result.exit_code == 0, result.output
        summary = json.loads(result.output)
        assert (summary["new"], summary["known"], summary["rejected"]) == (*expected, 0)
    facts = read_facts(store)
    assert set(facts["source_id"]) == {f"orders/r1/load/{number}/1" for number in (0, 1, 3, 4)}
    assert sorted(facts["status"]) == ["failed", "failed", "running", "succeeded"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such table": ({"table": "walks"}, "no such table"),
    "no such column": ({"after": "changed"}, "after|no such column"),
    "no SQL": ({"query": "SELEKT"}, "syntax"),
    "two columns of one name": ({"query": "SELECT id, id FROM runs"}, "two columns 'id'"),
    "no id": ({"query": "SELECT queued, files FROM runs", "after": "files"}, "--map id=COLUMN"),
    "a negative overlap": ({"overlap": -1.0}, "negative"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(runs: RunsDatabase, name: str) -> None:
    options, reason = WRONG[name]
    mapping = {"columns": {"submitted": "queued"}}
    with pytest.raises(BadInput, match=reason):
        runs.ingest(**{"mapping": mapping, **options})


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("duckdb:///runs.db", "duckdb-engine"),
        ("mysql+pymysql://ann@host/db", "pymysql"),
        ("oracle://ann@host/db", "cx_oracle|oracledb|cx_Oracle"),
        ("snowflake://ann@account/db", "snowflake-sqlalchemy"),
        ("nonsense://host/db", "nonsense"),
    ],
)
def test_a_driver_that_is_not_installed_is_named(store: Store, url: str, package: str) -> None:
    source = DatabaseSource(url, RowQuery(None, "runs"), mapping=declare(MAPPING))
    with pytest.raises(BadInput, match=f"package ({package})"):
        ingest_database(store, source, NOW)


def test_a_file_that_is_missing_is_not_made(store: Store, tmp_path: Path) -> None:
    source = DatabaseSource(f"sqlite:///{tmp_path}/no.db", RowQuery(None, "runs"))
    with pytest.raises(BadInput, match="no such SQLite file"):
        ingest_database(store, source, NOW)
    assert list(tmp_path.iterdir()) == []


JOBS = (
    "CREATE TABLE public.jobs (id bigint, queued timestamptz, is_cached boolean, price numeric,"
    " note jsonb, took interval)",
    "INSERT INTO public.jobs SELECT n, timestamptz '2026-05-01Z' + n * interval '1 minute',"
    " n % 2 = 0, n + 0.25, '{\"a\": 1}', interval '90 seconds' FROM generate_series(0, 49) AS n",
)


@pytest.fixture
def foreign(store: Store) -> Iterator[str]:
    """A table in PostgreSQL with its types; the address is that of the tests' database."""
    with store.connect() as connection:
        for statement in JOBS:
            connection.execute(statement.encode())
    yield store.url
    with store.connect() as connection:
        connection.execute("DROP TABLE public.jobs")


POSTGRES = {
    "columns": {"submitted": "queued", "duration_s": "took"},
    "inputs": ["is_cached", "price"],
}


def test_postgresql_is_read_in_chunks_with_its_types(store: Store, foreign: str) -> None:
    rows = RowQuery(None, "public.jobs", "queued")
    source = DatabaseSource(foreign, rows, "jobs", declare(POSTGRES), chunk_rows=20)
    assert counts(ingest_database(store, source, NOW)) == (50, 0, 0)
    facts = read_facts(store)
    assert json.loads(facts["inputs"].iloc[0]) == {"is_cached": True, "price": 0.25}
    assert set(facts["finished"] - facts["submitted"]) == {90_000_000}
    assert counts(ingest_database(store, source, NOW)) == (0, 11, 0), "ten minutes are read again"


def test_postgresql_refuses_to_write(store: Store, foreign: str) -> None:
    for query in (
        "DELETE FROM public.jobs RETURNING *",
        "SELECT setval('runlore.fact_seq', 7) AS id",
        "SELECT 1 AS id; DELETE FROM public.jobs",
    ):
        source = DatabaseSource(foreign, RowQuery(query, None), "jobs", declare(POSTGRES))
        with pytest.raises(BadInput, match=r"read-only|syntax|cannot insert multiple"):
            ingest_database(store, source, NOW)
    with store.begin() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM public.jobs")) == 50


@pytest.mark.parametrize("product", ["mysql", "mariadb"])
def test_a_session_of_mysql_is_read_only_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, product: str
) -> None:
    engine = MagicMock()
    monkeypatch.setattr(foreign_database, "_engine", lambda url: engine)
    address = foreign_database.read_address(f"{product}://host/runs", None)
    with foreign_database.opened(address) as connection:
        statements = [call.args for call in connection.exec_driver_sql.call_args_list]
    assert statements == [("SET SESSION TRANSACTION READ ONLY",)]


def test_a_password_is_neither_shown_nor_stored(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    monkeypatch.setenv("RUNLORE_HOME", str(tmp_path))
    monkeypatch.setenv("RUNLORE_SQL_PASSWORD", "sesame-opens-it")
    url = "postgresql://ann:hush-hush-hush@127.0.0.1:9/db"
    for address in (url, url.replace(":hush-hush-hush", "")):
        result = CliRunner().invoke(app, ["ingest", "sql", address, "--table", "jobs"])
        said = f"{result.output} {result.exception}"
        assert result.exit_code != 0
        assert "hush-hush" not in said
        assert "sesame" not in said
        assert "127.0.0.1:9" in said
    with store.connect() as connection:
        stored = connection.execute("SELECT path FROM runlore.ingests").fetchall()
    assert all("ann" not in path and "hush" not in path for (path,) in stored)


def test_a_table_without_rows_is_an_error(
    runs: RunsDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", runs.store.url)
    monkeypatch.setenv("RUNLORE_HOME", str(tmp_path))
    arguments = ["ingest", "sql", f"sqlite:///{runs.path}", "--table", "runs"]
    arguments += ["--map", "submitted=queued"]
    assert CliRunner().invoke(app, arguments).exit_code == 1
    assert CliRunner().invoke(app, [*arguments, "--after", "id"]).exit_code == 0


def test_a_dry_run_writes_nothing(
    runs: RunsDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runs.add(*(row(number) for number in range(9)), row(9, queued=None))
    monkeypatch.setenv("RUNLORE_DATABASE_URL", runs.store.url)
    monkeypatch.setenv("RUNLORE_HOME", str(tmp_path))
    arguments = ["ingest", "sql", f"sqlite:///{runs.path}", "--table", "runs", "--dry-run"]
    arguments += ["--map", "submitted=queued", "--inputs", "branch,files", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    preview = json.loads(result.output)
    assert (preview["accepted"], preview["rejected"]) == (9, 1)
    assert preview["first"][0]["inputs"] == {"branch": "main", "files": 0}
    assert read_facts(runs.store).empty


ordered = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.datetimes(timezones=st.just(UTC)),
    st.datetimes(),
    st.dates(),
    st.text(),
)


@given(ordered)
def test_a_value_that_grows_is_read_as_it_was_written(value: Any) -> None:
    read = database_rows.read(database_rows.written(value))
    assert read == value
    assert type(read) is type(value)
