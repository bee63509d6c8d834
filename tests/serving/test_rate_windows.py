"""A minute's budget: all of it is granted, never more, in chunks that become single requests."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from runlore.serving.queries import rate_windows
from runlore.serving.queries.rate_windows import RateLease, lease
from runlore.store.engine import Store, dedicated


@pytest.fixture(autouse=True)
def _minute(store: Store) -> None:
    """Begin early enough in a minute to end in the same one."""
    with store.begin() as connection:
        passed = connection.scalar(text("SELECT extract(second FROM clock_timestamp())::float8"))
    if passed > 50:
        time.sleep(60.05 - passed)


def leases(store: Store, limit: int, wanted: int = 1) -> list[RateLease]:
    """All that one worker gets until nothing is left."""
    found = []
    with dedicated(store) as connection:
        while not found or found[-1].chunk:
            found.append(lease(connection, limit, {"ci": wanted})["ci"])
    return found


@pytest.mark.parametrize("limit", [1, 7, 100, 1000, 4321, 100_000])
def test_everything_is_granted_and_no_more(store: Store, limit: int) -> None:
    found = leases(store, limit)
    chunks = [each.chunk for each in found]
    assert sum(chunks) == limit
    assert max(chunks) <= max(1, limit // 1000)
    assert all(0 < each.left_s <= 60 for each in found)
    assert [each.rest for each in found] == [
        limit - sum(chunks[: at + 1]) for at in range(len(found))
    ]


def test_the_last_chunks_are_single_requests_and_leases_are_few(store: Store) -> None:
    chunks = [each.chunk for each in leases(store, 60_000)]
    assert chunks[-65:] == [1] * 64 + [0]
    assert chunks[0] == 60
    assert len(chunks) < 1500


def test_those_who_wait_are_granted_together_as_far_as_the_budget_goes(store: Store) -> None:
    assert [each.chunk for each in leases(store, 25, wanted=10)] == [10, 10, 5, 0]


def test_several_who_lease_at_once_get_the_limit_together(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: leases(store, 3000), range(8)))
    assert sum(each.chunk for one in found for each in one) == 3000


def test_callers_have_budgets_of_their_own_and_one_order_for_all(store: Store) -> None:
    def take(at: int) -> int:
        names = ("a", "b", "c")[:: 1 if at % 2 else -1]
        with dedicated(store) as connection:
            found = [lease(connection, 30, dict.fromkeys(names, 1)) for _ in range(20)]
        return sum(each.chunk for one in found for each in one.values())

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(take, range(4))) == 90


def test_a_limit_that_was_lowered_grants_nothing_and_takes_nothing_back(store: Store) -> None:
    with dedicated(store) as connection:
        lease(connection, 10, {"ci": 10})
        found = lease(connection, 5, {"ci": 1})["ci"]
    assert (found.chunk, found.rest) == (0, 0)


def test_minutes_that_are_over_are_removed_and_the_current_one_stays(store: Store) -> None:
    with dedicated(store) as connection:
        lease(connection, 10, {"ci": 1})
        connection.execute(
            "INSERT INTO runlore.rate_windows SELECT minute - interval '5 minutes', 'old', 1, 1"
            " FROM runlore.rate_windows"
        )
        rate_windows.forget(connection)
        rows = connection.execute("SELECT bucket FROM runlore.rate_windows").fetchall()
    assert rows == [("ci",)]
