"""Prefect 3: asks Runlore before a flow runs, limits its time, and reports what came of it.

Ids, names and inputs are those of `runlore ingest prefect`. Whatever goes wrong with Runlore is a
line in the run's log; only `on_risk` of `skip` or `fail` keeps a flow from running.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from prefect import Flow, get_run_logger
from prefect.context import FlowRunContext
from prefect.runtime import deployment
from prefect.states import Cancelled
from prefect.utilities.timeout import timeout, timeout_async
from runlore_gate import OnRisk, ask
from runlore_http import (
    PlannedWork,
    PredictionService,
    RequestFailed,
    Value,
    service_from_environment,
)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

LEAST_TIMEOUT_S = 60.0  # A shorter one saves nothing, and a slow machine breaks it.


class RiskyRun(Exception):
    """The flow was not run: its risk is above `max_risk`."""


class LearnedTimeout(TimeoutError):
    """The flow took longer than nearly all runs like it."""


@dataclass(frozen=True)
class FlowPolicy:
    """How answers are used. timeout_level: the share of runs within a timeout; 0: set none."""

    max_risk: float = 0.5
    on_risk: OnRisk = "log"
    timeout_level: float = 0.0
    reports: bool = True


@dataclass(frozen=True)
class RunPlan:
    """skipped: the sentence why the flow is not to run."""

    timeout_s: float | None = None
    skipped: str | None = None


def watch(
    flow: Flow[Parameters, Result],
    *,
    max_risk: float = 0.5,
    on_risk: OnRisk = "log",
    timeout_level: float = 0.0,
    reports: bool = True,
) -> Flow[Parameters, Result]:
    """The flow, asked about before each run.

    on_risk: `log` runs a riskier flow all the same, `skip` cancels it, `fail` lets it fail.
    timeout_level: 0.99 ends a run that takes longer than 99 of 100, where the flow has no timeout.

    Raises TypeError for a flow that yields.
    """
    if flow.isgenerator:
        raise TypeError(f"flow {flow.name!r} yields its results; watch the flow that calls it")
    policy = FlowPolicy(max_risk, on_risk, timeout_level, reports)
    if reports:
        flow = flow.with_options(
            on_completion=[*flow.on_completion_hooks, _reported_as("succeeded")],
            on_failure=[*flow.on_failure_hooks, _reported_as("failed")],
            on_crashed=[*flow.on_crashed_hooks, _reported_as("failed")],
            on_cancellation=[*flow.on_cancellation_hooks, _reported_as("cancelled")],
        )
    else:
        flow = flow.with_options()
    flow.fn = (_watched_async if flow.isasync else _watched)(flow, policy)
    return flow


def work_of(run: Any, flow_name: str, deployment_name: str | None) -> PlannedWork:  # noqa: ANN401
    """A flow run before it starts."""
    pool, queue = run.work_pool_name, run.work_queue_name
    creator = getattr(run.created_by, "display_value", None)
    scalars: dict[str, Value] = {
        name: value
        for name, value in sorted((run.parameters or {}).items())
        if isinstance(value, str | int | float | bool)
    }
    return PlannedWork(
        actor=deployment_name or creator or "",
        kind=flow_name,
        scope="/".join(part for part in (pool, queue) if part),
        inputs=scalars,
        execution=str(run.id),
    )


def submission_of(run: Any) -> dict[str, object]:  # noqa: ANN401
    """It is submitted when it was due, and starts no earlier, as Prefect may start it early."""
    due, start = run.expected_start_time or run.created, run.start_time
    started = None if start is None else max(start, due).isoformat()
    return {"submitted": due.isoformat(), "started": started, "status": "running"}


def outcome_of(run: Any, ended: datetime) -> dict[str, object]:  # noqa: ANN401
    """Prefect adds the last attempt to `total_run_time` only after its hooks."""
    due = run.expected_start_time or run.created
    last_s = (ended - (run.start_time or ended)).total_seconds()
    run_s = run.total_run_time.total_seconds() or last_s
    measured = {"attempts": float(run.run_count), "run_s": run_s}
    return {"finished": max(ended, due).isoformat(), "outcome": measured}


def _watched(flow: Flow[..., Any], policy: FlowPolicy) -> Callable[..., Any]:
    function = flow.fn

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        plan = _plan(flow, policy)
        if plan.skipped:
            return Cancelled(message=plan.skipped)
        with timeout(plan.timeout_s, LearnedTimeout):
            return function(*args, **kwargs)

    return run


def _watched_async(flow: Flow[..., Any], policy: FlowPolicy) -> Callable[..., Any]:
    function = flow.fn

    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        plan = await asyncio.to_thread(_plan, flow, policy)
        if plan.skipped:
            return Cancelled(message=plan.skipped)
        with timeout_async(plan.timeout_s, LearnedTimeout):
            return await function(*args, **kwargs)

    return run


def _plan(flow: Flow[..., Any], policy: FlowPolicy) -> RunPlan:
    """Report the run and ask about it. Raises RiskyRun where it is not to run."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:  # called as a plain function
        return RunPlan()
    run, logger, service = context.flow_run, get_run_logger(), service_from_environment()
    try:
        work = work_of(run, flow.name, deployment.name if run.deployment_id else None)
        if policy.reports:
            _report_start(service, work, run, logger)
        decision = ask(service, work, policy.max_risk, policy.on_risk)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is no reason not to run)
        logger.warning("Runlore: %s. The flow runs as it would without it.", error)
        return RunPlan()
    (logger.warning if decision.action else logger.info)("Runlore: %s", decision.sentence)
    if decision.action == "fail":
        raise RiskyRun(decision.sentence)
    if decision.action == "skip":
        _report_end(run, "cancelled", {}, logger)
        return RunPlan(skipped=decision.sentence)
    if not policy.timeout_level or flow.timeout_seconds:
        return RunPlan()
    return RunPlan(_timeout_s(work, policy.timeout_level, logger))


def _report_start(service: PredictionService, work: PlannedWork, run: Any, logger: Any) -> None:  # noqa: ANN401
    """Raises RequestFailed where there is no service to ask either."""
    try:
        service.submit(work, **submission_of(run))
    except RequestFailed as error:
        if error.status is None:
            raise
        logger.warning("Runlore: the run was not reported: %s", error)


def _timeout_s(work: PlannedWork, level: float, logger: Any) -> float | None:  # noqa: ANN401
    try:
        duration_s = service_from_environment().quantile("duration", work, level)
    except RequestFailed as error:
        logger.info("Runlore: no timeout: %s", error)
        return None
    seconds = max(duration_s, LEAST_TIMEOUT_S)
    logger.info("Runlore: ends after %.0f s, as %g of 100 runs do", seconds, 100 * level)
    return seconds


def _reported_as(status: str) -> Callable[..., None]:
    def report_to_runlore(flow: Any, run: Any, state: Any) -> None:  # noqa: ANN401
        _report_end(run, status, outcome_of(run, state.timestamp), get_run_logger())

    return report_to_runlore


def _report_end(run: Any, status: str, fields: Mapping[str, object], logger: Any) -> None:  # noqa: ANN401
    try:
        service_from_environment().end(str(run.id), status, **fields)
    except RequestFailed as error:
        logger.warning("Runlore: the outcome was not reported: %s", error)
