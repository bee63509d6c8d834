"""Schedules replayed: a plain scheduler is the oracle, and what EASY promises holds."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.planning.rules.backfilling import schedule
from runlore.planning.rules.backfilling.comparison import compare_policies
from runlore.planning.rules.backfilling.predictors import Exact, LastTwo, LikeJobs, Requested
from runlore.planning.rules.backfilling.schedule import BackfillPolicy, Schedule, simulate
from runlore.planning.rules.backfilling.waiting import measure_gain, measure_waiting, slowdowns
from runlore.planning.rules.backfilling.workload import Workload
from tests.planning.plain_scheduler import PlainScheduler, random_workload

SLOTS = 8
policies = st.builds(
    BackfillPolicy,
    st.booleans(),
    st.sampled_from(["submission", "shortest first"]),
    st.sampled_from(["in steps", "to the request"]),
    st.sampled_from([inf, 0.0, 150.0]),
)
seeds = st.integers(0, 10_000)
few = settings(max_examples=60, deadline=None)


@given(seeds, st.integers(1, 40), policies)
@few
def test_starts_are_those_of_a_plain_scheduler(
    seed: int, number: int, policy: BackfillPolicy
) -> None:
    jobs = random_workload(seed, number, SLOTS)
    for predictor in (Requested, Exact, LastTwo, lambda jobs: LikeJobs(jobs, 0.3)):
        made = simulate(jobs, SLOTS, predictor(jobs), policy)
        plain = PlainScheduler(jobs, SLOTS, made.predicted_s.tolist(), policy)
        assert made.started_s.tolist() == plain.starts()


@given(seeds, policies, st.integers(2, 6))
@few
def test_of_a_long_queue_the_first_jobs_are_tested(
    seed: int, policy: BackfillPolicy, tested: int
) -> None:
    jobs = random_workload(seed, 40, SLOTS)
    jobs = replace(jobs, submitted_s=jobs.submitted_s // 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "MOST_TESTED", tested)
        made = simulate(jobs, SLOTS, LastTwo(jobs), policy)
        plain = PlainScheduler(jobs, SLOTS, made.predicted_s.tolist(), policy)
        assert made.started_s.tolist() == plain.starts()


@given(seeds, policies)
@few
def test_no_job_starts_early_and_capacity_is_never_exceeded(
    seed: int, policy: BackfillPolicy
) -> None:
    jobs = random_workload(seed, 60, SLOTS)
    started = simulate(jobs, SLOTS, LastTwo(jobs), policy).started_s
    assert (started >= jobs.submitted_s).all()
    for at in started:
        is_running = (started <= at) & (at < started + jobs.ran_s)
        assert jobs.slots[is_running].sum() <= SLOTS
    if not policy.backfills:
        assert (np.diff(started) >= 0).all()


@given(seeds, st.sampled_from(["submission", "shortest first"]))
@few
def test_the_first_of_the_queue_starts_by_its_reservation(seed: int, order: str) -> None:
    """Where requests are upper bounds; the reservation of the instant when it became the first."""
    jobs = random_workload(seed, 60, SLOTS)
    jobs = replace(jobs, limit_s=np.maximum(jobs.limit_s, jobs.ran_s))
    started = simulate(jobs, SLOTS, Requested(jobs), BackfillPolicy(order=order)).started_s
    for job in range(len(jobs)):
        first_at = max([jobs.submitted_s[job], *started[:job]])
        if started[job] <= first_at:
            continue
        is_passing = (started == first_at) & (np.arange(len(jobs)) > job)
        is_running = (started <= first_at) & (first_at < started + jobs.ran_s) & ~is_passing
        ends = (started + jobs.limit_s)[is_running]
        widths = jobs.slots[is_running]
        free = SLOTS - widths.sum()
        by = min(end for end in ends if free + widths[ends <= end].sum() >= jobs.slots[job])
        assert started[job] <= by


def hand_made() -> Workload:
    """Half of the pool is held for 100 s; a wide job waits; a short and a long narrow one."""
    return Workload(
        np.array([0.0, 1.0, 2.0, 3.0]),
        np.array([100.0, 50.0, 20.0, 300.0]),
        np.array([4.0, 8.0, 4.0, 4.0]),
        np.array([100.0, 50.0, 20.0, 300.0]),
        np.array([0, 0, 1, 1]),
    )


def test_a_short_job_passes_and_a_long_one_does_not() -> None:
    jobs = hand_made()
    easy = simulate(jobs, SLOTS, Requested(jobs), BackfillPolicy())
    assert easy.started_s.tolist() == [0, 100, 2, 150]
    plain = simulate(jobs, SLOTS, Requested(jobs), BackfillPolicy(backfills=False))
    assert plain.started_s.tolist() == [0, 100, 150, 150]
    waits = measure_waiting(jobs, easy, np.ones(4, dtype=bool))
    assert (waits.wait_mean_s, waits.wait_longest_s) == (61.5, 147)
    assert slowdowns(jobs, easy).tolist() == pytest.approx([1, 149 / 50, 1, 447 / 300])


def test_the_mean_of_the_last_two_ends_with_the_request() -> None:
    jobs = replace(hand_made(), user=np.zeros(4, dtype=np.int64))
    predictor = LastTwo(jobs)
    predictor.learn(0)
    assert predictor.predict(3) == 300
    predictor.learn(1)
    assert predictor.predict(3) == 75
    assert predictor.predict(2) == 20


def test_like_jobs_are_of_the_user_and_the_request_first() -> None:
    number = 9
    jobs = Workload(
        np.arange(number, dtype=float),
        np.array([10.0, 20, 30, 40, 50, 60, 70, 80, 90]),
        np.ones(number),
        np.full(number, 100.0),
        np.array([0, 0, 0, 0, 1, 1, 1, 1, 2]),
    )
    low, high = LikeJobs(jobs, 0.2), LikeJobs(jobs, 0.9)
    for predictor in (low, high):
        assert predictor.predict(3) == 100
        for job in range(8):
            predictor.learn(job)
    assert (low.predict(3), high.predict(3)) == (10, 40)
    assert (low.predict(7), high.predict(7)) == (50, 80)
    assert (low.predict(8), high.predict(8)) == (20, 80)


def test_choices_are_made_on_the_earlier_jobs_alone() -> None:
    """Another later part changes neither the quantiles nor the best policy."""
    jobs = random_workload(3, 400, SLOTS)
    other = replace(jobs, ran_s=np.where(np.arange(400) < 280, jobs.ran_s, 1.0))
    before, after = (compare_policies(one, SLOTS, lambda text: None) for one in (jobs, other))
    assert before.chosen == after.chosen
    assert before.is_later.sum() == 120
    assert before.results[before.best].named.is_possible
    changed = [
        name for name, one in before.results.items() if one.later != after.results[name].later
    ]
    assert changed


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_a_gain_has_an_interval_that_a_constant_share_closes(seed: int) -> None:
    random = np.random.default_rng(seed)
    submitted = np.sort(random.uniform(0, 10 * 7 * 86_400, 500))
    before = random.lognormal(3, 1, 500)
    gain = measure_gain(submitted, before, before * 0.8)
    assert gain.share == pytest.approx(0.2)
    assert (gain.interval.low, gain.interval.high) == pytest.approx((0.2, 0.2))
    none = measure_gain(submitted, before, random.permutation(before))
    assert none.interval.low < 0 < none.interval.high
    few = submitted < submitted[0] + 5 * 7 * 86_400
    assert not measure_gain(submitted[few], before[few], before[few] / 2).is_shown
    assert measure_gain(submitted, 0 * before, 0 * before).share == 0
    assert measure_gain(submitted, 0 * before, before).share == -inf


def test_a_schedule_that_was_recorded_is_measured_alike() -> None:
    jobs = hand_made()
    recorded = Schedule(jobs.submitted_s + 5, jobs.ran_s)
    assert measure_waiting(jobs, recorded, np.array([False, True, True, True])).wait_mean_s == 5
