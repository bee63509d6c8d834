"""Borrowing from other projects: what replay chooses, and how far it may go."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.planning.rules.transfer.borrowing import borrow_mean
from runlore.planning.rules.transfer.pooling import OWN_ALONE, REACH, pool, prior_mean
from runlore.planning.rules.transfer.replay import (
    AHEAD,
    FOCUSES,
    LEVELS,
    STRENGTHS,
    learn_borrowing,
    replay_errors,
    starts_of,
)


def projects_of(count: int, between: float, seed: int, rows: int = 200) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(random.normal(4, between), 1.0, rows) for _ in range(count)]


def unknown(count: int) -> np.ndarray:
    return np.full((count, count), np.nan)


@given(st.floats(-5, 5), st.floats(-5, 5), st.integers(1, 100), st.sampled_from(STRENGTHS))
@settings(max_examples=60)
def test_the_own_mean_is_moved_towards_others_and_never_far(
    own: float, prior: float, rows: int, strength: float
) -> None:
    made = float(pool(np.array(own), rows, 1.0, np.array(prior), strength))
    assert min(own, prior) - 1e-9 <= made <= max(own, prior) + 1e-9
    assert abs(made - own) <= REACH / np.sqrt(rows) + 1e-9
    if strength == 0:
        assert made == pytest.approx(own)


def test_likeness_weighs_projects_and_unknown_counts_like_the_mean() -> None:
    means = np.array([0.0, 1.0, 2.0])
    assert prior_mean(means, np.array([1.0, 0.0, 0.0]), 2.0) == 0.0
    assert prior_mean(means, np.array([np.nan] * 3), 6.0) == pytest.approx(1.0)
    assert prior_mean(means, np.array([1.0, np.nan, 1.0]), 2.0) == pytest.approx(1.0)


def test_replay_is_the_plain_loop() -> None:
    values = np.random.default_rng(2).normal(2, 1, 90)
    priors = [1.5, 2.0, 2.5]
    made = replay_errors(values, 5, priors, 1.0, is_rate=False)
    for at, start in enumerate(starts_of(90, 5)):
        own = values[start : start + 5].mean()
        ahead = np.exp(values[start + 5 : start + 5 + AHEAD])
        for focus in range(len(FOCUSES)):
            for number, strength in enumerate(STRENGTHS):
                drawn = (5 * own + strength * priors[focus]) / (5 + strength)
                bound = REACH / np.sqrt(5)
                moved = own + min(max(drawn - own, -bound), bound)
                expected = np.abs(ahead - np.exp(moved)).mean()
                assert made[at, focus, number] == pytest.approx(expected)


def test_equal_projects_lend_much_and_unlike_ones_are_refused() -> None:
    same = learn_borrowing(projects_of(8, 0.0, 1), unknown(8), is_rate=False)
    assert same is not None
    assert same.levels[5].pooling.strength >= 8
    assert (same.levels[5].ours, same.levels[5].hurt) < (same.levels[5].own, 0.11)
    unlike = learn_borrowing(projects_of(8, 30.0, 1), unknown(8), is_rate=True)
    assert unlike is not None
    assert unlike.levels[50].pooling == OWN_ALONE
    assert unlike.levels[50].reason.startswith("refused")


def test_two_projects_are_too_few_to_know() -> None:
    assert learn_borrowing(projects_of(2, 0.1, 1), unknown(2), is_rate=False) is None


def test_without_a_row_the_others_are_a_guess_with_wider_bounds() -> None:
    past = projects_of(8, 0.5, 3)
    rules = learn_borrowing(past, unknown(8), is_rate=False)
    assert rules is not None
    assert set(rules.levels) == set(LEVELS)
    none = borrow_mean(np.array([]), past, np.full(8, np.nan), rules, is_rate=False)
    some = borrow_mean(past[0][:20], past[1:], np.full(7, np.nan), rules, is_rate=False)
    assert none.is_guess
    assert none.own is None
    assert none.mean == pytest.approx(np.mean([values.mean() for values in past]))
    assert not some.is_guess
    assert 0 < some.own_weight <= 1

    def width(made: object) -> float:
        return made.quantiles[0.9] - made.quantiles[0.1]  # type: ignore[attr-defined]

    assert width(none) > width(some)


def test_borrowing_hurts_few_new_projects_and_helps_on_the_whole() -> None:
    """New projects of the sort of the past ones: errors of many, beside their own means."""
    random = np.random.default_rng(4)
    past = [random.random(150) < rate for rate in random.beta(4, 16, 12)]
    rules = learn_borrowing([one.astype(float) for one in past], unknown(12), is_rate=True)
    assert rules is not None
    gains = []
    for rate in random.beta(4, 16, 300):
        own = (random.random(5) < rate).astype(float)
        made = borrow_mean(
            own, [one.astype(float) for one in past], np.full(12, np.nan), rules, is_rate=True
        )
        gains.append((own.mean() - rate) ** 2 - (made.mean - rate) ** 2)
    assert np.mean(gains) > 0.005
