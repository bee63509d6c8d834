"""Where mapped tasks run, and how a flow runs inside this process."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.client.schemas.objects import State
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogHandler
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    temporary_settings,
)
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from runlore.kernel.errors import RunloreError
from runlore.settings import Settings
from runlore.stack import environment

DRAIN_S = 10.0
ANY_PORT = "127.0.0.1:0"  # for Dask's pages: by default two flows at once want the same port
NO_PAGES: dict[str, list[str]] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


def task_runner(settings: Settings) -> TaskRunner[Any]:
    """Threads of this process, or a Dask cluster of processes for as long as the flow runs.

    A task costs about 20 ms in threads and 100 ms in Dask: map over specs, never over rows.
    Use it as `flow.with_options(task_runner=task_runner(settings))`. Dask's ports speak TLS and
    want a certificate that is generated for this cluster; its pages, which ask nobody, are off.
    """
    if settings.task_runner == "threads":
        return ThreadPoolTaskRunner(max_workers=settings.workers)
    import dask
    from prefect_dask import DaskTaskRunner

    dask.config.set(NO_PAGES)
    cluster = {
        "n_workers": settings.workers,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": ANY_PORT,
        "security": True,
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
    variables = environment.of_prefect_clients(settings)
    changed: dict[Any, Any] = {
        PREFECT_API_URL: variables["PREFECT_API_URL"],
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }
    if "PREFECT_HOME" in variables:
        changed[PREFECT_HOME] = variables["PREFECT_HOME"]
    login = environment.login_of_prefect_clients(settings)
    if login:
        changed[PREFECT_API_AUTH_STRING] = login[environment.PREFECT_CLIENT_LOGIN]
    logging.getLogger("EventsWorker").setLevel(logging.ERROR)
    terse = ToldInOneLine()
    with temporary_settings(changed):
        for name in RUN_LOGGERS:
            logging.getLogger(name).addFilter(terse)
        try:
            yield
        finally:
            for name in RUN_LOGGERS:
                logging.getLogger(name).removeFilter(terse)
            EventsWorker.drain_all(timeout=DRAIN_S, at_exit=False)
            APILogHandler().flush()


def result_of(state: State[Any]) -> Any:  # noqa: ANN401
    """What a flow called with `return_state=True` gave; what it raised is raised here."""
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


class ToldInOneLine(logging.Filter):
    """Leaves the stack trace out for an error that Runlore raised on purpose."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], RunloreError):
            record.exc_info = record.exc_text = None
        return True
