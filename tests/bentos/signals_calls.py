"""What the examples of signals are answered from: half a year of a scope."""

from datetime import timedelta
from typing import Any

import numpy as np

from runlore.kernel import instants
from runlore.specs.objective_spec import BurnRule, ExecutionEvents, ObjectiveSpec
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store
from tests.signals.health_world import write_world
from tests.signals.points import day_and_night, write_points

DISKS = SeriesSpec("disks", series="volume_used", limit=100.0)
BUILDS = ObjectiveSpec(
    "builds",
    ExecutionEvents(kind="build"),
    target=0.98,
    period_s=86_400,
    policy=(BurnRule("page", 6.0, long_s=43_200, short_s=21_600),),
)
DECLARED = {
    "series_specs": (f"{__name__}:DISKS",),
    "objectives": (f"{__name__}:BUILDS",),
}
PATHS = (
    ("/signals/objectives", "/signals/objectives"),
    ("/signals/objectives/{name}", "/signals/objectives/builds"),
    ("/signals/health", "/signals/health"),
    ("/signals/health/{scope}", "/signals/health/prod"),
    ("/signals/limits", "/signals/limits"),
    ("/signals/limits/{series}", "/signals/limits/volume_used?at=90"),
    ("/signals/anomalies", "/signals/anomalies?name=cpu"),
    ("/signals/regressions", "/signals/regressions?series=build_seconds"),
)
CALLS: tuple[tuple[str, str, str, Any], ...] = tuple(("GET", *path, None) for path in PATHS)


def fill(store: Store) -> None:
    """Failures after incidents, a disk that fills, a series that got slower, and an odd hour."""
    now = instants.now()
    write_world(store, precedes=True, now=now)
    random = np.random.default_rng(1)
    disk = np.linspace(10, 60, 200) + random.normal(0, 0.5, 200)
    slower = 60 * random.normal(1, 0.03, 200)
    slower[120:] *= 1.3
    odd = day_and_night()
    odd[-3] += 60
    for name, values in {"volume_used": disk, "build_seconds": slower, "cpu": odd}.items():
        first = now - timedelta(hours=len(values))
        write_points(store, values, name=name, scope="prod", first=first)
