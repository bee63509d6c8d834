"""Checks of what runs: ports, database, Prefect, MLflow, and what a killed run left."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from runlore.app import open_app
from runlore.ingest.actions.points import count_series
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.serving.actions import integrity
from runlore.serving.actions.broken_versions import REMEDY
from runlore.settings import Settings
from runlore.stack import processes, tcp_ports
from runlore.stack.doctor.finding import DoctorFinding, DoctorVerdict
from runlore.stack.services import DATABASE, POOL, declare, prefect_api
from runlore.stack.status import Health, StackStatus, actual, look_at_database
from runlore.store import embedded
from runlore.web.prefect_api import NoAnswer, PrefectApi

NEARLY_FULL = 0.8  # of RUNLORE_MAX_SERIES
SKEW = timedelta(seconds=5)
SCHEDULER = timedelta(minutes=3)  # Prefect's scheduler sees a new deployment within a minute


def leftovers(home: Path) -> Iterator[DoctorFinding]:
    """Processes of services whose supervisor was killed, and a database that nobody uses.

    A record alone, of a service that ended with its supervisor, is nothing to act on.
    """
    remedy = "`runlore down`, or the next `runlore up`"
    lines = []
    for running in processes.read_all(home):
        if pids := processes.leftovers(running):
            alive = ", ".join(map(str, pids))
            lines.append(f"{running.name}: its supervisor was killed; still alive: {alive}")
    if embedded.exists(home):
        state = embedded.state(home)
        if state.is_running and not state.users:
            lines.append(f"{DATABASE}: process {state.pid} runs and nobody uses it")
    for what in lines:
        yield DoctorFinding("leftovers", DoctorVerdict.WRONG, what, remedy)
    if not lines:
        yield DoctorFinding("leftovers", DoctorVerdict.OK, "none")


def free_ports(settings: Settings) -> Iterator[DoctorFinding]:
    used = actual(settings)
    for service in declare(used):
        if service.port is None:
            continue
        what = f"{service.port.number} for {service.name}"
        running = processes.read(settings.home, service.name)
        if running is not None and running.supervisor.is_alive():
            yield DoctorFinding("port", DoctorVerdict.OK, f"{what}: ours")
        elif tcp_ports.is_free(settings.host, service.port.number):
            yield DoctorFinding("port", DoctorVerdict.OK, f"{what}: free")
        else:
            remedy = f"stop it, or set {service.port.setting}={tcp_ports.free_port(settings.host)}"
            yield DoctorFinding(
                "port", DoctorVerdict.WRONG, f"{what}: another program has it", remedy
            )


def health(status: StackStatus) -> Iterator[DoctorFinding]:
    """Check each service except the database, which has a check of its own."""
    others = [seen for seen in status.services if seen.name != DATABASE]
    for seen in others:
        if seen.health is Health.SILENT:
            remedy = "see its log; `runlore up` starts it again"
            yield DoctorFinding(
                seen.name, DoctorVerdict.WRONG, f"{seen.address}: {seen.detail}", remedy
            )
        elif seen.health is not Health.OFF:
            yield DoctorFinding(seen.name, DoctorVerdict.OK, f"{seen.health}: {seen.address}")
    off = [seen.name for seen in others if seen.health is Health.OFF]
    if off:
        yield DoctorFinding(
            "services", DoctorVerdict.NOTE, f"not running: {', '.join(off)}", "`runlore up`"
        )


def database(settings: Settings) -> Iterator[DoctorFinding]:
    """Check that the database is reachable, migrated, and has a clock like ours."""
    before = instants.now()
    seen, figures = look_at_database(settings)
    if seen.health is Health.OFF:
        yield DoctorFinding(DATABASE, DoctorVerdict.OK, f"not running; {seen.detail}")
        return
    if figures is None:
        remedy = "check RUNLORE_DATABASE_URL and that server"
        yield DoctorFinding(DATABASE, DoctorVerdict.WRONG, seen.detail, remedy)
        return
    yield DoctorFinding(
        DATABASE, DoctorVerdict.OK, f"{seen.detail}, {figures.size_bytes / 1e6:.0f} MB"
    )
    if not figures.is_migrated:
        what = f"tables at migration {figures.revision}, wanted {figures.head}"
        yield DoctorFinding(
            "tables", DoctorVerdict.NOTE, what, "any command that uses them brings them up"
        )
    skew = figures.clock - before
    if abs(skew) > SKEW:
        what = f"the database's clock is {skew.total_seconds():.0f} s from this machine's"
        yield DoctorFinding(
            "clock", DoctorVerdict.WRONG, what, "switch on time synchronisation (NTP)"
        )
    if figures.is_migrated:
        yield from _series(settings)


def _series(settings: Settings) -> Iterator[DoctorFinding]:
    """Whether there is room for further series."""
    with open_app(settings, delivers=False) as app:
        count = count_series(app.store)
    if count >= NEARLY_FULL * settings.max_series:
        what = f"{count:,} series of at most {settings.max_series:,}; then new ones are refused"
        remedy = "send fewer labels, or raise RUNLORE_MAX_SERIES"
        is_full = count >= settings.max_series
        verdict = DoctorVerdict.WRONG if is_full else DoctorVerdict.NOTE
        yield DoctorFinding("series", verdict, what, remedy)


def champions(settings: Settings, status: StackStatus) -> Iterator[DoctorFinding]:
    """Champions that the service could not load, and those whose stored files are not whole, which
    it finds at its next start."""
    if not status.champions:
        return
    wrong = _damaged(settings, status) | status.broken
    for spec, what in wrong.items():
        remedy = REMEDY.format(spec=spec)
        yield DoctorFinding("champions", DoctorVerdict.WRONG, what, remedy)
    if not wrong:
        whole = f"the files of {len(status.champions)} are whole"
        yield DoctorFinding("champions", DoctorVerdict.OK, whole)


def _damaged(settings: Settings, status: StackStatus) -> dict[str, str]:
    """Spec -> what is wrong with the stored files of its champion."""
    with open_app(settings, delivers=False) as app:
        try:
            troubles = {
                spec: integrity.inspect(app.registry, spec, version)
                for spec, version in status.champions.items()
                if version
            }
        except Unavailable as error:
            return dict.fromkeys(status.champions, str(error))
    return {spec: trouble for spec, trouble in troubles.items() if trouble}


def states(status: StackStatus) -> Iterator[DoctorFinding]:
    """Facts that predictions do not know yet, because an ingest could not finish its work."""
    for spec, facts in status.states_behind.items():
        what = f"states behind: {spec}, up to {facts:,} facts"
        remedy = (
            "none while an ingest runs; else `runlore up` or `runlore serve` renews them within a"
            " minute, `runlore features rebuild` at once; the disk needs room for it"
        )
        yield DoctorFinding("states", DoctorVerdict.WRONG, what, remedy)


def schedules(settings: Settings, status: StackStatus) -> Iterator[DoctorFinding]:
    """Active schedules must have runs waiting: a dead scheduler shows nowhere else."""
    if not any(s.name == "prefect" and s.health is Health.HEALTHY for s in status.services):
        return
    api = prefect_api(actual(settings))
    try:
        planned, idle = _planned(api, instants.now())
    except NoAnswer as error:
        yield DoctorFinding("schedules", DoctorVerdict.WRONG, str(error), "see Prefect's log")
        return
    if idle:
        what = f"active, but no run is planned: {', '.join(idle)}"
        remedy = "see Prefect's log; SQLAlchemy 2.1 is known to stop its scheduler"
        yield DoctorFinding("schedules", DoctorVerdict.WRONG, what, remedy)
    elif planned:
        yield DoctorFinding(
            "schedules", DoctorVerdict.OK, f"{planned} deployments have runs planned"
        )
    else:
        yield DoctorFinding("schedules", DoctorVerdict.NOTE, "no active schedule", "`runlore up`")


def alerts(settings: Settings, status: StackStatus) -> Iterator[DoctorFinding]:
    """Report the alerts that no channel has delivered."""
    for queue in status.undelivered:
        lost = f", {queue.lost} given up" if queue.lost else ""
        undelivered = f"{queue.deliveries} not delivered to {queue.channel}{lost}"
        what = f"{undelivered}: {queue.error}"
        remedy = f"`runlore alerts test {queue.channel}`; see `runlore alerts`"
        yield DoctorFinding("alerts", DoctorVerdict.WRONG, what, remedy)
    count = sum(status.alerts.values())
    if count and settings.alert_channels is None:
        what = f"{count} open, and no channel to tell anybody"
        yield DoctorFinding("alerts", DoctorVerdict.NOTE, what, "set RUNLORE_ALERT_CHANNELS")
    elif not status.undelivered:
        yield DoctorFinding("alerts", DoctorVerdict.OK, f"{count} open" if count else "none open")


def _planned(api: PrefectApi, now: datetime) -> tuple[int, list[str]]:
    """How many of our active deployments have a run planned, and the names of the others."""
    pool = {"work_pools": {"name": {"any_": [POOL]}}}
    scheduled = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    runs = api.post("/flow_runs/filter", {**pool, **scheduled, "limit": 200})
    with_runs = {run["deployment_id"] for run in runs}
    active = [
        deployment
        for deployment in api.post("/deployments/filter", pool)
        if not deployment["paused"]
        and any(schedule["active"] for schedule in deployment["schedules"])
        and now - datetime.fromisoformat(deployment["updated"]) > SCHEDULER
    ]
    idle = [
        deployment["entrypoint"].rpartition(".")[2] + "/" + deployment["name"]
        for deployment in active
        if deployment["id"] not in with_runs
    ]
    return len(with_runs), idle
