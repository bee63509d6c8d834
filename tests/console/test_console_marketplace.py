"""The pages of the marketplace: packages, their permissions, and what an update would change."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from runlore.marketplace.actions.installing import list_installed
from runlore.marketplace.actions.publishing import publish
from runlore.store.engine import Store
from tests.console.conftest import form_token
from tests.marketplace.packed import packed

PATH = "/console/marketplace"
EVIL = "<b class=pwned>writer</b>"


def publish_version(store: Store, version: str, **changes: Any) -> UUID:
    card = {"title": EVIL, "description": EVIL}
    code = f"\0asm {version}".encode()
    return publish(
        store, packed(version=version, code=code, card=card, changelog=EVIL, **changes)
    ).package_id


def send(console: httpx.Client, page: str, path: str, **fields: str) -> httpx.Response:
    text = console.get(page).text
    return console.post(path, data={"form_token": form_token(text), "actor": "bob"} | fields)


def test_a_package_is_installed_updated_with_more_permissions_and_removed(
    console: httpx.Client, world: Store
) -> None:
    package = publish_version(world, "1.0.0")
    page = f"{PATH}/packages/{package}"
    assert "none yet" in console.get(PATH, params={"text": "writer"}).text
    shown = console.get(page).text
    assert "It asks for nothing" in shown
    assert send(console, page, f"{page}/install", name="ann").status_code == 303
    [row] = list_installed(world)
    mine = f"{PATH}/installed/{row.agent_id}"
    assert "ann is up to date" in console.get(mine).text
    publish_version(world, "1.1.0", permissions=["clock"])
    listed, stopped = console.get(PATH).text, console.get(mine).text
    assert "what 1.1.0 would change in ann" in listed
    assert "the update to 1.1.0 is stopped" in stopped
    assert "Read the time." in stopped
    assert "agent.wasm" in stopped
    refused = send(console, mine, f"{mine}/update")
    assert (refused.status_code, list_installed(world)[0].version) == (409, "1.0.0")
    assert send(console, mine, f"{mine}/update", accept="clock ").status_code == 303
    [row] = list_installed(world)
    assert (row.version, row.permissions) == ("1.1.0", ["clock"])
    assert send(console, mine, f"{mine}/uninstall").status_code == 303
    assert not list_installed(world)
    assert "<b class=pwned>" not in shown + listed + stopped


@pytest.mark.parametrize("path", ["packages", "installed"])
def test_what_is_not_there_is_not_found(console: httpx.Client, path: str) -> None:
    assert console.get(f"{PATH}/{path}/{uuid4()}").status_code == 404
    assert console.get(f"{PATH}/{path}/1").status_code == 422


def test_a_held_package_waits_for_a_person(console: httpx.Client, world: Store) -> None:
    publish_version(world, "1.0.0")
    held = publish(world, packed("post-vvriter", "22" * 32, publisher="evil")).package_id
    listed = console.get(PATH).text
    assert "1 waits for you" in listed
    page = f"{PATH}/packages/{held}"
    assert send(console, page, f"{page}/install").status_code == 409
    assert send(console, page, f"{page}/approve").status_code == 303
    assert send(console, page, f"{page}/install").status_code == 303
