"""Spans of flow runs and their tasks, with the spec that they are about."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from prefect.context import FlowRunContext, TaskRunContext

from runlore.kernel.log_lines import log_fields
from runlore.kernel.spans import is_tracing, span
from runlore.settings import Settings
from runlore.web.tracing import flush_traces, start_tracing


@contextmanager
def flow_span(settings: Settings | None = None) -> Iterator[None]:
    """The span of the flow run under way; settings: of the outermost flow, whose traces are sent
    at its end."""
    if settings is not None:
        start_tracing("flow", settings.otlp_url)
    run = FlowRunContext.get()
    if run is None or run.flow is None or run.flow_run is None:
        yield
        return
    fields = _spec_of(run.parameters or {})
    run_id = {"flow_run_id": str(run.flow_run.id)}
    try:
        with ExitStack() as stack:
            stack.enter_context(log_fields(**fields))
            if is_tracing():
                stack.enter_context(span(f"flow {run.flow.name}", {**fields, **run_id}))
            yield
    finally:
        if settings is not None:
            flush_traces()


@contextmanager
def task_span() -> Iterator[None]:
    """The span of the task run under way."""
    run = TaskRunContext.get()
    if run is None:
        yield
        return
    fields = _spec_of(run.parameters)
    with ExitStack() as stack:
        stack.enter_context(log_fields(**fields))
        if is_tracing():
            stack.enter_context(span(f"task {run.task.name}", fields))
        yield


def _spec_of(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Of a run's parameters only the name of the spec, which is ours; others a person may write."""
    spec = parameters.get("spec")
    if isinstance(spec, str):
        return {"spec": spec}
    extracted = parameters.get("extracted")
    name = getattr(getattr(extracted, "spec", None), "name", None)
    return {"spec": name} if isinstance(name, str) else {}
