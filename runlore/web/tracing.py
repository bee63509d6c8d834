"""OpenTelemetry in this process: on when a collector is named, and not even imported otherwise."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runlore.kernel import spans
from runlore.kernel.log_lines import log_fields
from runlore.kernel.redaction import hide
from runlore.web.otlp_settings import headers_of, traces_endpoint

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    from runlore.kernel.spans import Attributes, Stages

FLUSH_MS = 2_000  # a process that ends waits at most so long for the collector
PREFIX = "runlore."

_starting = threading.Lock()
_provider: "TracerProvider | None" = None


def start_tracing(service: str, endpoint: str | None) -> bool:
    """Send traces from now on, if our setting or OpenTelemetry's own variables name a collector.

    Called again it changes nothing. Returns whether traces are sent.
    """
    global _provider  # noqa: PLW0603  (one provider per process, as in OpenTelemetry itself)
    address = traces_endpoint(endpoint, os.environ)
    with _starting:
        if address is None or _provider is not None:
            return _provider is not None
        hide(*headers_of(os.environ).values())
        _provider = _make_provider(service, address)
        spans.trace_with(OtelTracer(_provider))
    return True


def flush_traces() -> None:
    """Send what waits, as a flow run does when it ends."""
    if _provider is not None:
        _provider.force_flush(FLUSH_MS)


def stop_tracing() -> None:
    """Send what waits, and make no spans any more."""
    global _provider
    with _starting:
        provider, _provider = _provider, None
        spans.trace_with(None)
    if provider is not None:
        provider.force_flush(FLUSH_MS)
        threading.Thread(target=provider.shutdown, daemon=True).start()


def _make_provider(service: str, address: str) -> "TracerProvider":
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    import runlore
    from runlore.web.otlp import OtlpExporter

    attributes = {"service.name": f"runlore-{service}", "service.version": runlore.__version__}
    provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OtlpExporter(address)))
    return provider


class OtelTracer:
    """Makes spans by OpenTelemetry's SDK."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = provider.get_tracer("runlore")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def open_span(
        self, name: str, attributes: "Attributes", remote: Mapping[str, str] | None
    ) -> "Iterator[OpenSpan]":
        from opentelemetry import context
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

        parent = self._propagator.extract(remote) if remote else None
        kind = SpanKind.INTERNAL if remote is None else SpanKind.SERVER
        span = self._tracer.start_span(
            name, context=parent, kind=kind, attributes=_named(attributes)
        )
        token = context.attach(set_span_in_context(span))
        try:
            with log_fields(trace_id=f"{span.get_span_context().trace_id:032x}"):
                yield OpenSpan(self._tracer, span)
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR))
            span.set_attribute("error.type", type(error).__name__)
            raise
        finally:
            context.detach(token)
            span.end()


class OpenSpan:
    """A span of OpenTelemetry that is open."""

    def __init__(self, tracer: Any, span: "trace.Span") -> None:  # noqa: ANN401
        self._tracer = tracer
        self._span = span

    def note(self, **attributes: str | int | float) -> None:
        self._span.set_attributes(_named(attributes))

    def add_stages(self, stages: "Stages") -> None:
        """A child for each; the span may have ended already."""
        from opentelemetry.trace import set_span_in_context

        parent = set_span_in_context(self._span)
        for name, began, ended in stages.measured:
            self._tracer.start_span(name, context=parent, start_time=began).end(ended)


def _named(attributes: "Attributes") -> dict[str, str | int | float]:
    """Names of OpenTelemetry's own conventions have a dot already; ours get a prefix.

    >>> _named({"http.route": "/x", "spec": "duration"})
    {'http.route': '/x', 'runlore.spec': 'duration'}
    """
    return {name if "." in name else f"{PREFIX}{name}": value for name, value in attributes.items()}
