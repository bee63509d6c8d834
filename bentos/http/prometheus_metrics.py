"""Metrics for Prometheus: bounded in labels, and summed over all workers.

BentoML's own request metrics are off: they keep a series for every path ever asked for.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from typing import Any

import prometheus_client.openmetrics.exposition
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from bentos.http.latency_exemplars import LatencyExemplars
from bentos.http.metric_buffer import MetricBuffer

LATENCY_S = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
ROUTE_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # fewer: for each route
GROUP_REQUESTS = (1, 2, 4, 8, 16, 32, 64)
WITH_EXEMPLARS = "runlore_prediction_duration_seconds"
OPEN_METRICS = "application/openmetrics-text"


@dataclass(frozen=True)
class Metrics:
    requests: Counter
    request_duration: Histogram
    predictions: Counter
    prediction_duration: Histogram
    recorded: Counter
    outcomes: Counter
    loads: Counter
    version_lookups: Counter
    key_lookups: Counter
    state_lookups: Counter
    database_duration: Histogram
    commit_groups: Histogram
    shadow_dropped: Counter
    ledger_failures: Counter
    buffer: MetricBuffer
    exemplars: LatencyExemplars

    def answered(self, spec: str, version: str | None, status: int, rows: int = 1) -> None:
        self.buffer.count(_of(self.predictions, spec, version or "", str(status)), rows)

    def requested(self, route: str, method: str, status: int, seconds: float) -> None:
        self.buffer.count(_of(self.requests, route, method, str(status)))
        self.buffer.observe(_of(self.request_duration, route, method), seconds)

    def took(self, spec: str, form: str, seconds: float, prediction_id: str = "") -> None:
        """prediction_id: of an answer, by which it is looked up on the ledger."""
        self.buffer.observe(_of(self.prediction_duration, spec, form), seconds)
        if prediction_id:
            self.exemplars.note(spec, form, seconds, prediction_id)

    def looked_up(self, lookups: Counter, hits: int, misses: int) -> None:
        self.buffer.count(_of(lookups, "hit"), hits)
        self.buffer.count(_of(lookups, "miss"), misses)

    def used_database(self, operation: str, seconds: float) -> None:
        self.buffer.observe(_of(self.database_duration, operation), seconds)

    def grouped(self, requests: int) -> None:
        self.buffer.observe(self.commit_groups, requests)


@lru_cache(maxsize=4096)
def _of(metric: Counter | Histogram, *labels: str) -> Any:  # noqa: ANN401  (of the metric's own kind)
    return metric.labels(*labels)


@cache
def metrics() -> Metrics:
    """One set per process; not made on import, since BentoML sets up how workers share them."""
    return Metrics(
        requests=_count("requests", "Requests by route", "route", "method", "status"),
        request_duration=Histogram(
            "runlore_request_duration_seconds",
            "Time to answer a request",
            ("route", "method"),
            buckets=ROUTE_S,
        ),
        predictions=_count(
            "predictions", "Predictions and refusals, by HTTP status", "spec", "version", "status"
        ),
        prediction_duration=_latency(
            "prediction", "Time to answer a prediction request", "spec", "form"
        ),
        recorded=_count("recorded", "Facts recorded over HTTP", "what"),
        outcomes=_count("recorded_outcomes", "Outcomes recorded over HTTP, by status", "status"),
        loads=_count("version_loads", "Versions made ready, or that failed", "spec", "how"),
        version_lookups=_lookups("version_cache", "versions among those that are loaded"),
        key_lookups=_lookups("key_cache", "API keys among those that are known"),
        state_lookups=_lookups("feature_state", "histories, for single predictions"),
        database_duration=_latency(
            "database_operation",
            "Time of the database for a group of single predictions",
            "operation",
        ),
        commit_groups=Histogram(
            "runlore_commit_group_requests",
            "Requests that were answered and recorded together",
            buckets=GROUP_REQUESTS,
        ),
        shadow_dropped=_count("shadow_dropped", "Answers that the shadow did not repeat", "spec"),
        ledger_failures=_count("ledger_write_failures", "Entries that the ledger did not take"),
        buffer=MetricBuffer(),
        exemplars=LatencyExemplars(LATENCY_S),
    )


def _count(name: str, help_text: str, *labels: str) -> Counter:
    return Counter(f"runlore_{name}", help_text, labels)


def _latency(name: str, help_text: str, *labels: str) -> Histogram:
    return Histogram(f"runlore_{name}_duration_seconds", help_text, labels, buckets=LATENCY_S)


def _lookups(name: str, what: str) -> Counter:
    return _count(f"{name}_lookups", f"Lookups of {what}", "result")


def exposition(gauges: Collector, accept: str = "") -> tuple[bytes, str]:
    """All metrics of all workers in the format that a client accepts, and its content type.

    gauges: what is not counted by workers but read at each scrape. OpenMetrics has exemplars.
    """
    is_open = OPEN_METRICS in accept
    registry = CollectorRegistry()
    registry.register(_Counted(has_exemplars=is_open))
    registry.register(gauges)
    if is_open:
        writer = prometheus_client.openmetrics.exposition
        return writer.generate_latest(registry), writer.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


@dataclass(eq=False)  # a registry keeps it by its identity
class _Counted(Collector):
    has_exemplars: bool

    def collect(self) -> Iterator[Metric]:
        for metric in _of_all_workers():
            has_exemplars = self.has_exemplars and metric.name == WITH_EXEMPLARS
            yield metrics().exemplars.attach(metric) if has_exemplars else metric


def _of_all_workers() -> Iterator[Metric]:
    mine = metrics()
    mine.buffer.flush()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        yield from MultiProcessCollector(None).collect()  # type: ignore[no-untyped-call]
        return
    for field in fields(mine):
        counted = getattr(mine, field.name)
        if isinstance(counted, Counter | Histogram):
            yield from counted.collect()
