"""The pages of actors: a list, and one with its rhythm, patterns and risks."""

import re
from datetime import timedelta

import httpx
from sqlalchemy import insert

from runlore.kernel import instants
from runlore.store import schema
from runlore.store.engine import Store
from tests.advice.pattern_log import run, write_habits

PATH = "/console/actors"
NAME = "<b class=pwned>ann & co</b>"


def test_an_actor_has_its_rhythm_patterns_and_risks(console: httpx.Client, world: Store) -> None:
    write_habits(world)
    at = instants.now() - timedelta(hours=1)
    with world.begin() as connection:
        connection.execute(insert(schema.executions), [run("odd", NAME, NAME, NAME, at)])
    listed = console.get(PATH)
    assert listed.status_code == 200, listed.text
    assert "<b class=pwned>" not in listed.text
    links = re.findall(rf'href="({PATH}/one[?][^"]+)"', listed.text)
    assert len(links) >= 4
    for link in links:
        one = console.get(link.replace("&amp;", "&"))
        assert one.status_code == 200, one.text
        assert "<b class=pwned>" not in one.text
    page = console.get(f"{PATH}/one", params={"actor": "ann", "zone": "Europe/Berlin"})
    assert "ightly backup of web-3, 02:" in page.text
    assert "fter build ends, test within" in page.text
    assert page.text.count("<rect ") == 168
    assert "Monday 02:00: 1" in page.text
    search = console.get("/console/executions", params={"actor": "bob"})
    assert f"{PATH}/one?actor=bob" in search.text


def test_what_is_wrong_is_said(console: httpx.Client, world: Store) -> None:
    for query, status in (
        ({}, 422),
        ({"actor": "nobody"}, 404),
        ({"actor": "ann", "kind": "x"}, 422),
        ({"actor": "ann", "zone": "Mars"}, 422),
    ):
        assert console.get(f"{PATH}/one", params=query).status_code == status
