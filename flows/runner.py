"""Where mapped tasks run, and how a flow runs inside this process."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogHandler
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    temporary_settings,
)
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from runlore.settings import Settings
from runlore.stack import environment

DRAIN_S = 10.0


def task_runner(settings: Settings) -> TaskRunner[Any]:
    """Threads of this process, or a Dask cluster of processes for as long as the flow runs.

    A task costs about 20 ms in threads and 100 ms in Dask: map over specs, never over rows.
    Use it as `flow.with_options(task_runner=task_runner(settings))`.
    """
    if settings.task_runner == "threads":
        return ThreadPoolTaskRunner(max_workers=settings.workers)
    from prefect_dask import DaskTaskRunner

    cluster = {
        "n_workers": settings.workers,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": None,
    }
    runner: TaskRunner[Any] = DaskTaskRunner(cluster_kwargs=cluster)
    return runner


@contextmanager
def in_process(settings: Settings) -> Iterator[None]:
    """Flows called in the block report to the Prefect server of these settings.

    Without the heartbeat, whose thread every flow would wait for: one second each.
    At the end of the block everything is sent, every log line and every state of a task; that
    there still is something to send then is no news.
    """
    given = environment.of_prefect_clients(settings)
    changed: dict[Any, Any] = {
        PREFECT_API_URL: given["PREFECT_API_URL"],
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }
    if "PREFECT_HOME" in given:
        changed[PREFECT_HOME] = given["PREFECT_HOME"]
    logging.getLogger("EventsWorker").setLevel(logging.ERROR)
    with temporary_settings(changed):
        try:
            yield
        finally:
            EventsWorker.drain_all(timeout=DRAIN_S, at_exit=False)
            APILogHandler().flush()
