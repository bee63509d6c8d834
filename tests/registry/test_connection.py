"""Opening the registry: tables made once, nothing said, nothing left lying about."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import text

from runlore.kernel.errors import NotFound, Unavailable
from runlore.registry import connect
from runlore.registry.session import Session
from runlore.settings import Settings
from runlore.stack.tcp_ports import free_port
from runlore.store import engine
from runlore.store.engine import Store

OPEN = """
import sys
from pathlib import Path
from runlore.registry import connect
from runlore.settings import Settings
from runlore.store import engine
settings = Settings(home=Path(sys.argv[1]), mlflow_tracking_uri=None)
store = engine.connect(sys.argv[2])
connect(settings, store)
store.engine.dispose()
"""


@pytest.fixture
def untouched(database: Store) -> Iterator[Store]:
    """A database in which MLflow never was."""
    name = f"db_{uuid.uuid4().hex[:12]}"
    outside = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with outside as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = database.engine.url.set(database=name).render_as_string(hide_password=False)
    fresh = engine.connect(url)
    yield fresh
    fresh.engine.dispose()
    outside = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with outside as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def start(home: Path, store: Store) -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", OPEN, str(home), store.url]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=home, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.slow
def test_two_processes_may_open_a_new_database_at_once_and_say_nothing(untouched, short_tmp):
    processes = [start(short_tmp, untouched) for _ in range(2)]
    assert [process.communicate(timeout=200) for process in processes] == [("", "")] * 2
    assert [process.returncode for process in processes] == [0, 0]
    assert list(short_tmp.iterdir()) == []


@pytest.mark.slow
def test_all_experiments_keep_their_files_under_the_home(untouched, short_tmp):
    from mlflow import MlflowClient

    registry = connect(Settings(home=short_tmp, mlflow_tracking_uri=None), untouched)
    with registry.training_run("first"):
        pass
    client = MlflowClient(registry.tracking_uri)
    found = {each.name: each.artifact_location for each in client.search_experiments()}
    artifacts = short_tmp / "artifacts"
    assert found == {"Default": f"{artifacts}/0", "first": f"{artifacts}/first"}
    note = client.get_experiment("0").tags["mlflow.note.content"]
    assert note.startswith("MLflow's own")


def test_a_registry_can_be_opened_by_its_settings_alone(registry, short_tmp, database):
    """The store's address follows from the settings; here, a given server."""
    settings = Settings(home=short_tmp, database_url=database.url, mlflow_tracking_uri=None)
    opened = connect(settings)
    assert opened.champion("nothing") is None
    assert opened.tracking_uri.startswith("postgresql+psycopg://")


def test_a_database_that_is_away_is_told_at_once(short_tmp):
    url = f"postgresql+psycopg://nobody@127.0.0.1:{free_port('127.0.0.1')}/nothing"
    began = monotonic()
    with pytest.raises(Unavailable, match="PostgreSQL"):
        connect(Settings(home=short_tmp, mlflow_tracking_uri=None), engine.connect(url))
    assert monotonic() - began < 30


@pytest.mark.slow
def test_a_server_that_is_away_is_told_within_seconds(database, short_tmp):
    address = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    registry = connect(Settings(home=short_tmp, mlflow_tracking_uri=address), database)
    began = monotonic()
    with pytest.raises(Unavailable, match=address):
        registry.champion("failure-risk")
    assert monotonic() - began < 60


def test_an_address_with_a_password_is_never_shown(registry):
    session: Session = registry._session
    assert session.uri not in repr(session)
    assert "postgresql" not in repr(registry)


def test_what_does_not_exist_is_told_in_our_own_words(registry):
    with pytest.raises(NotFound, match="spec-of-nobody"):
        registry.version("spec-of-nobody", "1")
