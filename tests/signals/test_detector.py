"""Points are scored by what came before them, and a tail is that of the newest scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.signals.rules.anomalies import detector, shapes
from runlore.signals.rules.anomalies.tails import Tail

STEP_S = 300
STEP_US = STEP_S * 1_000_000
DAY = 288


def instants(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.int64) * STEP_US


def daily_values(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 50 + 10 * np.sin(np.arange(count) / DAY * 2 * np.pi) + rng.normal(0, 1, count)


def plain_square(x: np.ndarray, last: int, end: int, decay: float) -> float:
    """Squared distance of the shapes that end at two places; older points count less."""
    back = np.arange(end + 1)
    return float((decay**back * (x[last - back] - x[end - back]) ** 2).sum())


def test_distances_are_those_of_slow_plain_shapes() -> None:
    x = daily_values(2_300)
    made, same_time = shapes.Shapes(), shapes.find_same_time(instants(len(x)), STEP_S)
    for last in range(len(x)):
        made.add(x, last)
        if last not in (60, 700, 2_150, 2_299):
            continue
        ends = range(max(0, last - shapes.MEMORY), last - shapes.APART + 1)
        for number, decay in enumerate(shapes.DECAYS):
            past = {end: plain_square(x, last, end, decay) ** 0.5 for end in ends}
            assert made.nearest(number) == pytest.approx(sorted(past.values())[2])
            at_time = [
                distance
                for end, distance in past.items()
                if any(abs(last - end - DAY * days) <= 12 for days in range(1, 7))
            ]
            near = made.nearest_of(number, same_time.before(last))
            assert near == (pytest.approx(min(at_time)) if at_time else None)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 9).map(lambda x: round(x, 1)), min_size=30, max_size=400),
    st.integers(20, 150),
)
def test_a_tail_is_that_of_its_sorted_newest_scores(scores: list[float], memory: int) -> None:
    tail = Tail(memory)
    for count, score in enumerate(scores, 1):
        tail.add(score)
        if count >= 20:
            newest = sorted(scores[max(0, count - memory) : count])
            top = newest[-max(5, round(0.02 * len(newest))) :]
            mean = sum(top) / len(top) - top[0]
            assert tail.quantile() == top[0]
            if mean > 1e-9:
                assert tail.excess(12.0) == pytest.approx((12.0 - top[0]) / mean)


@pytest.mark.parametrize("cut", [1, 500, 2_300])
def test_what_comes_later_changes_no_score(cut: int) -> None:
    x = daily_values(2_400)
    whole = detector.scan(STEP_S, instants(len(x)), x)
    begun = detector.scan(STEP_S, instants(cut), x[:cut])
    for name, column in vars(begun).items():
        np.testing.assert_array_equal(column, getattr(whole, name)[:cut], err_msg=name)


def test_a_spike_is_unlikely_and_the_hour_of_the_day_is_expected() -> None:
    x = daily_values(2_700)
    x[2_600] += 30
    made = detector.scan(STEP_S, instants(len(x)), x)
    assert made.probability[2_600] < 1e-8
    assert made.high[2_600] < x[2_600]
    assert abs(made.expected[2_600] - (x[2_600] - 30)) < 4
    assert made.score[2_600] == made.score.max()
    assert not (made.probability[:2_600] < 1e-8).any()


def test_a_day_that_stays_low_is_unusual_though_its_values_are_not() -> None:
    x = np.where(np.arange(2_700) % DAY // 12 % 24 >= 9, 80.0, 20.0)
    x += np.random.default_rng(0).normal(0, 2, len(x))
    x[8 * DAY + 108 : 9 * DAY] -= 60  # the ninth day never rises
    made = detector.scan(STEP_S, instants(len(x)), x)
    assert made.score[8 * DAY + 108 : 8 * DAY + 132].max() > made.score[DAY * 3 : DAY * 8].max()


def test_a_constant_series_is_learned_and_a_change_of_it_seen() -> None:
    values = np.array([5.0] * 300 + [6.0])
    made = detector.scan(STEP_S, instants(301), values)
    assert made.probability[-2] == 1
    assert made.probability[-1] < 1e-20


def test_a_short_series_says_how_unlikely_a_point_far_off_is() -> None:
    at = instants(200) * 12
    values = np.random.default_rng(4).normal(0, 1, 200)
    values[-1] = 30.0
    made = detector.scan(3_600, at, values)
    assert made.probability[-1] < 1e-6
    assert np.sort(made.probability[100:-1])[1] > 1e-3


def test_a_step_that_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="step_s"):
        detector.scan(0, instants(2), np.ones(2))
