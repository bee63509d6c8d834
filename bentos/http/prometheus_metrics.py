"""Metrics for Prometheus: bounded in labels, and summed over all workers.

BentoML's own request metrics are off: they keep a series for every path ever asked for.
"""

import os
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

LATENCY_S = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


Metric = Counter | Histogram


@dataclass(frozen=True)
class Metrics:
    requests: Counter
    predictions: Counter
    latency: Histogram
    recorded: Counter
    loads: Counter
    shadow_dropped: Counter
    ledger_failures: Counter

    def answered(self, spec: str, version: str | None, status: int, rows: int = 1) -> None:
        _of(self.predictions, spec, version or "", str(status)).inc(rows)

    def requested(self, route: str, method: str, status: int) -> None:
        _of(self.requests, route, method, str(status)).inc()

    def took(self, spec: str, form: str, seconds: float) -> None:
        _of(self.latency, spec, form).observe(seconds)


@lru_cache(maxsize=4096)
def _of(metric: Metric, *labels: str) -> Any:  # noqa: ANN401  (of the metric's own kind)
    return metric.labels(*labels)


@cache
def metrics() -> Metrics:
    """One set per process; not made on import, since BentoML sets up how workers share them."""
    return Metrics(
        Counter("runlore_requests", "Requests by route", ("route", "method", "status")),
        Counter(
            "runlore_predictions",
            "Predictions and refusals, by HTTP status",
            ("spec", "version", "status"),
        ),
        Histogram(
            "runlore_prediction_seconds",
            "Time to answer a prediction request",
            ("spec", "form"),
            buckets=LATENCY_S,
        ),
        Counter("runlore_recorded", "Facts recorded over HTTP", ("what",)),
        Counter("runlore_version_loads", "Versions made ready, or that failed", ("spec", "how")),
        Counter("runlore_shadow_dropped", "Answers that the shadow did not repeat", ("spec",)),
        Counter("runlore_ledger_write_failures", "Entries that the ledger did not take"),
    )


def exposition(gauges: Collector) -> bytes:
    """All metrics of all workers, in Prometheus' text format.

    gauges: what is not counted by workers but read at each scrape.
    """
    metrics()
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        for counted in vars(metrics()).values():
            registry.register(counted)
    registry.register(gauges)
    return generate_latest(registry)
