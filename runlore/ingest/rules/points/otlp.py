"""Metrics of OTLP, as protobuf and as JSON.

Source: opentelemetry.io/docs/specs/otlp and …/specs/otel/metrics/data-model.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from runlore.ingest.rules.points.batch import PointBatch, PointCollector, SeriesKind
from runlore.ingest.rules.points.names import identify
from runlore.ingest.rules.points.wire import TooManyBytes
from runlore.kernel.errors import BadInput

MOST_BYTES = 4 << 20  # of a body after decompression; messages take many times that in memory
DEEPEST = 50
NS_US = 1_000
DELTA, CUMULATIVE = 1, 2
NO_VALUE = 1  # a flag of points
# Others change with every restart, such as process.pid, and would make each restart a new series.
RESOURCE_LABELS = (
    *("service.namespace", "service.name", "host.name", "deployment.environment.name"),
    *("k8s.cluster.name", "k8s.namespace.name", "k8s.pod.name"),
)
SCALARS = ("string_value", "bool_value", "int_value", "double_value")
NO_DELTAS = (
    "aggregation_temporality: deltas cannot be added up when points come late or twice; set"
    " OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative"
)
NOT_SCALAR = "attributes: only text, numbers, true and false are taken"

Labels = dict[str, str]


def parse_otlp(body: bytes, *, is_json: bool) -> PointBatch:
    """The points of an export request.

    Gauges, sums, and the counts and sums of histograms and summaries. Raises BadInput where the
    body cannot be read, TooManyBytes above MOST_BYTES.
    """
    if len(body) > MOST_BYTES:
        raise TooManyBytes(f"body: {len(body):,} bytes; at most {MOST_BYTES:,} are taken", "body")
    request = _from_json(body) if is_json else _from_protobuf(body)
    points = PointCollector()
    for resource_metrics in request.resource_metrics:
        resource = _resource_labels(resource_metrics.resource.attributes)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                _Reader(points, metric, resource).read()
    return points.batch()


def response(rejected: int, message: str, *, is_json: bool) -> bytes:
    """What an exporter is answered. rejected: points; 0 with a message is a warning."""
    said = ExportMetricsServiceResponse()
    if rejected or message:
        said.partial_success.rejected_data_points = rejected
        said.partial_success.error_message = message
    text: str | bytes = json_format.MessageToJson(said, indent=None) if is_json else b""
    return text.encode() if isinstance(text, str) else bytes(said.SerializeToString())


class _Reader:
    """Takes the points of one metric."""

    def __init__(self, points: PointCollector, metric: Any, resource: Labels) -> None:  # noqa: ANN401
        self.points, self.metric, self.resource = points, metric, resource

    def read(self) -> None:
        what = self.metric.WhichOneof("data")
        if what is None:
            return
        data = getattr(self.metric, what)
        temporality = getattr(data, "aggregation_temporality", CUMULATIVE)
        if temporality != CUMULATIVE:
            reason = NO_DELTAS if temporality == DELTA else "aggregation_temporality: unspecified"
            self.points.reject(reason, self.metric.name, len(data.data_points))
        elif what in ("gauge", "sum"):
            is_counter = what == "sum" and data.is_monotonic
            self._numbers(data.data_points, "counter" if is_counter else "gauge")
        else:
            self._totals(data.data_points)

    def _numbers(self, data_points: Iterable[Any], kind: SeriesKind) -> None:
        for point in data_points:
            value = point.WhichOneof("value")
            self._take(point, "", kind, None if value is None else float(getattr(point, value)))

    def _totals(self, data_points: Iterable[Any]) -> None:
        """The count and the sum of a distribution, which give its rate and its mean."""
        for point in data_points:
            self._take(point, "_count", "counter", float(point.count))
            if not point.DESCRIPTOR.fields_by_name["sum"].has_presence or point.HasField("sum"):
                self._take(point, "_sum", "counter", point.sum)

    def _take(
        self,
        point: Any,  # noqa: ANN401
        ending: str,
        kind: SeriesKind,
        value: float | None,
    ) -> None:
        if point.flags & NO_VALUE or value is None:
            self.points.markers += 1
            return
        labels = _labels(point.attributes)
        if labels is None:
            self.points.reject(NOT_SCALAR, self.metric.name)
            return
        unit = "" if ending == "_count" else self.metric.unit
        named = identify(self.metric.name + ending, self.resource | labels, unit, kind)
        self.points.add(named, [point.time_unix_nano // NS_US], [value])


def _labels(attributes: Iterable[Any]) -> Labels | None:
    labels: Labels = {}
    for attribute in attributes:
        kind = attribute.value.WhichOneof("value")
        if kind not in SCALARS:
            return None
        value = getattr(attribute.value, kind)
        labels[attribute.key] = str(value).lower() if kind == "bool_value" else str(value)
    return labels


def _resource_labels(attributes: Iterable[Any]) -> Labels:
    return _labels(one for one in attributes if one.key in RESOURCE_LABELS) or {}


def _from_protobuf(body: bytes) -> Any:  # noqa: ANN401
    try:
        return ExportMetricsServiceRequest.FromString(body)
    except DecodeError as error:
        raise BadInput("body: not an ExportMetricsServiceRequest of protobuf", "body") from error


def _from_json(body: bytes) -> Any:  # noqa: ANN401
    try:
        document = json.loads(body, object_hook=_without_exemplars)
        return json_format.ParseDict(
            document,
            ExportMetricsServiceRequest(),
            ignore_unknown_fields=True,
            max_recursion_depth=DEEPEST,
        )
    except RecursionError as error:
        raise BadInput("body: nested too deeply", "body") from error
    except (json_format.ParseError, ValueError, TypeError, AttributeError) as error:
        said = " ".join(str(error).split())[:200]
        raise BadInput(f"body: not OTLP metrics as JSON: {said}", "body") from error


def _without_exemplars(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Their ids are hexadecimal, which JSON of protobuf does not know; they are not kept."""
    return {name: value for name, value in fields.items() if name != "exemplars"}
