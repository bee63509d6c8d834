"""Exemplars of the latency of predictions: the id of the newest prediction of each bucket.

prometheus_client has no exemplars where several processes count together, so this process keeps
its own. A scrape shows those of the worker that it reaches; the counts are those of all workers.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import time

from prometheus_client import Metric
from prometheus_client.samples import Exemplar, Sample

LABEL = "prediction_id"


@dataclass
class LatencyExemplars:
    """buckets: the upper bounds of the histogram, in seconds. One per spec, form and bucket."""

    buckets: Sequence[float]
    _newest: dict[tuple[str, str, int], tuple[str, float, float]] = field(default_factory=dict)

    def note(self, spec: str, form: str, seconds: float, prediction_id: str) -> None:
        bucket = bisect_left(self.buckets, seconds)
        self._newest[spec, form, bucket] = (prediction_id, seconds, time())

    def attach(self, metric: Metric) -> Metric:
        """The metric with an exemplar on each bucket that has one."""
        with_exemplars = Metric(metric.name, metric.documentation, metric.type)
        with_exemplars.samples = list(self._attached(metric.samples))
        return with_exemplars

    def _attached(self, samples: Sequence[Sample]) -> Iterator[Sample]:
        index = {bound: at for at, bound in enumerate((*self.buckets, float("inf")))}
        for sample in samples:
            labels = sample.labels
            at = index.get(float(labels.get("le", "nan")), -1)
            newest = self._newest.get((labels["spec"], labels["form"], at))
            if newest is None:
                yield sample
            else:
                prediction_id, seconds, noted_at = newest
                yield sample._replace(
                    exemplar=Exemplar({LABEL: prediction_id}, seconds, round(noted_at, 3))
                )
