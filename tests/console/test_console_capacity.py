"""The pages of capacity: which pools fill up, and one with scenarios beside it."""

from datetime import timedelta

import httpx
import pytest

from runlore.kernel import instants
from runlore.planning.actions.pools import set_pools
from runlore.planning.rules.pools.pool import Pool
from runlore.store.engine import Store
from tests.planning.finished_tasks import write_growth

PATH = "/console/capacity"
NAME = "<b class=pwned>gpu</b>"


@pytest.fixture
def pools(world: Store) -> None:
    now = instants.now()
    write_growth(world, start=now - timedelta(days=40))
    set_pools(world, [Pool(NAME, 0.9, ("build",), cost_per_hour=3, budget_per_month=9)], "ann", now)


def test_without_a_pool_the_page_says_how(console: httpx.Client) -> None:
    page = console.get(PATH)
    assert page.status_code == 200
    assert "No pool is declared yet" in page.text


@pytest.mark.usefixtures("pools")
def test_pools_are_listed_and_one_is_drawn_with_scenarios(console: httpx.Client) -> None:
    listed = console.get(PATH)
    assert listed.status_code == 200
    assert "<b class=pwned>" not in listed.text
    assert "1 budget is exceeded, or soon will be" in listed.text
    words = {"name": "builders", "what_if": "builders=3,arrivals+20%"}
    page = console.get(f"{PATH}/pool", params=words | {"objective": "90% start within 5min"})
    assert page.status_code == 200, page.text
    for text in ("builders=3,arrivals+20%", "a quarter more arrivals", "when it is full, 90 %"):
        assert text in page.text
    evil = console.get(f"{PATH}/pool", params={"name": NAME})
    assert evil.status_code == 200
    assert "<b class=pwned>" not in evil.text
    assert "Spend against the budget" in evil.text
    assert "The budget of this month is exceeded" in evil.text or "exceeded about" in evil.text
    for bad in ({"what_if": "x"}, {"objective": "soon"}, {"what_if": "nope=2"}):
        assert console.get(f"{PATH}/pool", params={"name": "builders"} | bad).status_code == 422
    assert console.get(f"{PATH}/pool", params={"name": "nope"}).status_code == 404
    assert console.get(f"{PATH}/pool").status_code == 404
