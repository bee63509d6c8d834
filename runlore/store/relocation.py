"""A home that was moved or copied: paths that the database holds follow it.

MLflow keeps the absolute path of each artifact; reports and imported files are kept like that, too.
Only an embedded database is looked at, because it moves together with its home.
"""

import logging
from pathlib import Path

from sqlalchemy import Connection, Engine, text

LOCK = 7_236_950_204  # The advisory lock of the rewriting; any number that never changes
COLUMNS = (
    ("mlflow.experiments", "artifact_location"),
    ("mlflow.runs", "artifact_uri"),
    ("mlflow.logged_models", "artifact_location"),
    ("mlflow.model_versions", "source"),
    ("mlflow.model_versions", "storage_location"),
    ("runlore.drift_results", "report"),
    ("runlore.ingests", "path"),
    ("runlore.rejects", "file"),
)
FIRST_EXPERIMENT = "SELECT artifact_location FROM mlflow.experiments WHERE experiment_id = 0"
SUFFIX = "/artifacts/0"  # of the home, in the location of MLflow's first experiment

log = logging.getLogger("runlore.store")


def follow_home(engine: Engine, home: Path) -> int:
    """Put the stored paths right when the home is not where it was; return how many changed."""
    new = str(home.absolute())
    with engine.begin() as connection:
        if _moved_from(connection, new) is None:
            return 0
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        old = _moved_from(connection, new)
        changed = 0 if old is None else _rewrite(connection, old, new)
    if changed:
        log.warning("this home was moved from %s: %d stored paths now name %s", old, changed, new)
    return changed


def _moved_from(connection: Connection, new: str) -> str | None:
    """The folder in which the home was when it was last used; None when it is there now."""
    if connection.scalar(text("SELECT to_regclass('mlflow.experiments')")) is None:
        return None
    location = connection.scalar(text(FIRST_EXPERIMENT)) or ""
    old = location.removesuffix(SUFFIX)
    if old in (location, new) or not old.startswith("/") or _is_same_folder(old, new):
        return None
    return str(old)


def _is_same_folder(old: str, new: str) -> bool:
    """A link to the home is another name for it."""
    try:
        return Path(old).samefile(new)
    except OSError:
        return False


def _rewrite(connection: Connection, old: str, new: str) -> int:
    changed = 0
    for table, column in COLUMNS:
        if connection.scalar(text("SELECT to_regclass(:table)"), {"table": table}) is None:
            continue
        statement = (
            f"UPDATE {table} SET {column} = :new || substr({column}, length(:old) + 1)"  # noqa: S608
            f" WHERE starts_with({column}, :old || '/')"
        )
        changed += connection.execute(text(statement), {"old": old, "new": new}).rowcount
    return changed
