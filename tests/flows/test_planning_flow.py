"""Capacity as Prefect watches it."""

from datetime import timedelta

import pytest

from flows.planning import watch_capacity
from runlore import settings
from runlore.store.engine import open_store
from tests.planning.finished_tasks import START, write_growth

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("home")
def test_pools_are_watched_and_drawn() -> None:
    with open_store(settings.read()) as store:
        write_growth(store)
        at = (START + timedelta(days=40)).isoformat()
        assert watch_capacity(at) == {"pools": 2, "due": 1, "over_budget": 0}
