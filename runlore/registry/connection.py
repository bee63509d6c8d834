"""Opens the registry: MLflow's server when one is named, else its tables in our database."""

import atexit
import logging
import os
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import TYPE_CHECKING

from runlore.kernel.errors import Misconfigured
from runlore.kernel.telemetry import silence_telemetry
from runlore.registry import credentials
from runlore.registry.notes import NOTE
from runlore.registry.registry import Registry
from runlore.registry.session import Session
from runlore.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    from runlore.store.engine import Store

TABLES = "mlflow tables"
ABOUT_DEFAULT = (
    "MLflow's own, for runs that name no experiment. Runlore puts none here: the trainings of"
    " a spec are in the experiment of its name."
)
# An unreachable server is reported within seconds; MLflow's own values wait for minutes.
ENVIRONMENT = {
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}

# What MLflow logs besides its errors. A failure in its tables is raised, not only logged.
LEVELS = {
    "alembic": logging.WARNING,
    "mlflow": logging.WARNING,
    "mlflow.store.db.utils": logging.CRITICAL,
}


def connect(settings: Settings, store: "Store | None" = None) -> Registry:
    """Open the registry of these settings.

    store: where the records are; None: found from the settings, which keeps the embedded server
    running for as long as this process lives.
    """
    _calm()
    has_server = settings.mlflow_tracking_uri is not None
    uri, artifacts, tables = settings.mlflow_url if has_server else None, None, None
    store_url = None if store is None else store.url
    if uri is None:
        uri = store_url = _own_tables(settings, store)
        artifacts, tables = str(settings.artifacts.absolute()), tables_of(uri)
        _prepare(uri, artifacts)
    else:
        credentials.provide(settings)
    client = _client(uri)
    lock = partial(_exclusive, settings, store_url)
    history = partial(_known_digest, settings, store_url)
    return Registry(Session(client, uri, artifacts, settings.mlflow_pages, lock, history, tables))


def _known_digest(settings: Settings, store_url: str | None, spec: str, version: str) -> str | None:
    """As the history has it; a machine without a database, which only fetches, has no history."""
    from runlore.registry import alias_history
    from runlore.store import embedded, engine

    if store_url is None and settings.database_url is None and not embedded.exists(settings.home):
        return None
    url = store_url or engine.database_url(settings)
    return alias_history.digest_of(tables_of(url), spec, version)


def _own_tables(settings: Settings, store: "Store | None") -> str:
    from runlore.store import engine
    from runlore.store.tracking import tracking_url

    if store is not None:
        return tracking_url(store)
    own = engine.connect(engine.database_url(settings))
    try:
        return tracking_url(own)
    finally:
        own.engine.dispose()


def _exclusive(
    settings: Settings, store_url: str | None, subject: str
) -> AbstractContextManager[None]:
    from runlore.store import engine
    from runlore.store.advisory import exclusive

    return exclusive(store_url or engine.database_url(settings), subject)


@cache
def tables_of(uri: str) -> "Store":
    from runlore.store import engine

    tables = engine.connect(uri)
    atexit.register(tables.engine.dispose)
    return tables


def _calm() -> None:
    """Keep MLflow from reporting home, from chatting, and from waiting for minutes."""
    silence_telemetry()
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import mlflow  # noqa: F401  (sets its loggers up)

    for logger, level in LEVELS.items():
        logging.getLogger(logger).setLevel(level)


def _client(uri: str) -> "MlflowClient":
    """It opens the tables at once, which are therefore made before."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@cache
def _prepare(uri: str, artifacts: str) -> None:
    """Make MLflow's tables, and its experiment `Default` with its files in our folder.

    MLflow itself makes no sure that only one process does; a client would make the experiment
    with files in the current folder.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    from runlore.store.advisory import exclusive

    with exclusive(uri, TABLES):
        try:
            _explain_default(SqlAlchemyStore(uri, artifacts))
        except MlflowException as error:
            if "out-of-date database schema" not in str(error):
                raise
            raise Misconfigured(
                "MLflow's tables are of another version of MLflow: save a copy of the database, "
                "then run `mlflow db upgrade URL` with the URL of its schema `mlflow`"
            ) from error


def _explain_default(tables: "SqlAlchemyStore") -> None:
    """Say on the page of `Default` why it is empty; what somebody wrote there stays."""
    from mlflow.entities import ExperimentTag

    default = tables.get_experiment_by_name("Default")
    if default is not None and default.lifecycle_stage == "active" and NOTE not in default.tags:
        tables.set_experiment_tag(default.experiment_id, ExperimentTag(NOTE, ABOUT_DEFAULT))
