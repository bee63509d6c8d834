"""Spans to an OpenTelemetry collector, by OTLP over HTTP with protobuf.

The packages of OpenTelemetry's own exporter are not among ours; the messages are
(`opentelemetry-proto`), and so is the SDK that batches spans and sends them in a thread.
"""

import logging
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from runlore.web.otlp_settings import headers_of

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.trace.v1 import trace_pb2
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans
    from opentelemetry.sdk.trace import ReadableSpan

TIMEOUT_S = 5.0  # to send one batch; a batch that fails is dropped

log = logging.getLogger("runlore.traces")


class OtlpExporter(SpanExporter):
    """Sends batches; it says once that the collector is away, and once that it is back."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._headers = {"Content-Type": "application/x-protobuf", **headers_of(os.environ)}
        self._is_away = False

    def export(self, spans: "Sequence[ReadableSpan]") -> SpanExportResult:
        request = urllib.request.Request(  # noqa: S310  (an address that the operator named)
            self._endpoint, encode(spans), self._headers, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
                response.read()
        except (OSError, ValueError) as error:
            if not self._is_away:
                log.warning("traces are dropped: %s: %s", self._endpoint, error)
            self._is_away = True
            return SpanExportResult.FAILURE
        if self._is_away:
            log.warning("traces are sent again to %s", self._endpoint)
        self._is_away = False
        return SpanExportResult.SUCCESS


def encode(spans: "Sequence[ReadableSpan]") -> bytes:
    """An `ExportTraceServiceRequest`, with all spans of one process."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest(resource_spans=_resource_spans(spans))
    return bytes(message.SerializeToString())


def _resource_spans(spans: "Sequence[ReadableSpan]") -> "list[ResourceSpans]":
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

    if not spans:
        return []
    scope = ScopeSpans(
        scope=InstrumentationScope(name="runlore"), spans=[_message(one) for one in spans]
    )
    resource = Resource(attributes=_attributes(spans[0].resource.attributes))
    return [ResourceSpans(resource=resource, scope_spans=[scope])]


def _message(span: "ReadableSpan") -> "trace_pb2.Span":
    from opentelemetry.proto.trace.v1 import trace_pb2

    context = span.get_span_context()
    assert context is not None  # noqa: S101  (of every span that has ended)
    return trace_pb2.Span(
        trace_id=context.trace_id.to_bytes(16, "big"),
        span_id=context.span_id.to_bytes(8, "big"),
        parent_span_id=span.parent.span_id.to_bytes(8, "big") if span.parent else b"",
        trace_state=context.trace_state.to_header(),
        name=span.name,
        kind=trace_pb2.Span.SpanKind.ValueType(span.kind.value + 1),  # the SDK counts from 0
        start_time_unix_nano=span.start_time or 0,
        end_time_unix_nano=span.end_time or 0,
        attributes=_attributes(span.attributes or {}),
        status=trace_pb2.Status(
            code=trace_pb2.Status.StatusCode.ValueType(span.status.status_code.value)
        ),
    )


def _attributes(values: Mapping[str, object]) -> "list[KeyValue]":
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    def as_any(value: object) -> AnyValue:
        if isinstance(value, bool):
            return AnyValue(bool_value=value)
        if isinstance(value, int):
            return AnyValue(int_value=value)
        if isinstance(value, float):
            return AnyValue(double_value=value)
        return AnyValue(string_value=str(value))

    return [KeyValue(key=key, value=as_any(value)) for key, value in values.items()]
