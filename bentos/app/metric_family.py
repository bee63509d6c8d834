"""Families of metrics that are read at a scrape and not counted by workers."""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

Labels = tuple[str, ...]


class GaugeFamily(GaugeMetricFamily):
    def add(self, values: Mapping[Any, float]) -> "GaugeFamily":
        """values: by the values of the labels."""
        for labels, value in values.items():
            self.add_metric(labels, value)
        return self


class CounterFamily(CounterMetricFamily):
    def add(self, values: Mapping[Any, float]) -> "CounterFamily":
        """values: by the values of the labels."""
        for labels, value in values.items():
            self.add_metric(labels, value)
        return self


def gauge(name: str, help_text: str, labels: Labels = ()) -> GaugeFamily:
    return GaugeFamily(f"runlore_{name}", help_text, labels=labels)


def counter(name: str, help_text: str, labels: Labels = ()) -> CounterFamily:
    return CounterFamily(f"runlore_{name}", help_text, labels=labels)


def alone(value: float | None) -> Mapping[Labels, float]:
    """The one value of a family without labels; none where it is not known."""
    return {} if value is None else {(): value}


def ones(labels: Iterable[Labels]) -> Mapping[Labels, float]:
    """For a family whose labels say all."""
    return dict.fromkeys(labels, 1.0)
