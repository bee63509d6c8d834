"""Watch the room on the file systems of the home and of the embedded database."""

import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass

from runlore.alerts.queries import alerts
from runlore.alerts.rules.disk_space import KIND, DiskLimits, DiskSpace, judge
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.settings import Settings
from runlore.store import embedded
from runlore.store.engine import Store

CHECK_S = 15.0

log = logging.getLogger("runlore.alerts")


def limits_of(settings: Settings) -> DiskLimits:
    """The limits that the settings name."""
    return DiskLimits(settings.disk_free_mb, settings.disk_free_percent)


def look(settings: Settings) -> Sequence[DiskSpace]:
    """The room in the home, and in the embedded database if that has a file system of its own.

    The disk of a database server elsewhere cannot be seen from here.
    """
    places = {"home": settings.home.absolute()}
    if settings.database_url is None and embedded.exists(settings.home):
        places["database"] = embedded.data_folder(settings.home)
    spaces, devices = [], set()
    for name, place in places.items():
        there = next(folder for folder in (place, *place.parents) if folder.exists())
        device = there.stat().st_dev
        if device not in devices:
            usage = shutil.disk_usage(there)
            spaces.append(DiskSpace(name, str(place), usage.free, usage.total))
            devices.add(device)
    return spaces


@dataclass
class DiskWatch:
    """Opens, counts and resolves the alerts `disk`."""

    settings: Settings
    store: Store
    _checked_at: float = -CHECK_S

    def check(self) -> None:
        """At most every CHECK_S. A database that cannot be written is left to the log."""
        if time.monotonic() < self._checked_at + CHECK_S:
            return
        self._checked_at = time.monotonic()
        for space in look(self.settings):
            try:
                self._observe(space)
            except Unavailable as error:
                log.warning("%s has %.1f GB free: %s", space.place, space.free_bytes / 1e9, error)

    def _observe(self, space: DiskSpace) -> None:
        finding = judge(space, limits_of(self.settings))
        now = instants.now()
        with self.store.begin() as connection:
            if finding is None:
                alerts.quiet(connection, KIND, space.name, now)
            else:
                alerts.observe(connection, finding, now)
