"""One App per flow run: opened once, shared by tasks and inner flows, gone when the flow ends."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest

from flows.experiments import ab
from runlore.alerts.actions import handling
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.app import App, open_app
from runlore.kernel.errors import Unavailable
from runlore.kernel.instants import now
from runlore.settings import Settings
from runlore.store import embedded, engine
from runlore.store.engine import Store
from tasks import edge
from tasks.edge import flow_app, lent, task_app
from tests.alerts.receivers import Web, http_server


def used() -> App:
    with task_app() as app:
        return app


def test_tasks_and_inner_flows_use_the_app_of_the_flow(settings: Settings) -> None:
    with flow_app() as outer:
        assert used() is outer
        with flow_app() as inner:
            assert inner is outer
            assert used() is outer
        assert used() is outer, "an inner flow does not take it away"
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(copy_context().run, used).result() is outer


def test_flows_use_the_app_that_a_command_has_lent_and_leave_it_open(settings: Settings) -> None:
    with open_app(settings) as own:
        with lent(own):
            with flow_app() as first:
                assert first is own
                assert used() is own
                connection_pool = own.store
            with flow_app() as second:
                assert second is own
            assert own.store is connection_pool, "a flow's end does not close it"
        with flow_app() as other:
            assert other is not own


def test_alerts_raised_in_a_flow_are_delivered_once_when_it_ends_and_logged(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    log = SimpleNamespace(info=lambda text, *values: logged.append(text % values))
    monkeypatch.setattr(edge, "get_run_logger", lambda: log)
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    finding = AlertFinding("drift", "duration", Severity.WARNING, "it moved", "sure", "look")
    with http_server(Web()) as web:
        channel = {"kind": "webhook", "url": f"{web.url}/hooks/hush"}
        monkeypatch.setenv("RUNLORE_ALERT_CHANNELS", json.dumps({"ops": channel}))
        with flow_app(), flow_app() as inner, inner.store.begin() as connection:
            handling.raise_alert(connection, finding, now())
        assert [one.body["event"] for one in web.taken] == ["opened"]
    assert logged == ["alert 1 opened to ops: arrived"]


def test_a_flow_reads_the_settings_as_they_are_when_it_begins(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with flow_app() as app:
        assert app.settings.workers == settings.workers
    monkeypatch.setenv("RUNLORE_WORKERS", "3")
    with flow_app() as app:
        assert used().settings.workers == 3


def test_a_task_without_a_flow_has_an_app_of_its_own(settings: Settings) -> None:
    assert used() is not used()


def test_after_a_database_was_away_the_next_try_opens_it_anew(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    with flow_app() as app:
        first = app.store
        with pytest.raises(Unavailable), task_app():
            raise Unavailable("the server has died")
        assert app.store is not first


def test_a_worker_process_of_a_flow_elsewhere_opens_one_app_and_closes_it_when_it_ends(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_exit: list[Callable[[], None]] = []
    run = SimpleNamespace(detached=True, flow_run=SimpleNamespace(id=uuid4()))
    monkeypatch.setattr(edge.FlowRunContext, "get", lambda: run)
    monkeypatch.setattr(edge.atexit, "register", at_exit.append)
    app = used()
    assert used() is app
    (close,) = at_exit
    app.hold_embedded_server()
    close()
    assert not embedded.state(settings.home).is_running


@pytest.mark.slow
def test_a_flow_run_opens_the_store_once_and_gives_the_server_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    open_store = engine.open_store

    @contextmanager
    def watched(settings: Settings) -> Iterator[Store]:
        with open_store(settings) as store:
            opened.append(store)
            yield store

    monkeypatch.setattr(engine, "open_store", watched)
    assert ab() == {}
    assert len(opened) == 1
    assert not embedded.state(home).is_running
