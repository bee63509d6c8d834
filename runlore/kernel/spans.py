"""Spans of what this process does, for OpenTelemetry; nothing is made while tracing is off.

This module imports nothing of OpenTelemetry. `runlore.web.tracing` gives it a tracer when a
collector is named; until then `span` and `stage` return one object that does nothing.

A span is open while its block runs. A stage is shorter, and may be shared: what a group of
requests did together is measured once and becomes a span of each of them.
Attributes are ids, names and numbers of ours; nothing that a user sent is among them.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

Attributes = Mapping[str, str | int | float]

NOTHING: AbstractContextManager[None] = nullcontext()


class Span(Protocol):
    """A span that is open."""

    def note(self, **attributes: str | int | float) -> None:
        """Add attributes."""

    def add_stages(self, stages: "Stages") -> None:
        """Add what was measured as spans below this one."""


class Tracer(Protocol):
    """What makes spans."""

    def open_span(
        self, name: str, attributes: Attributes, remote: Mapping[str, str] | None
    ) -> AbstractContextManager[Span]:
        """remote: headers of a request, which may name a trace to go on with; None: no request."""


@dataclass(slots=True)
class Stages:
    """What was measured: name, begin and end in nanoseconds since 1970."""

    measured: list[tuple[str, int, int]] = field(default_factory=list)


_tracer: Tracer | None = None
_span: ContextVar[Span | None] = ContextVar("span", default=None)
_stages: ContextVar[Stages | None] = ContextVar("stages", default=None)


def trace_with(tracer: Tracer | None) -> None:
    """Make spans with this tracer from now on; None: make none."""
    global _tracer  # noqa: PLW0603  (one tracer per process, as in OpenTelemetry itself)
    _tracer = tracer


def is_tracing() -> bool:
    return _tracer is not None


def span(
    name: str, attributes: Attributes | None = None, remote: Mapping[str, str] | None = None
) -> AbstractContextManager[Span | None]:
    """A span for as long as the block runs, below the one that is open."""
    return NOTHING if _tracer is None else _opened(_tracer, name, attributes or {}, remote)


@contextmanager
def _opened(
    tracer: Tracer, name: str, attributes: Attributes, remote: Mapping[str, str] | None
) -> Iterator[Span]:
    with tracer.open_span(name, attributes, remote) as opened:
        token = _span.set(opened)
        try:
            yield opened
        finally:
            _span.reset(token)


def current_span() -> Span | None:
    """The innermost open span; None while tracing is off."""
    return None if _tracer is None else _span.get()


def note_span(**attributes: str | int | float) -> None:
    """Add attributes to the innermost open span, if there is one."""
    opened = current_span()
    if opened is not None:
        opened.note(**attributes)


def stage(name: str) -> AbstractContextManager[None]:
    """Measure the block as a stage of what `collected` collects."""
    return NOTHING if _tracer is None else _measured(name)


@contextmanager
def _measured(name: str) -> Iterator[None]:
    stages = _stages.get()
    began = time.time_ns()
    try:
        yield
    finally:
        if stages is not None:
            stages.measured.append((name, began, time.time_ns()))


def collected() -> AbstractContextManager[Stages | None]:
    """Collect the stages within the block, for the spans of all who wait for it."""
    return NOTHING if _tracer is None else _collected()


@contextmanager
def _collected() -> Iterator[Stages]:
    stages = Stages()
    token = _stages.set(stages)
    try:
        yield stages
    finally:
        _stages.reset(token)


def stages_of(opened: Span | None) -> AbstractContextManager[Stages | None]:
    """Collect the stages within the block, and add them to a span at its end."""
    return NOTHING if opened is None else _added_to(opened)


@contextmanager
def _added_to(opened: Span) -> Iterator[Stages]:
    with _collected() as stages:
        try:
            yield stages
        finally:
            opened.add_stages(stages)
