"""What runs for this home, where, and since when. Looks only: nothing is started."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from runlore.alerts.queries.outbox import UndeliveredAlerts
from runlore.alerts.rules.decision import PendingDecision
from runlore.kernel import instants
from runlore.kernel.errors import RunloreError
from runlore.kernel.readable import readable_bytes
from runlore.reports.queries.figures import StoreFigures, figures
from runlore.reports.queries.loop_events import LoopEvent
from runlore.settings import Settings
from runlore.specs import loading
from runlore.stack import processes
from runlore.stack.probes import HttpProbe, Probe, TaskProbe
from runlore.stack.services import DATABASE, NAMES, Service, declare
from runlore.store import embedded
from runlore.store.engine import connect
from runlore.web.prefect_api import NoAnswer


class Health(StrEnum):
    HEALTHY = "healthy"
    DONE = "done"
    STARTING = "starting"
    SILENT = "no answer"
    OFF = "not running"


@dataclass(frozen=True)
class ServiceStatus:
    """One service as it is now."""

    name: str
    health: Health
    address: str = ""
    pid: int | None = None
    since: str = ""
    detail: str = ""


@dataclass(frozen=True)
class StackStatus:
    home: str
    services: tuple[ServiceStatus, ...]
    database_bytes: int | None
    rows: dict[str, int] = field(default_factory=dict)
    estimated: tuple[str, ...] = ()  # names in `rows` that are too large to count
    champions: dict[str, str] = field(default_factory=dict)  # spec -> version of the champion

    alerts: dict[str, int] = field(default_factory=dict)  # severity -> how many are open

    undelivered: tuple[
        UndeliveredAlerts, ...
    ] = ()  # alerts that could not be delivered, by channel

    broken: dict[str, str] = field(default_factory=dict)  # spec -> what is wrong with its champion
    decisions: tuple[PendingDecision, ...] = ()  # what waits for a person

    states_behind: dict[str, int] = field(default_factory=dict)  # spec -> facts it may not know
    loop: tuple[LoopEvent, ...] = ()  # what was done last for each spec, the newest first


def look(settings: Settings) -> StackStatus:
    """Look at every service and at the database."""
    used = actual(settings)
    declared = {service.name: service for service in declare(used)}
    others = [
        _own(used, declared[name]) if name in declared else _given(used, name)
        for name in NAMES
        if name != DATABASE
    ]
    database, database_figures = look_at_database(settings)
    status = StackStatus(str(settings.home), (database, *others), None)
    if database_figures is None:
        return status
    return replace(
        status,
        database_bytes=database_figures.size_bytes,
        rows=database_figures.rows,
        estimated=database_figures.estimated,
        champions=database_figures.champions,
        alerts=database_figures.alerts,
        undelivered=database_figures.undelivered,
        broken=database_figures.broken,
        decisions=database_figures.decisions,
        loop=database_figures.loop,
        states_behind=_by_spec(settings, database_figures.stale),
    )


def _by_spec(settings: Settings, stale: Mapping[str, int]) -> dict[str, int]:
    """Spec -> how many facts the states that its model reads may lack."""
    if not stale:
        return {}
    behind = {
        spec.name: max((stale.get(one.digest, 0) for one in spec.features.histories), default=0)
        for spec in loading.every(settings)
    }
    return {name: facts for name, facts in behind.items() if facts}


def actual(settings: Settings) -> Settings:
    """The settings with the ports that running services really use."""
    changed = {}
    for service in declare(settings):
        running = processes.read(settings.home, service.name)
        if service.port and running and running.port and running.supervisor.is_alive():
            changed[service.port.field] = running.port
    return settings.model_copy(update=changed)


def look_at_database(settings: Settings) -> tuple[ServiceStatus, StoreFigures | None]:
    """The database with its figures, unless it does not run or does not answer."""
    if settings.database_url is not None:
        return _figures(settings.database_url.get_secret_value(), None)
    state = embedded.state(settings.home)
    if not state.is_running:
        size = readable_bytes(state.size_bytes)
        detail = f"starts when needed; {size} in {state.data}"
        return ServiceStatus(DATABASE, Health.OFF, detail=detail), None
    try:
        with embedded.running(settings.home) as url:
            return _figures(url, state.pid)
    except RunloreError as error:
        return ServiceStatus(DATABASE, Health.SILENT, pid=state.pid, detail=str(error)), None


def _figures(url: str, pid: int | None) -> tuple[ServiceStatus, StoreFigures | None]:
    try:
        store = connect(url)
    except RunloreError as error:
        return ServiceStatus(DATABASE, Health.SILENT, detail=str(error)), None
    address = store.engine.url.render_as_string(hide_password=True)
    try:
        store_figures = figures(store)
    except RunloreError as error:
        return ServiceStatus(DATABASE, Health.SILENT, address, pid, detail=str(error)), None
    finally:
        store.engine.dispose()
    return ServiceStatus(
        DATABASE, Health.HEALTHY, address, pid, detail=f"PostgreSQL {store_figures.version}"
    ), store_figures


def _own(settings: Settings, service: Service) -> ServiceStatus:
    """A service of ours, by the record of whoever started it and by its answer."""
    running = processes.read(settings.home, service.name)
    if running is None or not running.supervisor.is_alive():
        return ServiceStatus(service.name, Health.OFF)
    health, detail = _ask(service.probe)
    age = instants.now() - instants.parse(running.since)
    if isinstance(service.probe, TaskProbe) and not running.keeper.is_alive():
        health, detail = Health.DONE, ""
    elif health is Health.SILENT and age.total_seconds() < service.patience_s:
        health = Health.STARTING
    pid = running.keeper.pid if running.keeper.is_alive() else None
    where = f"log: {running.log}"
    return ServiceStatus(service.name, health, running.address, pid, running.since, detail or where)


def _given(settings: Settings, name: str) -> ServiceStatus:
    """A server of somebody else, named in the settings."""
    address = settings.prefect_url if name == "prefect" else settings.mlflow_url
    health, detail = _ask(HttpProbe(f"{address.rstrip('/')}/health"))
    return ServiceStatus(name, health, address, detail=detail or "not ours, from the settings")


def _ask(probe: Probe) -> tuple[Health, str]:
    try:
        probe.check(instants.EPOCH)
    except NoAnswer as error:
        return Health.SILENT, str(error)
    return Health.HEALTHY, ""
