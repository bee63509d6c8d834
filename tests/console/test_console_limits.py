"""The pages of limits: which come near, and one series with what may come."""

from datetime import timedelta

import httpx
import numpy as np
import pytest

from runlore.kernel import instants
from runlore.store.engine import Store
from tests.signals.points import write_points

PATH = "/console/limits"
NAME = "<b class=pwned>disk</b>"


@pytest.fixture
def disk(world: Store) -> None:
    first = instants.now() - timedelta(hours=100)
    write_points(world, np.linspace(10, 60, 100), name=NAME, first=first)


def test_without_a_declared_limit_the_page_says_how(console: httpx.Client) -> None:
    page = console.get(PATH)
    assert page.status_code == 200
    assert "No series has a limit yet" in page.text


@pytest.mark.usefixtures("disk")
def test_a_series_is_drawn_with_any_limit(console: httpx.Client) -> None:
    names = {"name": NAME, "scope": "web-1", "source": "collectd"}
    bare = console.get(f"{PATH}/series", params=names)
    assert bare.status_code == 200
    assert "no limit is declared" in bare.text
    page = console.get(f"{PATH}/series", params=names | {"at": "70"})
    assert page.status_code == 200
    assert "reaches 70 about" in page.text
    assert "<b class=pwned>" not in page.text
    assert "to come, 90 % of paths" in page.text
    below = console.get(f"{PATH}/series", params=names | {"at": "5", "side": "below"})
    assert "no crossing of 5 within" in below.text
    for bad in ({"at": "x"}, {"at": "nan"}, {"at": "1", "side": "left"}):
        assert console.get(f"{PATH}/series", params=names | bad).status_code == 422
    assert console.get(f"{PATH}/series", params={"name": "nope", "at": "1"}).status_code == 404
