"""Carry the records of a Prefect server that kept them in SQLite over into PostgreSQL, once.

The file is a home's `prefect/prefect.db` of a Runlore before ADR 22. Its rows are copied in one
transaction, and only after that is the file renamed: an upgrade that is killed begins anew.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from runlore.kernel.errors import RunloreError, Unavailable
from runlore.store import prefect_schema, sqlite_copy
from runlore.store.engine import Store

Say = Callable[[str], None]
REFUSED = (DataError, IntegrityError, ProgrammingError, ValueError)  # rows that do not fit
SPACE = 3  # times the file's size: a snapshot, the tables in PostgreSQL with their indexes


class Unsuitable(RunloreError):
    """A file that is damaged, or that this Prefect cannot bring up to its own version."""


def upgrade(file: Path, variables: Mapping[str, str], say: Say) -> None:
    """Copy the file's records, if there is a file, and rename it to `*.before-upgrade`.

    variables: the environment of the server, with the address of its PostgreSQL tables. No server
    may use the file.
    """
    if not file.exists() or not _is_postgresql(variables):
        return
    with prefect_schema.opened(variables) as store:
        if not file.exists():
            return
        if prefect_schema.is_used(store):
            say(f"{file}: PostgreSQL holds records of Prefect already; nothing is copied")
        else:
            _carry_over(file, variables, store, say)
        kept = _put_aside(file)
        say(f"kept as {kept}; delete it when you no longer need it")


def _carry_over(file: Path, variables: Mapping[str, str], store: Store, say: Say) -> None:
    say(f"{file}: copying {file.stat().st_size:,} bytes of Prefect's records into PostgreSQL")
    _require_space(file)
    _migrate(variables)
    copy = file.with_name(f"{file.name}.upgrading")
    try:
        counts = _copied(file, copy, variables, store)
    except (Unsuitable, *REFUSED) as error:
        reason = str(error).splitlines()[0]
        say(f"{file}: cannot be copied ({reason}). Prefect begins without its former runs;")
        say("deployments, schedules and automations are registered anew from prefect.yaml")
    else:
        rows = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
        say(f"copied {rows or 'nothing'}")
    finally:
        for path in _with_companions(copy):
            path.unlink(missing_ok=True)


def _copied(file: Path, copy: Path, variables: Mapping[str, str], store: Store) -> dict[str, int]:
    from prefect.server.database.orm_models import Base

    with _damage_named():
        sqlite_copy.snapshot(file, copy)
    try:
        _migrate({**variables, prefect_schema.URL_VARIABLE: f"sqlite+aiosqlite:///{copy}"})
    except Unavailable as error:
        raise Unsuitable(str(error)) from error
    with _damage_named(), store.begin() as connection:
        return sqlite_copy.copy_tables(copy, connection, Base.metadata.sorted_tables)


@contextmanager
def _damage_named() -> Iterator[None]:
    """What SQLite says about the file's content is `Unsuitable`; that it cannot be used now is not.

    A snapshot is read by this process alone, so that what fails there is its content.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(f"SQLite: {error}") from error
    except sqlite3.DatabaseError as error:
        raise Unsuitable(str(error)) from error
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise Unsuitable(str(error.orig)) from error
        raise


def _require_space(file: Path) -> None:
    free, needed = shutil.disk_usage(file.parent).free, SPACE * file.stat().st_size
    if free < needed:
        raise Unavailable(
            f"{file}: copying it into PostgreSQL takes up to {needed / 1e6:,.0f} MB,"
            f" {free / 1e6:,.0f} MB are free; free some space and start again"
        )


def _migrate(variables: Mapping[str, str]) -> None:
    """Bring the tables at the address up to this Prefect's version, in a process of its own."""
    command = (sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes")
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise Unavailable(f"Prefect's migrations failed: {lines[-1] if lines else 'no message'}")


def _put_aside(file: Path) -> Path:
    kept = file.with_name(f"{file.name}.before-upgrade")
    number = 1
    while kept.exists():
        number += 1
        kept = file.with_name(f"{file.name}.before-upgrade-{number}")
    for path, target in zip(_with_companions(file), _with_companions(kept), strict=True):
        if path.exists():
            path.rename(target)
    return kept


def _with_companions(file: Path) -> tuple[Path, ...]:
    """SQLite's own further files first, so that a file that is there has not lost them."""
    return (*(file.with_name(file.name + end) for end in ("-wal", "-shm")), file)


def _is_postgresql(variables: Mapping[str, str]) -> bool:
    url = variables.get(prefect_schema.URL_VARIABLE, "sqlite:")
    return make_url(url).get_backend_name() == "postgresql"
