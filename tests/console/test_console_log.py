"""The page of the log: what came in, what was rejected with the fix, and undo."""

import re

import httpx
import pytest
from markupsafe import escape

from bentos.console.frame import endpoints
from runlore.ingest.actions.reject_list import list_reject_groups
from runlore.ingest.actions.sources import list_sources
from runlore.log.executions import read_facts
from runlore.serving.actions.states import INGESTING
from runlore.store import advisory
from runlore.store.engine import Store
from tests.console.conftest import MakeKey, form_token, log_in
from tests.ingest.csv_log import HEADER, Log, row

PATH = "/console/log"
NAME = "a/<script>b</script>"


@pytest.fixture
def two(console: httpx.Client, world: Store, tmp_path) -> list[int]:
    """Two ingests of one source; the numbers of both."""
    lines = [*map(row, range(20, 50)), "x,not a time,,,\n"]
    Log(world, tmp_path / "good.csv", [HEADER, *map(row, range(20))]).ingest(source=NAME)
    Log(world, tmp_path / "bad.csv", [HEADER, *lines]).ingest(source=NAME)
    [source] = [view for view in list_sources(world) if view.source == NAME]
    return [ingest.ingest for ingest in source.ingests][::-1]


def of_source(store: Store) -> int:
    return int((read_facts(store)["source"] == NAME).sum())


@pytest.mark.usefixtures("two")
def test_rejected_rows_stand_with_the_fix(console: httpx.Client, world: Store) -> None:
    page = console.get(PATH).text
    assert "55 executions" in page
    assert 'id="rejected"' in page
    assert "bad.csv" in page
    [file] = list_reject_groups(world)
    assert str(escape(file.groups[0].remedy)) in page
    assert "<script>b" not in page
    assert "a/&lt;script&gt;b" in page


def test_an_ingest_is_undone_with_a_reason(
    console: httpx.Client, world: Store, two: list[int]
) -> None:
    before = of_source(world)
    form = {"form_token": form_token(console.get(PATH).text), "actor": "zoe", "reason": "local"}
    path = f"{PATH}/ingests/{two[0]}/undo"
    answer = console.post(path, data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    assert of_source(world) < before
    page = console.get(PATH).text
    assert f"ingest {two[0]}: 20 facts are withdrawn." in page
    assert re.search(r"undone <time[^>]*>[^<]*</time>: local", page)
    assert (
        "was undone before" in console.get(console.post(path, data=form).headers["location"]).text
    )
    assert console.post(f"{PATH}/ingests/x/undo", data=form).status_code == 404
    assert console.post(f"{PATH}/ingests/99999/undo", data=form).status_code == 404


@pytest.mark.usefixtures("two")
def test_a_source_of_any_name_is_undone(console: httpx.Client, world: Store) -> None:
    form = {"form_token": form_token(console.get(PATH).text), "actor": "zoe", "reason": "wrong"}
    assert console.post(f"{PATH}/undo-source", data=form).status_code == 422
    assert console.post(f"{PATH}/undo-source", data=form | {"source": NAME}).status_code == 303
    assert of_source(world) == 0


def test_an_undo_that_takes_long_goes_on(
    console: httpx.Client, world: Store, two: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    form = {"form_token": form_token(console.get(PATH).text), "actor": "zoe", "reason": "local"}
    monkeypatch.setattr(endpoints, "FORM_S", 0.2)
    path = f"{PATH}/ingests/{two[0]}/undo"
    with advisory.shared(world.url, INGESTING):  # an ingest that runs
        waiting = console.post(path, data=form)
    assert (waiting.status_code, waiting.headers["location"]) == (303, PATH)
    assert "It takes longer and goes on." in console.get(PATH).text
    monkeypatch.setattr(endpoints, "FORM_S", 60)
    assert console.post(path, data=form).status_code == 303
    assert "undone" in console.get(PATH).text


def test_only_a_key_that_may_train_sees_undo(locked: httpx.Client, make_key: MakeKey) -> None:
    log_in(locked, make_key("read", "record"))
    assert "/undo" not in locked.get(PATH).text
    form = {"form_token": form_token(locked.get(PATH).text), "reason": "x"}
    assert locked.post(f"{PATH}/ingests/1/undo", data=form).status_code == 403


def test_an_empty_log_names_the_next_command(
    serve, serving, world: Store, short_tmp: object
) -> None:
    client = serve(serving, home=short_tmp, database_url=world.url, api_keys="off")
    page = client.get(PATH, headers={"accept": "text/html"}).text
    assert "The log is empty" in page
    assert "runlore ingest csv FILE" in page
