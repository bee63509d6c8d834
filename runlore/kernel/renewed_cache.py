"""Values that are costly to make: kept, and made again in the background."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, TypeVar

from runlore.kernel.errors import BadInput, NotFound, Refused, RunloreError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

log = logging.getLogger("runlore.cache")


@dataclass(frozen=True)
class RenewalTimes:
    """renewed_after: it is made again. kept_for: it answers no longer, and the request waits."""

    renewed_after: timedelta = timedelta(minutes=10)
    kept_for: timedelta = timedelta(hours=1)


class RenewedCache(Generic[K, V]):
    """The first request for a key waits, those for other keys do not.

    Later a value is made again in the background, one at a time, while the kept one answers. One
    that can no longer be made is forgotten; the next request says why.
    """

    def __init__(
        self, make: Callable[[K, datetime], V], most: int, times: RenewalTimes | None = None
    ) -> None:
        """make: of a key and an instant, from what was known then. most: values that are kept."""
        self.times = times or RenewalTimes()
        self._make, self._most = make, most
        self._lock = Lock()
        self._kept: OrderedDict[K, tuple[datetime, V]] = OrderedDict()
        self._making: dict[K, Lock] = {}
        self._renewing: set[K] = set()
        self._background = ThreadPoolExecutor(1, "renewed-cache")

    def get(self, key: K, at: datetime) -> V:
        """Raises what `make` raises."""
        entry = self._find(key, at)
        if entry is None:
            with self._lock:
                making = self._making.setdefault(key, Lock())
            with making:
                entry = self._find(key, at) or self._keep(key, at)
        made_at, value = entry
        if at >= made_at + self.times.renewed_after:
            self._renew(key, at)
        return value

    def wait(self) -> None:
        """Until nothing is made in the background."""
        self._background.submit(bool).result()

    def _find(self, key: K, at: datetime) -> tuple[datetime, V] | None:
        with self._lock:
            entry = self._kept.get(key)
            if entry is None or at >= entry[0] + self.times.kept_for:
                return None
            self._kept.move_to_end(key)
            return entry

    def _keep(self, key: K, at: datetime) -> tuple[datetime, V]:
        entry = (at, self._make(key, at))
        with self._lock:
            self._kept[key] = entry
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                gone, _ = self._kept.popitem(last=False)
                self._making.pop(gone, None)
        return entry

    def _renew(self, key: K, at: datetime) -> None:
        with self._lock:
            if key in self._renewing:
                return
            self._renewing.add(key)
        self._background.submit(self._make_again, key, at)

    def _make_again(self, key: K, at: datetime) -> None:
        try:
            self._keep(key, at)
        except (BadInput, NotFound, Refused):
            with self._lock:
                self._kept.pop(key, None)
        except RunloreError as error:
            log.warning("what is kept was not renewed: %s", error)
        finally:
            with self._lock:
                self._renewing.discard(key)
