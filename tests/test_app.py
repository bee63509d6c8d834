"""What a process opens: nothing before it is used, nothing twice, nothing longer than its App."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from runlore import registry
from runlore.app import App, open_app
from runlore.kernel.errors import NotFound, Unavailable
from runlore.registry import Registry
from runlore.settings import Settings
from runlore.store import embedded, engine
from runlore.store.engine import Store


@pytest.fixture
def here(settings: Settings, store: Store) -> Settings:
    """Settings of a fresh home, with the tests' own database."""
    return settings.model_copy(update={"database_url": SecretStr(store.url)})


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was opened and closed, in order."""
    seen: list[str] = []
    open_store = engine.open_store

    @contextmanager
    def watched(settings: Settings) -> Iterator[Store]:
        with open_store(settings) as store:
            seen.append("opened")
            yield store
        seen.append("closed")

    monkeypatch.setattr(engine, "open_store", watched)
    return seen


def test_nothing_is_opened_before_it_is_used(settings: Settings) -> None:
    with open_app(settings) as app:
        assert app.settings is settings
        assert [spec.name for spec in app.specs] == ["failure-risk", "duration"]
        assert app.spec("duration").name == "duration"
    assert not embedded.exists(settings.home)


def test_without_settings_those_of_the_environment_are_read(settings: Settings) -> None:
    with open_app() as app:
        assert app.settings == settings


def test_a_spec_that_does_not_exist_is_not_found(settings: Settings) -> None:
    with open_app(settings) as app, pytest.raises(NotFound, match="no-such-spec"):
        app.spec("no-such-spec")


def test_many_threads_open_one_store_which_is_closed_at_the_end(
    here: Settings, openings: list[str]
) -> None:
    with open_app(here) as app:
        with ThreadPoolExecutor(8) as threads:
            stores = list(threads.map(lambda _: app.store, range(8)))
        assert {id(store) for store in stores} == {id(app.store)}
        assert openings == ["opened"]
    assert openings == ["opened", "closed"]


def test_a_registry_is_connected_once_and_to_the_store_that_is_open(
    here: Settings, openings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[Store | None] = []

    class Connected:
        def close(self) -> None:
            connected.clear()

    def connect(_: Settings, store: Store | None) -> Connected:
        connected.append(store)
        return Connected()

    monkeypatch.setattr(registry, "connect", connect)
    with open_app(here) as app:
        assert app.registry is app.registry
        assert connected == [app.store]
        assert openings == ["opened"]
    assert connected == [], "the registry is closed, too"


def test_a_machine_that_only_fetches_versions_needs_no_database(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[Store | None] = []

    def connect(_: Settings, store: Store | None) -> Registry:
        connected.append(store)
        raise Unavailable("not in this test")

    monkeypatch.setattr(registry, "connect", connect)
    elsewhere = Settings(home=settings.home, mlflow_tracking_uri="http://127.0.0.1:1")
    with open_app(elsewhere) as app, pytest.raises(Unavailable):
        _ = app.registry
    assert connected == [None]
    assert not embedded.exists(settings.home)


def test_after_a_database_has_died_everything_is_opened_anew_and_closed_at_the_end(
    here: Settings, openings: list[str]
) -> None:
    with open_app(here) as app:
        first = app.store
        app.reopen()
        assert app.store is not first
        assert openings == ["opened", "opened"], "who still uses the first one is not disturbed"
    assert openings == ["opened", "opened", "closed", "closed"]


def test_a_database_that_is_away_is_tried_again_at_the_next_use(
    here: Settings, openings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    away = SecretStr("postgresql://nobody@127.0.0.1:1/nothing")
    with open_app(here.model_copy(update={"database_url": away})) as app:
        with pytest.raises(Unavailable):
            _ = app.store
        app.settings = here
        with app.store.begin():
            pass
    assert openings == ["opened", "closed"]


def test_a_store_that_somebody_else_has_opened_stays_open(
    here: Settings, store: Store, openings: list[str]
) -> None:
    with open_app(here, store) as app:
        assert app.store is store
    assert openings == []


def test_a_given_server_is_not_held_and_an_embedded_one_is(
    here: Settings, short_tmp: Path, openings: list[str]
) -> None:
    with open_app(here) as app:
        app.hold_embedded_server()
        assert openings == []
    app = App(Settings(home=short_tmp, database_url=None))
    app.hold_embedded_server()
    assert embedded.state(short_tmp).is_running
    app.close()
    assert not embedded.state(short_tmp).is_running


def test_everything_is_closed_though_alerts_cannot_be_delivered(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[App] = []

    def closing(app: App) -> None:
        closed.append(app)

    def broken(_: App) -> None:
        raise RuntimeError("the channels are broken")

    monkeypatch.setattr(App, "deliver_alerts", broken)
    monkeypatch.setattr(App, "close", closing)
    with pytest.raises(RuntimeError, match="channels are broken"), open_app(settings) as app:
        pass
    assert closed == [app]
