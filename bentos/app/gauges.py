"""Gauges of the product for `/metrics`, read when somebody scrapes.

They are of the whole product, so every worker gives the same and none is added up. The database
is asked at most every REREAD_S seconds; while it is away its gauges are left out, and
`runlore_database_up` is 0.
"""

import logging
import platform
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

import runlore
from bentos.http.process_metrics import process_metrics
from bentos.predict.live_versions import Serving
from runlore.kernel.errors import Unavailable
from runlore.reports.queries.gauges import ProductGauges, read_gauges

REREAD_S = 15.0  # older numbers from the database are read again

Labels = tuple[str, ...]

log = logging.getLogger("runlore.serving")


@dataclass(eq=False)  # a registry keeps it by its identity
class GaugeCollector(Collector):
    """serving: of this worker. home: whose disk is watched."""

    serving: Serving
    home: Path
    clock: Callable[[], float] = time.monotonic
    _reading: threading.Lock = field(default_factory=threading.Lock)
    _product: ProductGauges | None = None
    _read_at: float = -REREAD_S

    def collect(self) -> Iterable[Metric]:
        yield _gauge("build_info", "Version of Runlore and of Python", ("version", "python")).add(
            {(runlore.__version__, platform.python_version()): 1}
        )
        yield from self._disk()
        yield from process_metrics()
        if self.serving.is_standalone:
            return
        product = self._current()
        up = _gauge("database_up", "Whether the last reading of the database succeeded")
        yield up.add({(): float(product is not None)})
        if product is not None:
            yield from _of_product(product)
            yield self._states_behind(product)

    def _current(self) -> ProductGauges | None:
        """The numbers of the last reading; None where it failed. One thread reads at a time."""
        with self._reading:
            if self.clock() >= self._read_at + REREAD_S:
                try:
                    self._product = read_gauges(self.serving.database())
                except Exception as error:  # noqa: BLE001  (the other metrics stay readable)
                    self._product = None
                    _log_failure(error)
                self._read_at = self.clock()
            return self._product

    def _states_behind(self, product: ProductGauges) -> Metric:
        behind = {
            (spec,): float(
                sum(h.digest in product.stale_histories for h in live.bundle.plan.histories)
            )
            for spec, live in self.serving.live.items()
        }
        help_text = "Histories of the champion's features whose states are behind the facts"
        return _gauge("states_behind", help_text, ("spec",)).add(behind)

    def _disk(self) -> Iterator[Metric]:
        home = self.home.absolute()
        usage = shutil.disk_usage(next(one for one in (home, *home.parents) if one.exists()))
        free, size = "Free space where RUNLORE_HOME is", "Size of the file system of RUNLORE_HOME"
        yield _gauge("disk_free_bytes", free).add({(): usage.free})
        yield _gauge("disk_size_bytes", size).add({(): usage.total})


class _Family(GaugeMetricFamily):
    def add(self, values: Mapping[Any, float]) -> "_Family":
        for labels, value in values.items():
            self.add_metric(labels, value)
        return self


def _gauge(name: str, help_text: str, labels: Labels = ()) -> _Family:
    return _Family(f"runlore_{name}", help_text, labels=labels)


def _of_product(product: ProductGauges) -> Iterator[Metric]:
    champions = _gauge("champion_info", "The champion of each spec", ("spec", "version"))
    yield champions.add(dict.fromkeys(product.champions.items(), 1))
    alerts = _gauge("open_alerts", "Alerts that are open", ("kind", "severity"))
    yield alerts.add(product.open_alerts)
    workers = _gauge(
        "serving_workers", "Workers in which a version answers", ("spec", "arm", "version")
    )
    yield workers.add(product.workers)
    share = _gauge("rollout_share_ratio", "Share of the challenger in the rollout", ("spec",))
    yield share.add({(one.spec,): one.share for one in product.rollouts})
    state = _gauge(
        "rollout_info", "Newest rollout, by its last decision", ("spec", "challenger", "state")
    )
    yield state.add({(one.spec, one.challenger, one.state): 1 for one in product.rollouts})
    trainings = CounterMetricFamily(
        "runlore_trainings", "Trainings by outcome", labels=("spec", "outcome")
    )
    for labels, count in product.trainings.items():
        trainings.add_metric(labels, count)
    yield trainings


def _log_failure(error: Exception) -> None:
    kind = "" if isinstance(error, Unavailable) else f"{type(error).__name__}: "
    log.warning("metrics: %s%s", kind, error)
