"""Queues against closed formulas and a slow queue; demand against sums; dates against growth."""

import heapq
from datetime import date, timedelta
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.planning.rules.capacity.alert_rule import is_due
from runlore.planning.rules.capacity.arrivals import draw_arrivals, open_hours, weekly_tasks
from runlore.planning.rules.capacity.demand_paths import simulate_demand
from runlore.planning.rules.capacity.full_date import find_full_date, week_sums, why_unknown
from runlore.planning.rules.capacity.queueing import simulate_waits
from runlore.planning.rules.capacity.scenario import read_scenario
from runlore.planning.rules.capacity.spend import DailySpend, done_by_day, forecast_spend
from runlore.planning.rules.capacity.task_log import (
    HOUR_US,
    TaskLog,
    demand_by_day,
    use_by_day,
)
from runlore.planning.rules.capacity.waiting import (
    StartObjective,
    find_size,
    judge_waiting,
    read_objective,
)

DAY_US = 24 * HOUR_US


def erlang_c_wait(rate: float, service: float, servers: int) -> float:
    """Mean wait in an M/M/c queue (Erlang, 1917)."""
    load = rate * service
    busy = load**servers / factorial(servers) * servers / (servers - load)
    chance = busy / (sum(load**k / factorial(k) for k in range(servers)) + busy)
    return chance * service / (servers - load)


@pytest.mark.parametrize(("servers", "use"), [(1, 0.7), (3, 0.8), (20, 0.9)])
def test_waits_of_a_markov_queue_are_those_of_erlang(servers: int, use: float) -> None:
    rng = np.random.default_rng(3)
    arrivals = np.cumsum(rng.exponential(1 / (use * servers), (200, 4_000)), axis=1)
    services = rng.exponential(1.0, arrivals.shape)
    waits = simulate_waits(arrivals, services, np.ones(arrivals.shape), servers)[:, 1_000:]
    means = waits.mean(axis=1)
    error = means.std() / np.sqrt(len(means))
    assert means.mean() == pytest.approx(erlang_c_wait(use * servers, 1.0, servers), abs=4 * error)
    assert error < 0.05 * means.mean()


def test_waits_of_one_server_are_those_of_pollaczek_and_khinchine() -> None:
    rng, use = np.random.default_rng(4), 0.6
    arrivals = np.cumsum(rng.exponential(1 / use, (200, 4_000)), axis=1)
    services = rng.lognormal(-0.5, 1.0, arrivals.shape)
    waits = simulate_waits(arrivals, services, np.ones(arrivals.shape), 1)[:, 1_000:]
    second = np.exp(2 * -0.5 + 2 * 1.0)  # E[S²]
    means = waits.mean(axis=1)
    error = means.std() / np.sqrt(len(means))
    assert means.mean() == pytest.approx(use * second / (2 * (1 - use)), abs=4 * error)
    assert error < 0.05 * means.mean()


def slow_waits(tasks: list[tuple[float, float, int]], servers: int) -> list[float]:
    """One task after the other, slots in a heap."""
    free, last, waits = [0.0] * servers, 0.0, []
    for come, service, slots in tasks:
        ends = [heapq.heappop(free) for _ in range(min(slots, servers))]
        last = max(come, last, *ends)
        for _ in ends:
            heapq.heappush(free, last + service)
        waits.append(last - come)
    return waits


TASK = st.tuples(st.floats(0, 2), st.floats(0, 5), st.integers(1, 5))


@given(tasks=st.lists(TASK, min_size=1, max_size=30), servers=st.integers(1, 4))
def test_tasks_of_several_slots_wait_as_in_a_slow_queue(
    tasks: list[tuple[float, float, int]], servers: int
) -> None:
    come = np.cumsum([gap for gap, _, _ in tasks])
    rows = [(float(at), took, slots) for at, (_, took, slots) in zip(come, tasks, strict=True)]
    arrivals = np.vstack([come, np.full(len(come), np.inf)])
    services = np.array([[row[1] for row in rows]] * 2)
    slots = np.array([[float(row[2]) for row in rows]] * 2)
    waits = simulate_waits(arrivals, services, slots, servers)
    assert waits[0] == pytest.approx(slow_waits(rows, servers))
    assert np.isnan(waits[1]).all()


