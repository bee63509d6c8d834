"""A home whose Prefect kept its records in SQLite: they are all in PostgreSQL after one start."""

import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.server.database.orm_models import Base
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.engine import Engine, make_url

from flows import sqlite_upgrade
from flows.sqlite_upgrade import upgrade
from runlore.store import embedded
from runlore.store.engine import Store, connect
from runlore.store.prefect_schema import URL_VARIABLE, opened, prefect_variables

pytestmark = pytest.mark.slow

TABLES = Base.metadata.tables
AT = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
KILL_BEFORE_RENAME = """
import os, signal, sys
from pathlib import Path
from flows import sqlite_upgrade
sqlite_upgrade._migrate = lambda variables: None
sqlite_upgrade._put_aside = lambda file: os.kill(os.getpid(), signal.SIGKILL)
sqlite_upgrade.upgrade(Path(sys.argv[1]), os.environ, print)
"""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that Prefect's own migrations made, with rows in the tables that matter."""
    file = tmp_path_factory.mktemp("sqlite") / "prefect.db"
    sqlite_upgrade._migrate({URL_VARIABLE: f"sqlite+aiosqlite:///{file}"})
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        for name, row in _rows():
            connection.execute(insert(TABLES[name]), [row])
    engine.dispose()
    return file


def _rows() -> Iterator[tuple[str, dict[str, object]]]:
    flow, deployment, run, state = (uuid.uuid4() for _ in range(4))
    yield "flow", {"id": flow, "name": "train", "tags": ["ours"]}
    yield (
        "deployment",
        {"id": deployment, "name": "nightly", "flow_id": flow, "paused": True, "version": "1"},
    )
    schedule = {"cron": "0 3 * * *", "timezone": "UTC", "day_or": True}
    yield (
        "deployment_schedule",
        {"deployment_id": deployment, "active": False, "schedule": schedule},
    )
    times = {"start_time": AT, "end_time": AT + timedelta(seconds=90)}
    yield (
        "flow_run",
        {
            "id": run,
            "flow_id": flow,
            "deployment_id": deployment,
            "name": "red-fox",
            "parameters": {"spec": "duration", "note": "ü"},
            "state_id": state,
            "state_type": "COMPLETED",
            "state_name": "Completed",
            "total_run_time": timedelta(seconds=90),
            **times,
        },
    )
    yield (
        "flow_run_state",
        {"id": state, "flow_run_id": run, "type": "COMPLETED", "name": "Completed"},
    )
    yield (
        "log",
        {
            "flow_run_id": run,
            "name": "prefect",
            "level": 20,
            "message": "NUL \0 here",
            "timestamp": AT,
        },
    )
    yield "variable", {"name": "threshold", "value": {"share": 0.25}, "tags": []}
    yield "concurrency_limit_v2", {"name": "training", "limit": 2, "active": True}


@pytest.fixture
def file(records: Path, short_tmp: Path) -> Path:
    folder = short_tmp / "prefect"
    folder.mkdir()
    return Path(shutil.copy(records, folder / "prefect.db"))


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A database in which Prefect's migrations have run, as a template: they take seconds."""
    home = tmp_path_factory.mktemp("migrated")
    with embedded.running(home) as url:
        administration = create_engine(make_url(url), isolation_level="AUTOCOMMIT")
        with administration.connect() as connection:
            connection.execute(text("CREATE DATABASE migrated"))
        template = connect(_address(url, "migrated"))
        sqlite_upgrade._migrate(prefect_variables(template))
        template.engine.dispose()
        yield Store(url, administration)
        administration.dispose()


