"""A plugin of Airflow 2.10 and 3: asks Runlore before each task, and reports what came of it.

The worker calls it when a task starts and when it ends. Whatever goes wrong with Runlore is a line
in the task's log; only a policy of `skip` or `fail` keeps a task from running.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, ClassVar, TypeVar

import airflow
from airflow.plugins_manager import AirflowPlugin
from pluggy import HookimplMarker
from runlore_gate import GateDecision, ask
from runlore_http import PlannedWork, PredictionService, RequestFailed, service_from_environment
from runlore_tasks import (
    TaskPolicy,
    execution_id,
    is_resumed,
    is_watched,
    outcome_of,
    policy_of,
    submission_of,
    timeout_of,
    work_of,
)

try:
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
except ImportError:  # Airflow 2
    from airflow.exceptions import AirflowFailException, AirflowSkipException

IS_AIRFLOW_2 = airflow.__version__.startswith("2.")
Hook = TypeVar("Hook", bound=Callable[..., None])
hookimpl: Callable[[Hook], Hook] = HookimplMarker("airflow")
logger = logging.getLogger("runlore")


class RunloreListener:
    """What the worker calls. Settings are read for each task, so they need no restart."""

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:  # noqa: ANN401
        if not is_watched(getattr(task_instance, "task", None)) or is_resumed(task_instance):
            return
        try:
            policy = policy_of(os.environ)
            decision = _ask(service_from_environment(), task_instance, policy)
        except Exception as error:  # noqa: BLE001  (Airflow 2 fails the task of a failing listener)
            logger.warning("Runlore: %s. The task runs as it would without it.", _said(error))
            return
        if decision.action not in ("skip", "fail"):
            write = logger.info if decision.action is None else logger.warning
            write("Runlore: %s", decision.sentence)
        elif IS_AIRFLOW_2:
            _refuse(decision, task_instance)
        else:  # Airflow 3 logs what a listener raises, and runs the task.
            task_instance.task.pre_execute = _refusing(decision, task_instance)

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:  # noqa: ANN401
        _report_end(task_instance, "succeeded")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any) -> None:  # noqa: ANN401
        _report_end(task_instance, "failed")

    if not IS_AIRFLOW_2:

        @hookimpl
        def on_task_instance_skipped(self, task_instance: Any) -> None:  # noqa: ANN401
            _report_end(task_instance, "cancelled")


class RunlorePlugin(AirflowPlugin):  # type: ignore[misc]
    name = "runlore"
    listeners: ClassVar[list[Any]] = [RunloreListener()]


def _ask(service: PredictionService, instance: Any, policy: TaskPolicy) -> GateDecision:  # noqa: ANN401
    """Report the task, ask about it, and set its timeout. Raises RequestFailed."""
    work = work_of(instance)
    if policy.reports:
        _report_start(service, instance, work)
    decision = ask(service, work, policy.max_risk, policy.on_risk)
    if policy.timeout_level and instance.task.execution_timeout is None:
        _set_timeout(service, instance, policy.timeout_level)
    return decision


def _report_start(service: PredictionService, instance: Any, work: PlannedWork) -> None:  # noqa: ANN401
    """Raises RequestFailed where there is no service to ask either."""
    try:
        service.submit(work, **submission_of(instance))
    except RequestFailed as error:
        if error.status is None:
            raise
        logger.warning("Runlore: the task was not reported: %s", error)


def _set_timeout(service: PredictionService, instance: Any, level: float) -> None:  # noqa: ANN401
    try:
        timeout = timeout_of(service.quantile("duration", work_of(instance), level))
    except RequestFailed as error:
        logger.info("Runlore: no execution_timeout: %s", error)
        return
    instance.task.execution_timeout = timeout
    logger.info("Runlore: execution_timeout=%s, as %g of 100 runs end before", timeout, 100 * level)


def _refuse(decision: GateDecision, instance: Any) -> None:  # noqa: ANN401
    """Raises what lets Airflow skip the task, or fail it without another try."""
    if decision.action == "skip":
        if IS_AIRFLOW_2:  # which tells no listener of it
            _report_end(instance, "cancelled")
        raise AirflowSkipException(f"Runlore: {decision.sentence}")
    raise AirflowFailException(f"Runlore: {decision.sentence}")


def _refusing(decision: GateDecision, instance: Any) -> Callable[[Any], None]:  # noqa: ANN401
    def pre_execute(context: Any) -> None:  # noqa: ANN401
        _refuse(decision, instance)

    return pre_execute


def _report_end(instance: Any, status: str) -> None:  # noqa: ANN401
    try:
        if not is_watched(getattr(instance, "task", None)) or not policy_of(os.environ).reports:
            return
        fields = outcome_of(instance, datetime.now(timezone.utc))
        service_from_environment().end(execution_id(instance), status, **fields)
    except Exception as error:  # noqa: BLE001  (as above)
        logger.warning("Runlore: the outcome was not reported: %s", _said(error))


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, (RequestFailed, ValueError)) else repr(error)
