"""The environment variables of the services, from the settings."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from runlore.kernel.telemetry import TELEMETRY_OFF
from runlore.kernel.threads import CALM
from runlore.settings import Settings, reached
from runlore.web import prefect_login
from runlore.web.login import read_login

# Batches: otherwise each event would be one commit. The pages call the API under the name by which
# a browser reached them.
PREFECT_SERVER = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_UI_API_URL": "/api",
    "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
    "PREFECT_SERVER_DATABASE_SQLALCHEMY_POOL_SIZE": "3",
    "PREFECT_SERVER_DATABASE_SQLALCHEMY_MAX_OVERFLOW": "12",
    "PREFECT_SERVER_DATABASE_SQLALCHEMY_CONNECT_ARGS_APPLICATION_NAME": "prefect",
}

# It has two pools: of runs and of models. ADR 22 counts the connections of all.
MLFLOW_SERVER = {
    "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "3",
    "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "5",
}

PREFECT_SERVER_LOGIN = "PREFECT_SERVER_API_AUTH_STRING"
PREFECT_CLIENT_LOGIN = prefect_login.LOGIN
# A user's own Prefect account must not leak into a server of ours.
PREFECT_ACCOUNT = frozenset(
    {
        "PREFECT_PROFILE",
        "PREFECT_API_KEY",
        PREFECT_CLIENT_LOGIN,
        "PREFECT_API_DATABASE_CONNECTION_URL",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    }
)

# A user's account at another MLflow server: ours uses the login of the home.
MLFLOW_ACCOUNT = frozenset(
    {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"}
)


def of_settings(settings: Settings) -> dict[str, str]:
    """Spell the settings as variables, so that a child reads exactly these.

    >>> of_settings(Settings(workers=3))["RUNLORE_WORKERS"]
    '3'
    """
    variables = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if isinstance(value, tuple):
            value = json.dumps(value)
        if value is not None:
            variables[f"RUNLORE_{name.upper()}"] = str(value)
    return variables


def of_prefect_clients(settings: Settings) -> dict[str, str]:
    """The variables of a process that runs flows or talks to Prefect, without the login."""
    variables = {"PREFECT_API_URL": settings.prefect_url}
    if settings.prefect_api_url is None:
        variables["PREFECT_HOME"] = str(settings.home.absolute() / "prefect")
    return TELEMETRY_OFF | variables


def login_of_prefect_clients(settings: Settings) -> dict[str, str]:
    """The login of the home's Prefect server, for its clients; for another server, nothing.

    Clients of a server of the user read the user's own variables.
    """
    if settings.prefect_api_url is not None:
        return {}
    return {PREFECT_CLIENT_LOGIN: read_login(settings.home).text}


def sqlite_file(settings: Settings) -> Path:
    """Where the home's Prefect server kept its records before ADR 22."""
    return settings.home.absolute() / "prefect" / "prefect.db"


def of_prefect_server(settings: Settings) -> dict[str, str]:
    """Its pages are copied to the home, since its package may belong to somebody else.

    The address of its tables comes later, see `runlore.store.prefect_schema`.
    """
    folder = settings.home.absolute() / "prefect"
    pages = (
        reached(settings.host, settings.prefect_port),
        reached("localhost", settings.prefect_port),
    )
    return PREFECT_SERVER | {
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(pages),
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "ui"),
    }


def of_mlflow_server(settings: Settings) -> dict[str, str]:
    """Files of every experiment are in the home, whether or not they go through the server."""
    artifacts = str(settings.artifacts.absolute())
    folders = {"MLFLOW_ARTIFACTS_DESTINATION": artifacts, "MLFLOW_DEFAULT_ARTIFACT_ROOT": artifacts}
    return MLFLOW_SERVER | folders


def of_child(settings: Settings, extra: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a service.

    Its folder is the home, where it finds no packages by accident; relative import paths of
    ours are therefore made absolute. This interpreter's programs come first on its PATH.
    """
    foreign = {"PYTHONDONTWRITEBYTECODE"}
    if settings.prefect_api_url is None:
        foreign |= PREFECT_ACCOUNT
    if settings.mlflow_tracking_uri is None:
        foreign |= MLFLOW_ACCOUNT
    inherited = {key: value for key, value in os.environ.items() if key not in foreign}
    paths = filter(None, inherited.get("PYTHONPATH", "").split(os.pathsep))
    programs = (str(Path(sys.executable).parent), inherited.get("PATH", os.defpath))
    return {
        **inherited,
        **TELEMETRY_OFF,
        **CALM,
        **of_settings(settings),
        "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in paths),
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        "PATH": os.pathsep.join(programs),
        **extra,
    }
