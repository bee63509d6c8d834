"""Demo data of series: a day's rhythm, a lasting change, a disk that fills, and an incident."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from runlore.cli.demo.tour import DemoWorld

if TYPE_CHECKING:
    from runlore.ingest.rules.points.batch import PointBatch

SOURCE, SCOPE = "demo-metrics", "checkout"
HOURS = 24 * 28
CHANGE, SPIKE = 24 * 9, 2  # hours before the end
ISSUED_DAYS = (6, 3, 0)  # before now: forecasts whose time has come, and some ahead
DAY = timedelta(days=1)


def add_signals(world: DemoWorld) -> str:
    """Record four series, issue and score forecasts of them, and judge what deviates."""
    from runlore.signals.actions import issued_forecasts
    from runlore.specs.series_spec import SeriesSpec

    store = world.app.store
    if not _is_there(world):
        _record(world)
        spec = SeriesSpec("demo", source=SOURCE, horizons_s=(DAY.total_seconds(),), lower=0.0)
        for days in ISSUED_DAYS:
            at = world.now - days * DAY
            issued_forecasts.score(store, at)
            issued_forecasts.issue(store, [spec], at)
    _judge(world)
    return f"4 series of {SCOPE}: a forecast each day, an incident, a lasting change"


def _is_there(world: DemoWorld) -> bool:
    from runlore.signals.actions.forecasting import list_series

    return any(series.source == SOURCE for series in list_series(world.app.store))


def _record(world: DemoWorld) -> None:
    from runlore.ingest.actions.points import PointBounds, record_points

    bounds = PointBounds(world.app.settings.max_series)
    batch = _points(world.now.replace(minute=0, second=0, microsecond=0))
    record_points(world.app.store, SOURCE, batch, world.now, bounds, is_history=True)


def _points(end: datetime) -> "PointBatch":
    import numpy as np

    from runlore.ingest.rules.points.batch import PointBatch, SeriesIdentity
    from runlore.kernel.instants import to_us

    rng, hour = np.random.default_rng(11), np.arange(HOURS)
    rhythm = np.sin((hour + end.hour) * 2 * np.pi / 24)
    noise = rng.normal(0, 1, (4, HOURS))
    latency = 180 + 40 * rhythm + 8 * noise[0]
    latency[-CHANGE:] *= 1.3
    rate = 60 + 25 * rhythm + 3 * noise[1]
    errors = 2 + 0.5 * rhythm + 0.2 * noise[2]
    disk = 48 + 0.03 * hour + 0.4 * noise[3]
    latency[-SPIKE:], errors[-SPIKE:] = latency[-SPIKE:] + 400, errors[-SPIKE:] + 15
    named = (
        ("latency_p95", "ms", latency),
        ("requests_per_second", "1/s", rate),
        ("errors_per_second", "1/s", errors),
        ("disk_used_percent", "%", disk),
    )
    at_us = to_us(end) + (hour - HOURS + 1) * 3_600_000_000
    return PointBatch(
        [SeriesIdentity(name, SCOPE, unit=unit, kind="gauge") for name, unit, _ in named],
        np.repeat(np.arange(len(named)), HOURS),
        np.tile(at_us, len(named)),
        np.concatenate([values.round(3) for *_, values in named]),
    )


def _judge(world: DemoWorld) -> None:
    """What `runlore up` does within seconds."""
    import threading

    from runlore.signals.actions.streaming import StreamWatch

    watch = StreamWatch(world.app.store, threading.Event())
    while watch.take_all():
        pass
