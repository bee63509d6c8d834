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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from prometheus_client import Metric
from prometheus_client.registry import Collector

import runlore
from bentos.app.database_gauges import database_families
from bentos.app.metric_family import alone, gauge, ones
from bentos.app.objective_gauges import ObjectiveReader, objective_families
from bentos.app.product_gauges import (
    advice_families,
    agent_families,
    behind_family,
    execution_families,
    forecast_families,
    health_families,
    privacy_families,
    product_families,
    trained_family,
)
from bentos.http.process_metrics import process_metrics
from bentos.predict.live_versions import Serving
from runlore.kernel.errors import Unavailable
from runlore.reports.queries.advice_gauges import AdviceGauges, read_advice_gauges
from runlore.reports.queries.agent_gauges import AgentGauges, read_agent_gauges
from runlore.reports.queries.database_health import DatabaseHealth, read_database_health
from runlore.reports.queries.execution_gauges import ExecutionGauges, read_execution_gauges
from runlore.reports.queries.forecast_gauges import ForecastGauges, read_forecast_gauges
from runlore.reports.queries.gauges import ProductGauges, read_gauges
from runlore.reports.queries.health_gauges import HealthGauges, read_health_gauges
from runlore.reports.queries.privacy_gauges import PrivacyGauges, read_privacy_gauges
from runlore.signals.actions.objectives import ObjectiveStatus
from runlore.store.engine import Store

REREAD_S = 15.0  # older numbers from the database are read again

T = TypeVar("T")

log = logging.getLogger("runlore.serving")


@dataclass(frozen=True)
class DatabaseReading:
    """What one reading gave; a part is None where it failed or took too long."""

    product: ProductGauges | None = None
    health: DatabaseHealth | None = None
    executions: ExecutionGauges | None = None
    forecasts: ForecastGauges | None = None
    objectives: Sequence[ObjectiveStatus] | None = None
    scopes: HealthGauges | None = None
    advice: AdviceGauges | None = None
    privacy: PrivacyGauges | None = None
    agents: AgentGauges | None = None


@dataclass(eq=False)  # a registry keeps it by its identity
class GaugeCollector(Collector):
    """serving: of this worker. home: whose disk is watched. actors: that are counted by name.

    objectives: of the settings.
    """

    serving: Serving
    home: Path
    actors: Sequence[str] = ()
    objectives: ObjectiveReader = field(default_factory=lambda: ObjectiveReader(()))
    clock: Callable[[], float] = time.monotonic
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _reading: DatabaseReading = field(default_factory=DatabaseReading)
    _read_at: float = -REREAD_S

    def collect(self) -> Iterable[Metric]:
        versions = (runlore.__version__, platform.python_version())
        build = gauge("build_info", "Version of Runlore and of Python", ("version", "python"))
        yield build.add(ones([versions]))
        yield from self._disk()
        yield from process_metrics()
        yield trained_family(self.serving.live)
        if self.serving.is_standalone:
            return
        reading = self._current()
        up = gauge("database_up", "Whether the last reading of the database succeeded")
        yield up.add(alone(float(reading.product is not None)))
        if reading.product is not None:
            yield from product_families(reading.product)
            yield behind_family(reading.product, self.serving.live)
        if reading.health is not None:
            yield from database_families(reading.health)
        if reading.executions is not None:
            yield from execution_families(reading.executions)
        if reading.forecasts is not None:
            yield from forecast_families(reading.forecasts)
        yield from objective_families(reading.objectives or ())
        if reading.scopes is not None:
            yield from health_families(reading.scopes)
        if reading.advice is not None:
            yield from advice_families(reading.advice)
        if reading.privacy is not None:
            yield from privacy_families(reading.privacy)
        if reading.agents is not None:
            yield from agent_families(reading.agents)

    def _current(self) -> DatabaseReading:
        """The numbers of the last reading. One thread reads at a time."""
        with self._turn:
            if self.clock() >= self._read_at + REREAD_S:
                self._reading = self._read()
                self._read_at = self.clock()
            return self._reading

    def _read(self) -> DatabaseReading:
        product = self._attempt(read_gauges)
        if product is None:
            return DatabaseReading()
        return DatabaseReading(
            product,
            self._attempt(read_database_health),
            self._attempt(lambda store: read_execution_gauges(store, self.actors)),
            self._attempt(read_forecast_gauges),
            self._attempt(self.objectives.read),
            self._attempt(read_health_gauges),
            self._attempt(read_advice_gauges),
            self._attempt(read_privacy_gauges),
            self._attempt(read_agent_gauges),
        )

    def _attempt(self, read: Callable[[Store], T]) -> T | None:
        try:
            return read(self.serving.database())
        except Exception as error:  # noqa: BLE001  (the other metrics stay readable)
            kind = "" if isinstance(error, Unavailable) else f"{type(error).__name__}: "
            log.warning("metrics: %s%s", kind, error)
            return None

    def _disk(self) -> Iterator[Metric]:
        home = self.home.absolute()
        usage = shutil.disk_usage(next(one for one in (home, *home.parents) if one.exists()))
        free, size = "Free space where RUNLORE_HOME is", "Size of the file system of RUNLORE_HOME"
        yield gauge("disk_free_bytes", free).add(alone(usage.free))
        yield gauge("disk_size_bytes", size).add(alone(usage.total))