def a_log(count: int = 300, seed: int = 0) -> TaskLog:
    rng = np.random.default_rng(seed)
    submitted = np.sort(rng.integers(0, 20 * DAY_US, count))
    start = submitted + rng.integers(0, 5 * HOUR_US, count)
    end = start + rng.integers(1, 60 * HOUR_US, count)
    shares = rng.choice([0.5, 1.0], count)
    return TaskLog(submitted, start, end, rng.integers(1, 4, count) * 1.0, shares)


def test_use_is_what_a_sum_over_tasks_says_and_demand_keeps_all_work() -> None:
    log, bounds = a_log(), np.arange(31) * DAY_US
    slow = np.zeros(30)
    for start, end, slots, share in zip(log.start, log.end, log.slots, log.share, strict=True):
        for day in range(30):
            inside = min(end, bounds[day + 1]) - max(start, bounds[day])
            slow[day] += max(inside, 0) / HOUR_US * slots * share
    assert use_by_day(log, bounds, 30 * DAY_US) == pytest.approx(slow)
    assert demand_by_day(log, bounds, 30 * DAY_US).sum() == pytest.approx(slow.sum())


def test_open_tasks_count_as_those_that_took_longer() -> None:
    hours = np.array([1, 2, 6, -1, -1, -1]) * HOUR_US
    submitted = np.array([0, 0, 0, 0, 1, 7]) * HOUR_US
    start = np.array([0, 0, 0, -1, 1, 7]) * HOUR_US
    end = np.where(hours > 0, submitted + hours, -1)
    log = TaskLog(submitted, np.where(start >= 0, start, -1), end, np.ones(6), np.ones(6))
    assert log.hours(8 * HOUR_US).tolist() == [1, 2, 6, 3, 6, 4]


def test_closed_hours_do_not_count_and_copies_come_as_often_as_asked() -> None:
    spans = np.array([[9, 17], [33, 41]]) * HOUR_US
    at = np.array([8, 10, 20, 34, 60]) * HOUR_US
    assert open_hours(spans, at).tolist() == [0, 1, 8, 9, 16]
    log = a_log()
    always = np.array([[0, 30 * DAY_US]])
    tasks = weekly_tasks(log, always, 21 * DAY_US, 3)
    assert tasks.hours == pytest.approx((log.end - log.start) / HOUR_US)
    counts = [
        np.isfinite(draw_arrivals(tasks, 40, 5, factor).arrivals).sum() for factor in (1, 2.5)
    ]
    assert counts[1] / counts[0] == pytest.approx(2.5, rel=0.05)


def test_the_smallest_size_meets_the_objective_and_one_less_does_not() -> None:
    tasks = weekly_tasks(a_log(400, 5), np.array([[0, 30 * DAY_US]]), 21 * DAY_US, 3)
    runs, objective = draw_arrivals(tasks, 8, 4), read_objective("90% start within 30min")
    size = find_size(runs, objective, 1)
    assert size is not None
    shares = [judge_waiting(runs, one, objective).share for one in (size - 1, size)]
    assert shares[0] < 0.9 <= shares[1]
    assert find_size(runs, objective, 4 * size) == size


def test_a_fraction_of_a_slot_serves_slower() -> None:
    arrivals, services = np.array([[0.0, 0.0, 0.0]]), np.ones((1, 3))
    assert simulate_waits(arrivals, services, np.ones((1, 3)), 0.5).tolist() == [[0, 2, 4]]


