"""Transactions, addresses and what is said when the server is away."""

import os
import subprocess
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DataError

from runlore.kernel.errors import Misconfigured, Unavailable
from runlore.settings import Settings
from runlore.store import embedded
from runlore.store.engine import Store, connect, database_url, open_store

ADD = (
    "INSERT INTO runlore.ingests (source, path, records, mapping_digest, prefix_digest)"
    " VALUES ('s', 'p', 'executions', 'd', 'd')"
)

pytestmark = pytest.mark.usefixtures("from_nothing")
COUNT = "SELECT count(*) FROM runlore.ingests"


def add_and_fail(store: Store) -> None:
    with store.begin() as connection:
        connection.execute(text(ADD))
        connection.execute(text("SELECT 1 / 0"))


def copy_and_fail(store: Store) -> None:
    with store.connect() as connection:
        connection.execute(ADD)
        raise KeyError


def lose_begun(store: Store, home: Path) -> None:
    with store.begin() as connection:
        connection.execute(text(ADD))
        embedded.stop(home)
        connection.execute(text(ADD))


def lose_connected(store: Store, home: Path) -> None:
    with store.connect() as connection:
        connection.execute(ADD)
        embedded.stop(home)
        connection.execute(ADD)


def rows(store: Store) -> int:
    with store.begin() as connection:
        return connection.scalar(text(COUNT)) or 0


def test_a_transaction_is_kept_when_its_block_ends_well(store: Store):
    with store.begin() as connection:
        connection.execute(text(ADD))
    with store.connect() as connection:
        connection.execute(ADD)
    assert rows(store) == 2


def test_a_transaction_is_undone_when_its_block_fails(store: Store):
    with pytest.raises(DataError):
        add_and_fail(store)
    with pytest.raises(KeyError):
        copy_and_fail(store)
    assert rows(store) == 0


def test_a_failed_statement_leaves_no_broken_connection_in_the_pool(store: Store):
    for _ in range(30):
        with pytest.raises(psycopg.errors.DivisionByZero), store.connect() as connection:
            connection.execute("SELECT 1 / 0")
    assert rows(store) == 0
    assert store.engine.pool.checkedout() == 0


def test_rows_can_be_copied_in(store: Store):
    with store.connect() as connection, connection.cursor() as cursor:
        names = "source, path, records, mapping_digest, prefix_digest"
        with cursor.copy(f"COPY runlore.ingests ({names}) FROM STDIN") as copy:
            for _ in range(3):
                copy.write_row(("s", "p", "executions", "d", "d"))
    assert rows(store) == 3


def test_instants_come_back_in_utc(store: Store):
    with store.connect() as connection:
        row = connection.execute("SELECT now()").fetchone()
    assert row is not None
    assert row[0].utcoffset() == timedelta(0)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_scheme_means_psycopg(scheme: str):
    store = connect(f"{scheme}://me:sesame@host.example:6000/things")
    assert store.url == "postgresql+psycopg://me:sesame@host.example:6000/things"


def test_a_store_does_not_show_its_password():
    assert "sesame" not in repr(connect("postgresql://me:sesame@host.example/things"))


def test_what_an_address_says_about_its_sessions_holds(database: Store):
    extra = "&options=-c%20work_mem%3D7MB&application_name=mine"
    store = connect(database.url + extra)
    with store.begin() as connection:
        for setting, value in (
            ("work_mem", "7MB"),
            ("application_name", "mine"),
            ("timezone", "UTC"),
        ):
            assert connection.scalar(text(f"SHOW {setting}")) == value
    store.engine.dispose()


@pytest.mark.parametrize("url", ["mysql://me:sesame@host/db", "sesame", ""])
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str):
    settings = Settings(database_url=SecretStr(url))
    with pytest.raises(Misconfigured, match="RUNLORE_DATABASE_URL") as caught:
        database_url(settings)
    assert "sesame" not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_is_away_is_named_without_the_password():
    settings = Settings(database_url=SecretStr("postgres://me:sesame@127.0.0.1:1/things"))
    with (
        pytest.raises(Unavailable, match=r"127\.0\.0\.1:1, database 'things'") as caught,
        open_store(settings),
    ):
        pass
    assert "sesame" not in "".join(traceback.format_exception(caught.value))


def test_a_given_server_is_used_and_no_home_is_made(database: Store, short_tmp: Path):
    home = short_tmp / "home"
    settings = Settings(home=home, database_url=SecretStr(database.url))
    with open_store(settings) as store:
        assert rows(store) >= 0
    assert database_url(settings) == database.url
    assert not home.exists()


@pytest.mark.slow
def test_a_connection_lost_half_way_is_unavailable_and_the_next_one_works(settings: Settings):
    with open_store(settings) as store:
        for lose in (lose_begun, lose_connected):
            with pytest.raises(Unavailable, match="postgres/run"):
                lose(store, settings.home)
            with pytest.raises(Unavailable, match="postgres/run"):
                rows(store)
            with embedded.running(settings.home):
                assert rows(store) == 0


@pytest.mark.slow
def test_idle_connections_survive_a_restart_of_the_server(settings: Settings):
    with open_store(settings) as store:
        assert rows(store) == 0
        embedded.stop(settings.home)
        with embedded.running(settings.home):
            assert rows(store) == 0


@pytest.mark.slow
def test_an_address_asked_for_keeps_its_server_up_until_the_process_ends(settings: Settings):
    code = """
from runlore.settings import read
from runlore.store import embedded, engine
url = engine.database_url(read())
assert engine.database_url(read()) == url
assert len(embedded.state(read().home).users) == 1
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.stderr == ""
    assert not embedded.state(settings.home).is_running
