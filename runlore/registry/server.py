"""MLflow's own server behind our login: `python -m runlore.registry.server`.

One process, without job execution. Every request passes the host, origin and login checks of
`runlore.web.guard`, then the table of `server_rules`, then MLflow's own checks. Where files may be
is checked where MLflow stores it, so that no spelling of a request gets past.
"""

import logging
import os
import uuid
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runlore import process
from runlore.kernel.errors import Misconfigured
from runlore.kernel.telemetry import silence_telemetry
from runlore.registry.credentials import PASSWORD, USERNAME
from runlore.registry.page_defaults import PageDefaults
from runlore.registry.plain_names import PlainNames
from runlore.registry.server_rules import ArtifactRoots, ServerRules, leads_upwards
from runlore.settings import Settings, read
from runlore.web.guard import Guard
from runlore.web.login import Login, parse_login, read_login
from runlore.web.server import serve

if TYPE_CHECKING:
    from starlette.types import ASGIApp

OPEN_PATHS = ("/health",)
BACKEND = "MLFLOW_BACKEND_STORE_URI"
ROOT = "MLFLOW_DEFAULT_ARTIFACT_ROOT"
DESTINATION = "MLFLOW_ARTIFACTS_DESTINATION"
SWITCHED_OFF = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_WORKSPACES": "false",
    "MLFLOW_ENABLE_REMOTE_ASSISTANT": "false",
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "false",
    "MLFLOW_DEPLOYMENTS_TARGET": "",
    "_MLFLOW_IN_JOB_EXECUTOR": "false",
}
RESOLVED_BY_MLFLOW = ("models:/", "runs:/")  # sources that stand for a place that MLflow chose


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    process.begin("mlflow")
    settings = read()
    login = login_of(settings, os.environ)
    roots = roots_of(settings, os.environ)
    app = tracking_app(settings, roots, login)
    serve(app, settings.host, settings.mlflow_port)


def login_of(settings: Settings, variables: Mapping[str, str]) -> Login:
    """What clients must bring: MLflow's own two variables where both are set, else the home's."""
    user, password = variables.get(USERNAME, ""), variables.get(PASSWORD, "")
    if user and password:
        return parse_login(f"{user}:{password}", f"{USERNAME} and {PASSWORD}")
    return read_login(settings.home)


def roots_of(settings: Settings, variables: Mapping[str, str]) -> ArtifactRoots:
    """Where files are: MLflow's own two variables, else the home's folder of artifacts."""
    destination = variables.get(DESTINATION) or str(settings.artifacts.absolute())
    return ArtifactRoots(variables.get(ROOT) or destination, destination)


def tracking_app(settings: Settings, roots: ArtifactRoots, login: Login) -> "ASGIApp":
    """MLflow's application with all that stands before it. Sets this process's environment up."""
    backend = os.environ.get(BACKEND)
    if not backend:
        raise Misconfigured(f"{BACKEND}: must be the address of MLflow's tables")
    silence_telemetry()
    os.environ.update(_variables(settings, roots, backend))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's imports, about themselves
        from mlflow.server import handlers
        from mlflow.server.fastapi_app import app

    process.take_over_logs()
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    _fix_roots(handlers, roots)
    handlers.initialize_backend_stores(backend, backend, roots.default)
    ruled = ServerRules(PageDefaults(PlainNames(app)))
    return Guard(ruled, login=login, hosts=settings.allowed_hosts, open_paths=OPEN_PATHS)


def _variables(settings: Settings, roots: ArtifactRoots, backend: str) -> dict[str, str]:
    """What `mlflow server` gives to its workers."""
    from mlflow.server import constants

    return SWITCHED_OFF | {
        constants.BACKEND_STORE_URI_ENV_VAR: backend,
        constants.ARTIFACT_ROOT_ENV_VAR: roots.default,
        constants.ARTIFACTS_DESTINATION_ENV_VAR: roots.destination,
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "_MLFLOW_SERVER_BOOT_ID": uuid.uuid4().hex,
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(_names(settings)),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(
            f"{scheme}://{name}" for name in _names(settings) for scheme in ("http", "https")
        ),
    }


def _names(settings: Settings) -> list[str]:
    """Host names, as patterns, that MLflow itself takes. The guard, before it, takes fewer."""
    from mlflow.server.security_utils import get_default_allowed_hosts

    own = (*settings.allowed_hosts, os.uname().nodename)
    configured = filter(None, os.environ.get("MLFLOW_SERVER_ALLOWED_HOSTS", "").split(","))
    return [*get_default_allowed_hosts(), *own, *(f"{name}:*" for name in own), *configured]


def _fix_roots(handlers: Any, roots: ArtifactRoots) -> None:  # noqa: ANN401  (a module)
    """Have MLflow open stores that take no place of files outside the roots."""
    import mlflow.store.model_registry.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_store

    class Tracking(mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore):  # type: ignore[misc]
        def create_experiment(
            self,
            name: str,
            artifact_location: str | None = None,
            tags: Any = None,  # noqa: ANN401
        ) -> str:
            if artifact_location:
                _refuse_outside(roots, artifact_location, "artifact_location")
            return str(super().create_experiment(name, artifact_location, tags))

    class Models(mlflow.store.model_registry.sqlalchemy_store.SqlAlchemyStore):  # type: ignore[misc]
        def create_model_version(self, name: str, source: str, **others: Any) -> Any:  # noqa: ANN401
            if leads_upwards(source) or not source.startswith(RESOLVED_BY_MLFLOW):
                _refuse_outside(roots, source, "source")
            return super().create_model_version(name, source, **others)

    def tracking(store_uri: str, artifact_uri: str) -> Tracking:
        return Tracking(store_uri, artifact_uri)

    def models(store_uri: str) -> Models:
        return Models(store_uri)

    for scheme in ("postgresql", "sqlite"):
        handlers._tracking_store_registry.register(scheme, tracking)
        handlers._model_registry_store_registry.register(scheme, models)


def _refuse_outside(roots: ArtifactRoots, location: str, field: str) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    if not roots.hold(location):
        raise MlflowException(
            f"{field}: {location[:200]!r} is outside of {roots.default!r}, where this server keeps"
            " files; leave it out",
            error_code=PERMISSION_DENIED,
        )


if __name__ == "__main__":
    main()