def test_a_growth_is_dated_and_no_growth_is_not() -> None:
    kinds = np.arange(300) % 7
    rng = np.random.default_rng(6)
    noise = np.exp(0.1 * rng.normal(size=300)) * np.where(kinds < 5, 1.3, 0.25)
    growing, flat = 100 * (1 + 0.004 * np.arange(300)) * noise, 100 * noise
    capacity = np.full(300, 170.0)
    truth = int((week_sums(growing)[120 - 6 :] > 7 * 170).argmax()) + 1
    found = find_full_date(growing[:120], simulate_demand(growing[:120], kinds, 180), capacity)
    assert found.state == "expected"
    assert found.early <= truth <= found.late
    assert not is_due(found) or found.early < 42
    still = find_full_date(flat[:120], simulate_demand(flat[:120], kinds, 180), capacity)
    assert (still.state, is_due(still)) == ("unlikely", False)
    over = find_full_date(2 * flat[:120], simulate_demand(flat[:120], kinds, 90), capacity[:210])
    assert (over.state, over.early) == ("full", 0)
    assert is_due(over)


def test_too_little_is_said_to_be_unknown() -> None:
    assert "no task" in why_unknown(np.zeros(40))
    assert "20 days" in why_unknown(np.r_[np.zeros(30), np.ones(20)])
    assert "15 days" in why_unknown(np.r_[np.ones(30), np.zeros(15)])
    assert why_unknown(np.ones(28)) == ""


@pytest.mark.parametrize("text", ["gpu", "gpu=-1", "arrivals+x%", "", "arrivals+20", "gpu=1e9x"])
def test_a_scenario_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="what-if"):
        read_scenario(text)


def test_words_are_read() -> None:
    assert read_objective("99.5 % start within 2h") == StartObjective(0.995, 2.0)
    for text in ("95%", "120% start within 1h", "95% start within soon"):
        with pytest.raises(BadInput):
            read_objective(text)
    assert read_scenario("a b=2.5,durations-10%").sizes == {"a b": 2.5}
    with pytest.raises(BadInput, match="arrivals"):
        read_scenario("arrivals-100%")


def slow_passage(
    today: date, past: list[float], path: list[float], budget: float
) -> tuple[float, int | None]:
    """What the month of today had spent, and after how many days a month's spend passes the
    budget: one day after the other."""
    total = 0.0
    for back in range(1, len(past) + 1):
        if (today - timedelta(days=back)).month == today.month:
            total += past[-back]
    so_far = total
    for at, amount in enumerate(path):
        day = today + timedelta(days=at)
        total = amount if day.day == 1 and at else total + amount
        if total > budget:
            return so_far, at + 1
    return so_far, None


@given(st.integers(0, 800), st.integers(1, 120), st.integers(0, 2**20), st.floats(1, 60))
def test_budgets_are_used_up_when_a_plain_sum_says_so(
    offset: int, horizon: int, seed: int, budget: float
) -> None:
    rng, today = np.random.default_rng(seed), date(2026, 1, 1) + timedelta(days=offset)
    past, ahead = rng.exponential(1, 40), rng.exponential(1, (horizon, 7))
    found = forecast_spend(DailySpend(today, past, ahead), budget, 0.8)
    slow = [slow_passage(today, list(past[-30:]), list(path), budget) for path in ahead.T]
    assert found.spent == pytest.approx(slow[0][0], abs=1e-4)
    if slow[0][0] > budget:
        assert (found.state, found.chance_within(1)) == ("exceeded", 1)
        return
    days = sorted(np.inf if day is None else day for _, day in slow)
    assert found.median == (None if np.isinf(days[3]) else days[3])
    assert found.probability == pytest.approx(np.isfinite(days).mean())
    for month in found.months:
        ends = (month.first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        assert today <= ends < today + timedelta(days=horizon)
        assert month.low <= month.middle <= month.high


def test_work_that_does_not_fit_into_a_day_is_paid_for_later() -> None:
    demand, capacity = np.array([[5.0], [1.0], [0.0], [0.0]]), np.full(4, 2.0)
    assert done_by_day(demand, capacity)[:, 0].tolist() == [2, 2, 2, 0]
