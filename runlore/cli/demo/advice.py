"""Demo data of advice: a host that fails more, pumps that wear, and an attack, all simulated."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runlore.cli.demo.tour import ACTOR, DemoWorld

if TYPE_CHECKING:
    import numpy as np

    from runlore.store.engine import Store

SOURCE, BACKUP = "demo-operations", "nightly-backup"
DAYS, EARLIER = 115, 21  # within the log of the demo; advice is given so long ago, and now
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOSTS = (("web-1", 0.05), ("web-2", 0.3), ("web-3", 0.05))  # with their share of failures
PUMPS, MEAN_DAYS, SHAPE = 10, 25.0, 4.0  # of lives, which are of Weibull's distribution
ATTEMPTS, ATTACKER = 14, "203.0.113.9"  # reserved for documentation by RFC 5737
COLUMNS = "id,actor,kind,scope,submitted,started,finished,status,source_ip"


class DemoRow(NamedTuple):
    actor: str
    kind: str
    scope: str
    at: datetime
    status: str
    source_ip: str = ""


def add_advice(world: DemoWorld) -> str:
    """Record it once; advise, say which visits are due, and look for attacks."""
    from runlore.advice.actions import due_visits, recommending, security_watch, track_record
    from runlore.alerts.queries.anomalies import read_open

    store, app = world.app.store, world.app
    if not _is_there(store, world.now):
        _record(world)
        for at in (world.now - EARLIER * DAY, world.now):
            due_visits.watch_maintenance(store, app.maintenance_specs, app.series_specs, at)
            made = recommending.recommend(store, ("actor", BACKUP), ACTOR, at)
            for one in made.holding:
                if one.decision is None and at < world.now:
                    why = "the demo follows its first advice"
                    recommending.decide(store, one.id, "follow", ACTOR, why, at)
        track_record.score_advice(store, world.now)
    security_watch.look(store, app.settings.sigma_rules, app.settings.alarms_a_week)
    given = len(recommending.list_advice(store, world.now))
    visits = due_visits.visit_record(store, world.now)
    with store.begin() as connection:
        attacks = len(read_open(connection, security_watch.KIND))
    return f"advice: {given} given, {visits.due} visits due, {attacks} causes of security alerts"


def _is_there(store: "Store", at: datetime) -> bool:
    from runlore.advice.queries.finished_runs import count_runs

    return count_runs(store, ("actor", BACKUP), at, at - timedelta(days=400), 1) > 0


def _record(world: DemoWorld) -> None:
    from runlore.ingest.actions.files import ingest_file
    from runlore.ingest.actions.opening import FileSource
    from runlore.records.mapping import declare

    file = world.app.settings.home / "demo" / "operations.csv"
    _write(file, world.now)
    mapping = declare({"inputs": ["source_ip"]})
    ingest_file(world.app.store, FileSource(file, "csv", SOURCE, mapping), world.now)


def _write(file: Path, now: datetime) -> None:
    import numpy as np

    rng = np.random.default_rng(12)
    rows = [*_backups(rng, now), *_pumps(rng, now), *_attack(now)]
    lines = [
        f"op-{number},{row.actor},{row.kind},{row.scope},{row.at.isoformat()},{row.at.isoformat()},"
        f"{row.at.isoformat()},{row.status},{row.source_ip}"
        for number, row in enumerate(sorted(rows, key=lambda row: row.at))
    ]
    file.write_text("\n".join([COLUMNS, *lines, ""]), encoding="utf-8", newline="\n")


def _backups(rng: "np.random.Generator", now: datetime) -> Iterator[DemoRow]:
    """Each hour, on a host that is drawn."""
    for hour in range(DAYS * 24, 0, -1):
        host, failing = HOSTS[int(rng.integers(len(HOSTS)))]
        status = "failed" if rng.random() < failing else "succeeded"
        yield DemoRow(BACKUP, "backup", host, now - hour * HOUR, status)


def _pumps(rng: "np.random.Generator", now: datetime) -> Iterator[DemoRow]:
    """Failures of wear, and visits that know nothing of it."""
    for pump in range(1, PUMPS + 1):
        name, ago = f"pump-{pump}", DAYS - rng.uniform(0, 5)
        yield DemoRow("ops", "installation", name, now - ago * DAY, "succeeded")
        while True:
            life, visit = MEAN_DAYS * rng.weibull(SHAPE), rng.exponential(120)
            ago -= min(life, visit)
            if ago <= 0:
                break
            kind, status = ("failure", "failed") if life <= visit else ("maintenance", "succeeded")
            yield DemoRow("ops", kind, name, now - ago * DAY, status)


def _attack(now: datetime) -> Iterator[DemoRow]:
    """Failed logins of one user from one address within minutes, and then one that succeeds."""
    for attempt in range(ATTEMPTS):
        at = now - 2 * HOUR + attempt * timedelta(seconds=20)
        yield DemoRow("eve", "login", "web-1", at, "failed", ATTACKER)
    yield DemoRow("eve", "login", "web-1", now - 1.8 * HOUR, "succeeded", ATTACKER)
