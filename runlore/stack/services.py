"""The services of the stack, as data."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from runlore.kernel.deadlines import SERVICE_GRACE_S
from runlore.kernel.errors import BadInput
from runlore.kernel.redaction import redact
from runlore.settings import Settings
from runlore.stack import environment
from runlore.stack.probes import HeartbeatProbe, HttpProbe, Probe, TaskProbe, WorkerProbe
from runlore.stack.tcp_ports import Port
from runlore.web.prefect_api import PrefectApi

POOL = "runlore"
DATABASE = "database"
FLOWS_AT_ONCE = 2  # A machine that was asleep finds many runs due; they need not all run at once


@dataclass(frozen=True)
class Service:
    """A process of the stack: what starts it, what tells that it is well, what it needs."""

    name: str
    title: str
    command: tuple[str, ...]
    probe: Probe
    address: str
    port: Port | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    # Whose tables in our database it reads. Their address is known late and may hold a password.
    tables: Literal["mlflow", "prefect"] | None = None
    # The variable for the home's login, `user:password`, which is read when the service starts.
    login_variable: str | None = None
    needs: tuple[str, ...] = ()
    grace_s: float = 5.0
    patience_s: float = 300.0  # how long it may take to become well


NAMES = (DATABASE, "prefect", "mlflow", "schedules", "worker", "serving", "alerts")


def declare(settings: Settings) -> tuple[Service, ...]:
    """Every process that Runlore runs itself, in the order of their starting.

    A Prefect or MLflow server named in the settings is somebody else's and not among them.
    """
    own = [_schedules(settings), _worker(settings), _serving(settings), _alerts(settings)]
    if settings.mlflow_tracking_uri is None:
        own.insert(0, _mlflow(settings))
    if settings.prefect_api_url is None:
        own.insert(0, _prefect(settings))
    known = {DATABASE, *(service.name for service in own)}
    return tuple(
        replace(service, needs=tuple(name for name in service.needs if name in known))
        for service in own
    )


def select(settings: Settings, names: Iterable[str]) -> tuple[Service, ...]:
    """The processes asked for with everything they need; a wrong name is refused."""
    names = list(names)
    for name in names:
        if name not in NAMES:
            raise BadInput(f"{name!r} is no service; there are {', '.join(NAMES)}", "only")
    declared = declare(settings)
    for name in names:
        needs = next((service.needs for service in declared if service.name == name), ())
        names.extend(need for need in needs if need not in names)
    return tuple(service for service in declared if service.name in names)


def prefect_api(settings: Settings) -> PrefectApi:
    """With the login of the home, unless the server is the user's own."""
    is_own = settings.prefect_api_url is None
    return PrefectApi(settings.prefect_url, settings.home.absolute() if is_own else None)


def _login_variable(settings: Settings) -> str | None:
    return environment.PREFECT_CLIENT_LOGIN if settings.prefect_api_url is None else None


def _prefect(settings: Settings) -> Service:
    api = settings.prefect_url
    return Service(
        name="prefect",
        title="Prefect: schedules and runs",
        command=_module("flows.server"),
        probe=HttpProbe(f"{api}/health"),
        address=api.removesuffix("/api"),
        port=Port(settings.prefect_port, "prefect_port"),
        environment=environment.of_prefect_clients(settings)
        | environment.of_prefect_server(settings),
        login_variable=environment.PREFECT_SERVER_LOGIN,
        tables="prefect",
        needs=(DATABASE,),
    )


def _mlflow(settings: Settings) -> Service:
    address = settings.mlflow_url
    return Service(
        name="mlflow",
        title="MLflow: experiments and models",
        command=_module("runlore.registry.server"),
        probe=HttpProbe(f"{address}/health"),
        address=address,
        port=Port(settings.mlflow_port, "mlflow_port"),
        environment=environment.of_mlflow_server(settings),
        tables="mlflow",
        needs=(DATABASE,),
    )


def _schedules(settings: Settings) -> Service:
    return Service(
        name="schedules",
        title="Schedules, from deployments/prefect.yaml",
        command=_module(
            "flows.register" if settings.prefect_api_url else "flows.register --bury-lost"
        ),
        probe=TaskProbe(),
        address=redact(settings.prefect_url),
        environment=environment.of_prefect_clients(settings),
        login_variable=_login_variable(settings),
        needs=("prefect",),
    )


def _worker(settings: Settings) -> Service:
    """Slow to leave by itself (more than ten seconds), hence the short grace."""
    return Service(
        name="worker",
        title="Worker: runs what is due",
        command=_module("flows.worker --name runlore"),
        probe=WorkerProbe(prefect_api(settings), POOL),
        address=redact(settings.prefect_url),
        environment=environment.of_prefect_clients(settings),
        login_variable=_login_variable(settings),
        needs=("prefect", DATABASE),
        grace_s=3.0,
    )


def _serving(settings: Settings) -> Service:
    """After MLflow, which makes its tables when it starts for the first time."""
    address = settings.serve_url
    return Service(
        name="serving",
        title="Console, and predictions over HTTP",
        command=_module("runlore.cli serve"),
        probe=HttpProbe(f"{address}/livez"),
        address=address,
        port=Port(settings.serve_port, "serve_port"),
        needs=(DATABASE, "mlflow"),
        grace_s=SERVICE_GRACE_S,
    )


def _alerts(settings: Settings) -> Service:
    return Service(
        name="alerts",
        title="Alerts, to the channels of RUNLORE_ALERT_CHANNELS",
        command=_module("runlore.cli alerts deliver"),
        probe=HeartbeatProbe(settings.alerts_beat.absolute()),
        address="see `runlore alerts`",
        needs=(DATABASE,),
    )


def _module(words: str) -> tuple[str, ...]:
    """A command of this interpreter."""
    return (sys.executable, "-m", *words.split())
