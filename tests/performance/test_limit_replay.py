"""Limits replayed: against sums over single runs, and a rule of thumb against a loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.performance.rules.limit_replay import (
    LimitedRuns,
    PastRuns,
    largest_of_last,
    replay_limit,
)

NAN = float("nan")


def runs_of(needed, requested, good=None, weight=None) -> LimitedRuns:
    n = len(needed)
    return LimitedRuns(
        np.array(needed, dtype=float),
        np.array(requested, dtype=float),
        np.ones(n, dtype=bool) if good is None else np.array(good, dtype=bool),
        np.ones(n) if weight is None else np.array(weight, dtype=float),
    )


def test_a_limit_saves_what_it_does_not_grant_and_pays_for_the_runs_that_it_kills() -> None:
    runs = runs_of([10, 50, 90], [100, 100, 100], weight=[1, 1, 2])
    replay = replay_limit(runs, np.array([20.0, 60.0, 80.0]))
    assert (replay.runs, replay.good, replay.killed) == (3, 3, 1)
    assert replay.within == pytest.approx(2 / 3)
    assert (replay.requested, replay.granted, replay.repeated) == (400, 240, 200)
    assert replay.saved == -40
    assert replay.killed_interval.low < 1 / 3 < replay.killed_interval.high


def test_failed_runs_are_not_counted_as_killed_and_runs_without_a_request_not_at_all() -> None:
    runs = runs_of([90, 90, NAN, 5], [100, NAN, 100, 0], good=[False, True, True, True])
    replay = replay_limit(runs, np.full(4, 10.0))
    assert (replay.runs, replay.good, replay.killed, replay.within) == (1, 0, 0, 0.0)
    assert np.isnan(replay.killed_share)


def test_a_run_without_a_limit_keeps_its_request_which_no_limit_exceeds() -> None:
    runs = runs_of([10, 10, 120], [100, 100, 100])
    replay = replay_limit(runs, np.array([NAN, 500.0, 500.0]))
    assert (replay.granted, replay.saved, replay.killed) == (300, 0, 0)


def test_no_runs_at_all_have_no_share() -> None:
    replay = replay_limit(runs_of([], []), np.empty(0))
    assert np.isnan(replay.saved_share)
    assert np.isnan(replay.within)


@given(st.integers(0, 2**32 - 1))
def test_the_rule_of_thumb_equals_a_loop_over_runs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    submitted = np.sort(rng.integers(0, 1000, n))
    needed = rng.integers(1, 300, n).astype(float)
    needed[rng.random(n) < 0.1] = NAN
    known = submitted + np.nan_to_num(needed, nan=50.0).astype(np.int64)
    actor = np.array([f"a{i}" for i in rng.integers(0, 4, n)], dtype=object)
    limits = largest_of_last(PastRuns(actor, submitted, known, needed), last=3, margin=2.0)
    for at in range(n):
        past = [
            (known[i], i)
            for i in range(n)
            if actor[i] == actor[at] and known[i] <= submitted[at] and np.isfinite(needed[i])
        ]
        largest = [needed[i] for _, i in sorted(past)[-3:]]
        expected = 2.0 * max(largest) if largest else NAN
        np.testing.assert_equal(limits[at], expected)
