"""Tell all others, by a row in the database, which versions answer in this worker."""

import os
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from bentos.http.prometheus_metrics import metrics
from runlore.serving.queries import workers
from runlore.serving.queries.workers import Rates
from runlore.store.engine import Store

INTERVAL_S = 2.0

OK = "200"

Versions = Mapping[str, Mapping[str, str]]  # spec -> arm -> version


@dataclass
class RateCounter:
    """Turns counts that only grow into rates."""

    _counts: Mapping[tuple[str, str], float] = field(default_factory=dict)
    _at: float | None = None
    _rates: Rates = field(default_factory=dict)

    def step(self, counts: Mapping[tuple[str, str], float], now: float) -> Rates:
        """The rates since the step before: spec -> answered, refused -> requests a second.

        counts: by spec and HTTP status. now: in seconds. A step that comes at once after another
        repeats its rates.
        """
        passed = None if self._at is None else now - self._at
        if passed is not None and passed < INTERVAL_S / 4:
            return self._rates
        rates: dict[str, dict[str, float]] = {}
        for (spec, status), count in counts.items():
            more = count - self._counts.get((spec, status), 0.0)
            if passed is not None and more > 0:
                outcome = "answered" if status == OK else "refused"
                rate = rates.setdefault(spec, {"answered": 0.0, "refused": 0.0})
                rate[outcome] += round(more / passed, 3)
        self._counts, self._at, self._rates = dict(counts), now, rates
        return rates


@dataclass
class Heartbeat:
    worker_id: uuid.UUID = field(default_factory=uuid.uuid4)
    _versions: Versions = field(default_factory=dict)
    _sent_at: float = 0.0
    _counter: RateCounter = field(default_factory=RateCounter)

    def send(self, store: Store, versions: Versions) -> None:
        """At once when the versions change, else every INTERVAL_S."""
        if versions != self._versions or time.monotonic() > self._sent_at + INTERVAL_S:
            now = time.monotonic()
            rates = self._counter.step(_answers(), now)
            host, pid = socket.gethostname(), os.getpid()
            workers.tell(store, self.worker_id, host, pid, versions, rates)
            self._versions, self._sent_at = versions, now

    def stop(self, store: Store) -> None:
        workers.forget(store, self.worker_id)


def _answers() -> dict[tuple[str, str], float]:
    """(spec, HTTP status) -> predictions of this process, by the counter that `/metrics` shows."""
    counts: dict[tuple[str, str], float] = {}
    metrics().buffer.flush()
    for metric in metrics().predictions.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                key = (sample.labels["spec"], sample.labels["status"])
                counts[key] = counts.get(key, 0.0) + sample.value
    return counts
