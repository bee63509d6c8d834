"""The edge of flow runs: one `App` per flow run, used by all of its tasks and inner flows."""

import atexit
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from threading import Lock
from uuid import UUID

from prefect import get_run_logger
from prefect.context import FlowRunContext

from runlore.alerts.actions.delivery import Attempt
from runlore.app import App, open_app
from runlore.kernel.errors import Unavailable
from tasks.spans import flow_span, task_span

_app_of_flow: ContextVar[App | None] = ContextVar("app_of_flow", default=None)
_lent_app: ContextVar[App | None] = ContextVar("lent_app", default=None)
_apps_of_worker: dict[UUID, App] = {}
_opening = Lock()


@contextmanager
def lent(app: App) -> Iterator[None]:
    """Flows called in the block use an App that a command has opened already, and closes."""
    token = _lent_app.set(app)
    try:
        yield
    finally:
        _lent_app.reset(token)


def _opened() -> AbstractContextManager[App]:
    app = _lent_app.get()
    return open_app() if app is None else nullcontext(app)


@contextmanager
def flow_app() -> Iterator[App]:
    """The App of this flow run; an inner flow uses that of the flow around it.

    When the outermost flow ends, the alerts that it raised are delivered and the App is closed,
    unless a command has lent it: so nothing stays open, and no settings stay valid. What cannot be
    sent, the dispatcher sends later.
    """
    outer = _app_of_flow.get()
    if outer is not None:
        with flow_span():
            yield outer
        return
    with _opened() as app, flow_span(app.settings):
        token = _app_of_flow.set(app)
        try:
            yield app
        finally:
            _app_of_flow.reset(token)
            _log(app.deliver_alerts())


def _log(attempts: Sequence[Attempt]) -> None:
    for attempt in attempts:
        outcome = attempt.error or "arrived"
        get_run_logger().info(
            "alert %d %s to %s: %s", attempt.alert, attempt.event, attempt.channel, outcome
        )


@contextmanager
def task_app() -> Iterator[App]:
    """The App of the flow run that a task belongs to; a task without a flow has one of its own.

    After an error that says that the database is away, the next try opens everything anew: an
    embedded server that has died is started again.
    """
    app = _app_of_flow.get() or _app_of_worker()
    if app is None:
        with open_app() as own, task_span():
            yield own
        return
    try:
        with task_span():
            yield app
    except Unavailable:
        app.reopen()
        raise


def _app_of_worker() -> App | None:
    """The App of a worker process of a flow that runs in another process, such as one of Dask's.

    It is opened once and closed when the process ends. None: this task belongs to no such flow.
    """
    run = FlowRunContext.get()
    if run is None or run.flow_run is None or not run.detached:
        return None
    with _opening:
        app = _apps_of_worker.get(run.flow_run.id)
        if app is None:
            lasting = ExitStack()
            app = _apps_of_worker[run.flow_run.id] = lasting.enter_context(open_app())
            atexit.register(lasting.close)
        return app
