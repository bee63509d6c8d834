"""The pages of series: which there are, and what one will do next."""

import httpx
import numpy as np

from runlore.store.engine import Store
from tests.signals.points import day_and_night, write_points

PATH = "/console/signals"


def test_without_a_series_the_page_says_how_to_bring_them_in(console: httpx.Client) -> None:
    page = console.get(PATH, params={"name": "no-such"})
    assert page.status_code == 200
    assert "No series has this name" in page.text
    assert "--metrics" in page.text


def test_a_series_is_listed_and_forecast(console: httpx.Client, world: Store) -> None:
    write_points(world, day_and_night(), name="<b>cpu</b>")
    listed = console.get(PATH, params={"name": "<b>cpu</b>"}).text
    assert "<h1>1 series</h1>" in listed
    assert "&lt;b&gt;cpu" in listed
    page = console.get(f"{PATH}/series", params={"name": "<b>cpu</b>", "hours": "24"})
    assert page.status_code == 200
    assert "the last season again" in page.text
    assert '"low"' in page.text


def test_what_cannot_be_forecast_says_why(console: httpx.Client, world: Store) -> None:
    write_points(world, np.array([1.0, 2.0, 3.0]), name="short")
    page = console.get(f"{PATH}/series", params={"name": "short"})
    assert page.status_code == 200
    assert "3 steps have a value" in page.text
    assert console.get(f"{PATH}/series", params={"name": "nope"}).status_code == 404
    assert console.get(f"{PATH}/series", params={"name": "short", "hours": "x"}).status_code == 422
