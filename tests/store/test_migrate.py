"""The migrations make the tables that the code describes, once, whoever asks."""

import logging
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from runlore.kernel.errors import Misconfigured
from runlore.store import migrate
from runlore.store.embedded import binaries
from runlore.store.engine import Store, connect
from runlore.store.schema import metadata

pytestmark = pytest.mark.usefixtures("from_nothing")

TARGETS = """
SELECT attstattarget FROM pg_attribute
WHERE attname = 'key_id' AND attrelid::regclass::text LIKE 'runlore.ledger%'
"""
OLD_MONTH = """
CREATE TABLE runlore.ledger_2026_03 PARTITION OF runlore.ledger
FOR VALUES FROM ('2026-03-01 00:00Z') TO ('2026-04-01 00:00Z')
"""
OLD_ROW = """
INSERT INTO runlore.ledger (at, as_of, id, spec, arm, status, request)
VALUES ('2026-03-02Z', '2026-03-02Z', gen_random_uuid(), 's', 'champion', 200, '{}')
"""
TABLES = "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('runlore')"


def dump(store: Store) -> list[str]:
    """All definitions, as PostgreSQL itself writes them down."""
    url = store.engine.url
    command = [binaries.find().folder / "pg_dump", "--schema-only", "--username=runlore"]
    where = [f"--host={url.query['host']}", f"--port={url.query['port']}", str(url.database)]
    options = ["--exclude-table=runlore.alembic_version"]
    done = subprocess.run([*command, *where, *options], check=True, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if not line.startswith("\\")]


def count_tables(store: Store) -> int:
    with store.begin() as connection:
        return connection.scalar(text(TABLES)) or 0


def test_migrations_make_exactly_what_the_schema_describes(
    make_database: Callable[[str], str], empty: Store
):
    migrate.migrate(empty)
    described = connect(make_database("described"))
    with described.begin() as connection:
        connection.execute(text("CREATE SCHEMA runlore"))
        metadata.create_all(connection)
    described.engine.dispose()
    assert dump(empty) == dump(described)
    assert len(dump(empty)) > 300


def test_alembic_sees_no_difference_either(empty: Store):
    migrate.migrate(empty)
    options = {"include_schemas": True, "version_table_schema": "runlore"}
    with empty.begin() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_the_newest_file_is_the_head_and_every_file_has_its_revision_number():
    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [migrate.head()]
    revisions = list(scripts.walk_revisions())
    assert all(found.path.split("/")[-1].startswith(f"{found.revision}_") for found in revisions)
    assert len(revisions) == len(list((migrate.FOLDER / "versions").glob("*.py")))


def test_what_was_recorded_before_there_was_a_key_id_has_none(empty: Store):
    """The newest of the old homes goes on: its months get the column, its rows stay."""
    with empty.begin() as connection:
        connection.execute(text("CREATE SCHEMA runlore"))
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(migrate.FOLDER))
        command.upgrade(config, "0013")
        connection.execute(text(OLD_MONTH))
        connection.execute(text(OLD_ROW))
    migrate.migrate(empty)
    with empty.begin() as connection:
        assert connection.scalars(text("SELECT key_id FROM runlore.ledger")).all() == [None]
        targets = connection.scalars(text(TARGETS)).all()
    assert targets == [10, 10]


def test_several_who_migrate_at_once_migrate_once(empty: Store):
    stores = [connect(empty.url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate.migrate, stores))
    for store in stores:
        store.engine.dispose()
    with empty.begin() as connection:
        rows = connection.execute(text("SELECT version_num FROM runlore.alembic_version"))
        assert rows.scalars().all() == [migrate.head()]


def test_tables_that_are_up_to_date_cost_no_import_of_alembic(database: Store):
    code = """
import sys
from runlore.store.engine import connect
from runlore.store.migrate import migrate
store = connect(sys.argv[1])
migrate(store)
store.engine.dispose()
assert "alembic" not in sys.modules
"""
    command = [sys.executable, "-c", code, database.url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_migration_that_fails_leaves_nothing_behind(empty: Store):
    with empty.begin() as connection:
        connection.execute(text("CREATE SCHEMA runlore"))
        connection.execute(text("CREATE TABLE runlore.ledger (other int)"))
    with pytest.raises(ProgrammingError, match="already exists"):
        migrate.migrate(empty)
    assert count_tables(empty) == 1


def test_a_database_of_a_newer_runlore_is_refused(empty: Store):
    migrate.migrate(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE runlore.alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match=r"migration 9999.*upgrade Runlore"):
        migrate.migrate(empty)


def test_a_user_who_may_not_make_tables_is_told_what_to_grant(empty: Store):
    with empty.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS weak"))
        connection.execute(text("CREATE ROLE weak"))
    weak = connect(f"{empty.url}&options=-c%20role%3Dweak")
    with pytest.raises(Misconfigured, match=r"database 'empty'.*grant"):
        migrate.migrate(weak)
    weak.engine.dispose()


def test_migrating_leaves_the_program_s_logging_alone(
    empty: Store, capfd: pytest.CaptureFixture[str]
):
    root = logging.getLogger()
    mine = logging.getLogger("mine.before")
    alembic = logging.getLogger("alembic")

    def state() -> tuple[object, ...]:
        return root.level, list(root.handlers), mine.disabled, alembic.level

    before = state()
    migrate.migrate(empty)
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_anomalies_of_before_alerts_keep_what_they_were(empty: Store):
    from alembic import command

    with empty.begin() as connection:
        connection.execute(text("CREATE SCHEMA runlore"))
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(migrate.FOLDER))
        command.upgrade(config, "0003")
        connection.execute(
            text(
                "INSERT INTO runlore.anomalies"
                " (kind, subject, severity, evidence, opened_at, resolved_at) VALUES"
                " ('drift', 'a', 'warning', '{}', '2026-01-01Z', NULL),"
                " ('drift', 'b', 'odd', '{}', '2026-01-01Z', '2026-01-02Z')"
            )
        )
    migrate.migrate(empty)
    with empty.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT severity, since::date::text, seen_at::date::text, count, told"
                " FROM runlore.anomalies ORDER BY id"
            )
        )
        assert [tuple(row) for row in rows] == [
            ("warning", "2026-01-01", "2026-01-01", 1, None),
            ("warning", "2026-01-01", "2026-01-02", 1, None),
        ]
