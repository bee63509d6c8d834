"""The page of advice: search, decide, and what came of it."""

import re
from datetime import UTC, datetime, timedelta

import httpx

from bench.advice import DAYS, START, make_world
from runlore.kernel import instants
from runlore.store.engine import Store
from tests.advice.advised_log import write_runs
from tests.console.conftest import form_token

PATH = "/console/advice"
NAME = "<b class=pwned>ann & co</b>"


def test_advice_is_searched_and_decided(console: httpx.Client, world: Store) -> None:
    assert "no advice yet" in console.get(PATH).text
    age = instants.now() - datetime.fromtimestamp(START, UTC)
    shift = timedelta(days=age.days - DAYS - 1)
    write_runs(world, make_world(10_001, points=0.18).log, shift, NAME)

    def send(path: str, **form: str) -> httpx.Response:
        token = form_token(console.get(PATH).text)
        return console.post(
            path, data={"form_token": token, "actor": "zoe", "type": "actor", **form}
        )

    moved = send(f"{PATH}/search", name=NAME)
    assert (moved.status_code, "type=actor" in moved.headers["location"]) == (303, True)
    page = console.get(moved.headers["location"])
    assert "on web-2: failures" in page.text
    assert "<b class=pwned>" not in page.text
    number = re.findall(rf"{PATH}/(\d+)/follow", page.text)[0]
    assert send(f"{PATH}/{number}/follow", name=NAME, reason="try it").status_code == 303
    after = console.get(PATH).text
    assert "followed</span> by" in after
    assert "1 were followed" in after
    assert send(f"{PATH}/{number}/dismiss", name=NAME).status_code == 409
    without = console.post(f"{PATH}/{number}/follow", data={"name": NAME})
    assert without.status_code in {400, 403}
    assert console.get(PATH, params={"type": "x", "name": "a"}).status_code == 422
