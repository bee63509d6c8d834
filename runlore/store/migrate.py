"""Upgrade the tables with Alembic, without its configuration files."""

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from runlore.kernel.errors import Misconfigured
from runlore.store.schema import SCHEMA

if TYPE_CHECKING:
    from runlore.store.engine import Store

FOLDER = Path(__file__).with_name("migrations")
VERSION_TABLE = "alembic_version"
LOCK = 7_236_950_201  # The advisory lock of a migration; any number, as long as it never changes


def head() -> str:
    """The newest migration, by its number: the file name begins with the revision."""
    return max(path.name.split("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py"))


def migrate(store: "Store") -> None:
    """Run the missing migrations, once, however many processes ask for it at the same time."""
    with store.begin() as connection:
        if revision(connection) == head():
            return
    try:
        with store.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            current = revision(connection)
            if current != head():
                _check_known(current)
                _upgrade(connection)
    except ProgrammingError as error:
        if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise Misconfigured(
                f"database {store.engine.url.database!r}: user {store.engine.url.username!r} "
                f"may not create the tables ({error.orig}); grant it CREATE on the database"
            ) from error
        raise


def revision(connection: Connection) -> str | None:
    """The last migration that ran here, None in a new database."""
    table = f"{SCHEMA}.{VERSION_TABLE}"
    if connection.scalar(text("SELECT to_regclass(:table)"), {"table": table}) is None:
        return None
    number = connection.scalar(text(f"SELECT version_num FROM {table}"))  # noqa: S608
    return None if number is None else str(number)


def _check_known(current: str | None) -> None:
    if current is not None and current > head():
        raise Misconfigured(
            f"the database is at migration {current}, this Runlore knows {head()}; upgrade Runlore"
        )


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    command.upgrade(config, "head")
