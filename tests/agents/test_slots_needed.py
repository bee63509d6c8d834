"""How many slots agents need: beside the formula of queues that it holds for."""

from math import exp, factorial

import numpy as np
import pytest

from runlore.agents.rules.slots_needed import SHARE, WITHIN_S, find_slots


def erlang_slots(rate: float, service_s: float) -> int:
    """Fewest servers of M/M/c at which so many wait no longer (Erlang C)."""
    load = rate * service_s
    size = int(load) + 1
    while True:
        head = sum(load**at / factorial(at) for at in range(size))
        tail = load**size / factorial(size) * size / (size - load)
        waits = tail / (head + tail)
        if 1 - waits * exp(-(size - load) * WITHIN_S / service_s) >= SHARE:
            return size
        size += 1


@pytest.mark.parametrize(("gap_s", "service_s"), [(60.0, 300.0), (120.0, 900.0), (30.0, 20.0)])
def test_it_is_the_number_of_the_formula_or_beside_it(gap_s: float, service_s: float) -> None:
    rng = np.random.default_rng(5)
    arrivals = np.cumsum(rng.exponential(gap_s, 500))
    found = find_slots(arrivals, rng.exponential(service_s, 500))
    exact = erlang_slots(1 / gap_s, service_s)
    assert found.middle is not None
    assert abs(found.middle - exact) <= 1
    assert found.low is not None
    assert found.high is not None
    assert found.low - 1 <= exact <= found.high + 1
    assert found.low <= found.middle <= found.high


def test_it_is_not_known_from_few_tasks() -> None:
    few = find_slots(np.arange(49.0), np.ones(49))
    assert few.middle is None
    assert "50 tasks" in few.reason
    assert find_slots(np.arange(400.0), np.ones(49)).middle is None


def test_the_newest_tasks_count() -> None:
    early, late = np.linspace(0, 1, 700), np.arange(500) * 3600.0 + 3600
    found = find_slots(np.concatenate([early, late]), np.full(700, 60.0))
    assert (found.tasks, found.middle) == (500, 1)


def test_work_without_end_needs_more_than_there_can_be() -> None:
    found = find_slots(np.linspace(0, 1, 100), np.full(100, 1e9))
    assert found.middle == 95  # of 100 tasks that many must begin at once
