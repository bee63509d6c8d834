"""Answers of Prometheus to range queries, and the windows in which they are asked for."""

from collections.abc import Iterator, Mapping
from typing import Any

from runlore.ingest.rules.points.batch import PointBatch, PointCollector, SeriesIdentity, SeriesKind
from runlore.ingest.rules.points.names import identify
from runlore.kernel.errors import BadInput

MOST_POINTS = 10_000  # of a series in one answer; Prometheus refuses 11,001
SECOND_US = 1_000_000
COUNTERS = ("_total", "_count", "_sum", "_bucket")


def windows(start_s: int, end_s: int, step_s: int) -> Iterator[tuple[int, int]]:
    """First and last second of each request, on multiples of the step: asked again, the same.

    >>> list(windows(5, 36_000_011, 3_600))
    [(3600, 36000000)]
    >>> [last - first for first, last in windows(0, 20_000, 1)]
    [9999, 9999, 0]
    """
    first, last = -(-start_s // step_s) * step_s, end_s // step_s * step_s
    while first <= last:
        until = min(first + (MOST_POINTS - 1) * step_s, last)
        yield first, until
        first = until + step_s


def parse_matrix(answer: Any, query: str) -> PointBatch:  # noqa: ANN401  (JSON)
    """The points of an answer. A series without a name is named by the query.

    Raises BadInput where it is not the answer to a range query.
    """
    points = PointCollector()
    try:
        if answer["data"]["resultType"] != "matrix":
            raise BadInput(f"query: the answer is a {answer['data']['resultType']!r:.40}", "query")
        for series in answer["data"]["result"]:
            if series.get("histograms"):
                points.reject("histograms: native histograms are not kept", str(series["metric"]))
            pairs = series.get("values", [])
            at_us = [round(float(at) * 1_000) * 1_000 for at, _ in pairs]
            points.add(_named(series["metric"], query), at_us, [float(text) for _, text in pairs])
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise BadInput("url: the answer is not one of Prometheus to a query", "url") from error
    return points.batch()


def _named(labels: Mapping[str, str], query: str) -> SeriesIdentity:
    metric = labels.get("__name__", "")
    kind: SeriesKind = "counter" if metric.endswith(COUNTERS) else "gauge"
    rest = {label: value for label, value in labels.items() if label != "__name__"}
    return identify(metric or query, rest, "", kind)
