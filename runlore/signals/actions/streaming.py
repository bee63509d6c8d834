"""Follow new points: what is unusual is an alert within seconds."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from runlore.kernel.errors import Unavailable
from runlore.signals.queries import point_outbox
from runlore.store import notices
from runlore.store.engine import Store

GATHER_S = 0.25  # between two batches while points trickle in
MISSING_EVERY_S = 15.0  # while series are live
QUIET_S = 60.0  # else: new points are heard of at once
BUDGET_EVERY_S = 60.0
AGAIN_S = 2.0  # after an error

log = logging.getLogger("runlore.signals")


def watch(store: Store, end: threading.Event, alarms_a_week: float = 1.0) -> None:
    """Judge points as they are recorded, until the end. One process of all at a time judges.

    alarms_a_week: false ones that are wanted at most, over all series.
    """
    while not end.is_set():
        try:
            StreamWatch(store, end, alarms_a_week=alarms_a_week).follow()
        except Unavailable as error:
            log.warning("points wait: %s", error)
        except Exception:  # the edge of the thread
            log.exception("points wait")
        end.wait(AGAIN_S)


@dataclass
class StreamWatch:
    """A loop over batches. batches: counted, for tests and benches."""

    store: Store
    end: threading.Event
    beat: Callable[[], None] = field(default=lambda: None)
    alarms_a_week: float = 1.0
    _threshold: float = 0.0
    _threshold_at: float = float("-inf")
    _missing_at: float = float("-inf")

    def follow(self) -> None:
        with notices.listening(self.store, [notices.POINTS]) as listener:
            with self.store.begin() as connection:
                point_outbox.postpone(connection)
            self._missing_at = time.monotonic()
            while not self.end.is_set():
                self.take_all()
                is_live = self._look_for_missing()
                self.beat()
                self.end.wait(GATHER_S)
                listener.wait(MISSING_EVERY_S if is_live else QUIET_S, self.end)

    def take_all(self) -> int:
        """Judge all points that wait. Returns how many there were."""
        count = 0
        while not self.end.is_set() and self._has_points():
            from runlore.signals.actions import stream_batches  # with numpy

            batch = stream_batches.take_batch(self.store, self._find_threshold())
            count += batch.points
            if batch.points < stream_batches.MOST_POINTS:
                break
        return count

    def _has_points(self) -> bool:
        with self.store.begin() as connection:
            return point_outbox.has_points(connection)

    def _find_threshold(self) -> float:
        from runlore.signals.rules.anomalies.stream_threshold import find_threshold

        if time.monotonic() >= self._threshold_at + BUDGET_EVERY_S:
            self._threshold_at = time.monotonic()
            with self.store.begin() as connection:
                points = point_outbox.points_a_week(connection)
            self._threshold = find_threshold(points, self.alarms_a_week)
        return self._threshold

    def _look_for_missing(self) -> bool:
        """Whether any series is live."""
        if time.monotonic() < self._missing_at + MISSING_EVERY_S:
            return True
        self._missing_at = time.monotonic()
        with self.store.begin() as connection:
            if not point_outbox.has_due(connection):
                return False
        from runlore.signals.actions import stream_batches

        stream_batches.find_missing(self.store)
        return True
