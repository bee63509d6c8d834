"""The page of incidents: what deviates, with its series, or that nothing does."""

from datetime import timedelta

import httpx

from runlore.kernel import instants
from runlore.store.engine import Store
from tests.signals.test_streaming import noise, record, take

PATH = "/console/incidents"
MINUTE = timedelta(minutes=1)


def test_without_an_incident_the_page_says_so(console: httpx.Client) -> None:
    page = console.get(PATH)
    assert page.status_code == 200
    assert "<h1>Nothing deviates</h1>" in page.text
    assert console.get(PATH, params={"state": "<x>"}).status_code == 422


def test_series_that_deviate_together_are_shown_until_they_are_back(
    console: httpx.Client, world: Store
) -> None:
    first = instants.now() - 180 * MINUTE
    name = "<b class=pwned>cpu</b>"
    record(world, {(name, "web-1"): noise(100), ("load", "web-1"): noise(100, 2)}, first)
    record(world, {(name, "web-1"): [150.0], ("load", "web-1"): [900.0]}, first + 100 * MINUTE)
    take(world)
    page = console.get(PATH)
    assert "<h1>1 incident is open</h1>" in page.text
    assert "2 series moved" in page.text
    assert "900" in page.text
    assert "<b class=pwned>" not in page.text
    assert "/console/signals/series?name=load&amp;scope=web-1" in page.text
    back = {(name, "web-1"): noise(3), ("load", "web-1"): noise(3, 2)}
    record(world, back, first + 101 * MINUTE)
    take(world)
    assert "<h1>Nothing deviates</h1>" in console.get(PATH).text
    assert "0 incidents are open" in console.get(PATH, params={"state": "all"}).text