@pytest.fixture
def store(migrated: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A copy of the template. Both sides are at their newest migration already."""
    monkeypatch.setattr(sqlite_upgrade, "_migrate", lambda variables: None)
    with migrated.engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS mine WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE mine TEMPLATE migrated"))
    found = connect(_address(migrated.url, "mine"))
    yield found
    found.engine.dispose()


@pytest.fixture
def variables(store: Store) -> dict[str, str]:
    return prefect_variables(store)


def _address(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def rows(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, as Python values, in an order that both databases agree on."""
    with engine.connect() as connection:
        return {
            name: sorted(
                (tuple(map(_plain, row)) for row in connection.execute(select(table))), key=repr
            )
            for name, table in TABLES.items()
        }


def _plain(value: object) -> object:
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


def in_sqlite(file: Path) -> dict[str, list[tuple[object, ...]]]:
    engine = create_engine(f"sqlite:///{file}")
    try:
        return rows(engine)
    finally:
        engine.dispose()


def in_postgresql(variables: dict[str, str]) -> dict[str, list[tuple[object, ...]]]:
    with opened(variables) as tables:
        return rows(tables.engine)


def test_every_record_is_carried_over_and_the_file_is_kept(file: Path, short_tmp: Path) -> None:
    before, messages = in_sqlite(file), []
    with embedded.running(short_tmp) as url:
        new = connect(url)
        variables = prefect_variables(new)
        upgrade(file, variables, messages.append)
        new.engine.dispose()
        _assert_carried_over(file, variables, before)
    assert "1 flow_run" in messages[1]
    assert messages[-1].startswith(f"kept as {file}.before-upgrade")


def _assert_carried_over(
    file: Path, variables: dict[str, str], before: dict[str, list[tuple[object, ...]]]
) -> None:
    assert in_postgresql(variables) == before
    assert len(before["flow_run"]) == len(before["automation"]) + 1 == 1
    kept = file.with_name("prefect.db.before-upgrade")
    assert sorted(file.parent.iterdir()) == [kept]
    assert in_sqlite(kept) == before


@pytest.mark.exhaustive
def test_a_kill_after_the_copy_leaves_a_file_that_the_next_start_puts_aside(
    file: Path, variables: dict[str, str]
) -> None:
    before = in_sqlite(file)
    command = (sys.executable, "-c", KILL_BEFORE_RENAME, str(file))
    killed = subprocess.run(command, env={**os.environ, **variables}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert file.exists()
    messages: list[str] = []
    upgrade(file, variables, messages.append)
    assert "already" in messages[0]
    assert not file.exists()
    assert in_postgresql(variables) == before


def test_a_failure_half_way_changes_nothing_and_the_next_start_begins_anew(
    file: Path, variables: dict[str, str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = in_sqlite(file)
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE '%ADD CONSTRAINT%' AND pid <> pg_backend_pid()"
    )
    copy_tables = sqlite_upgrade.sqlite_copy.copy_tables

    def copy_and_lose_the_connection(*arguments):
        counts = copy_tables(*arguments)
        with store.begin() as connection:
            connection.execute(text(cut))
        return counts

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_upgrade.sqlite_copy, "copy_tables", copy_and_lose_the_connection)
        with pytest.raises(sqlite_upgrade.Unavailable):
            upgrade(file, variables, str)
    assert [path.name for path in file.parent.iterdir()] == ["prefect.db"]
    assert in_postgresql(variables)["flow_run"] == []
    upgrade(file, variables, str)
    assert in_postgresql(variables) == before


def test_a_second_start_finds_nothing_to_do(file: Path, variables: dict[str, str]) -> None:
    upgrade(file, variables, str)
    before, messages = in_postgresql(variables), []
    upgrade(file, variables, messages.append)
    assert messages == []
    assert in_postgresql(variables) == before


def test_records_that_are_there_already_win_over_a_later_file(
    file: Path, variables: dict[str, str]
) -> None:
    later = shutil.copy(file, file.with_name("later.db"))
    upgrade(file, variables, str)
    before = in_postgresql(variables)
    Path(later).rename(file)
    upgrade(file, variables, str)
    assert in_postgresql(variables) == before
    names = sorted(path.name for path in file.parent.iterdir())
    assert names == ["prefect.db.before-upgrade", "prefect.db.before-upgrade-2"]


def _overwrite_in_the_middle(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:4096] + b"x" * (middle - 4096) + content[middle:]


@pytest.mark.parametrize(
    "damage", [lambda _: b"no database at all" * 400, lambda _: b"", _overwrite_in_the_middle]
)
def test_a_file_that_cannot_be_read_is_kept_and_said(
    damage, file: Path, variables: dict[str, str]
) -> None:
    file.write_bytes(damage(file.read_bytes()))
    content, messages = file.read_bytes(), []
    upgrade(file, variables, messages.append)
    assert file.with_name("prefect.db.before-upgrade").read_bytes() == content
    assert "registered anew" in messages[2]
    assert in_postgresql(variables)["flow"] == []


def test_a_disk_without_room_for_the_copy_leaves_the_file_for_the_next_start(
    file: Path, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(file)._replace(free=1000)
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_upgrade.shutil, "disk_usage", lambda _: full)
        with pytest.raises(sqlite_upgrade.Unavailable, match="free some space"):
            upgrade(file, variables, str)
    upgrade(file, variables, str)
    assert len(in_postgresql(variables)["flow_run"]) == 1


def test_a_server_that_still_uses_sqlite_is_left_alone(file: Path) -> None:
    upgrade(file, {URL_VARIABLE: f"sqlite+aiosqlite:///{file}"}, str)
    assert file.exists()
