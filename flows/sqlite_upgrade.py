"""Carry the records of a Prefect server that kept them in SQLite over into PostgreSQL, once.

The file is a home's `prefect/prefect.db` of a Runlore before ADR 22. Its rows are copied in one
transaction, and only after that is the file renamed: an upgrade that is killed begins anew.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from sqlite3 import DatabaseError

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from runlore.kernel.errors import RunloreError, Unavailable
from runlore.store import prefect_schema, sqlite_copy
from runlore.store.engine import Store

Say = Callable[[str], None]
UNREADABLE = (DatabaseError, DataError, IntegrityError, ProgrammingError, ValueError)


class Unsuitable(RunloreError):
    """A file that this Prefect cannot bring up to its own version."""


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
    _migrate(variables)
    copy = file.with_name(f"{file.name}.upgrading")
    try:
        counts = _copied(file, copy, variables, store)
    except (Unsuitable, *UNREADABLE) as error:
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

    sqlite_copy.snapshot(file, copy)
    try:
        _migrate({**variables, prefect_schema.URL_VARIABLE: f"sqlite+aiosqlite:///{copy}"})
    except Unavailable as error:
        raise Unsuitable(str(error)) from error
    with store.begin() as connection:
        return sqlite_copy.copy_tables(copy, connection, Base.metadata.sorted_tables)


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
