"""A detector learns one point at a time, and its tail is that of the newest scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.signals.rules import detector
from runlore.signals.rules.tails import Tail

STEP_S = 300
STEP_US = STEP_S * 1_000_000


def daily_values(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 50 + 10 * np.sin(np.arange(count) / 288 * 2 * np.pi) + rng.normal(0, 1, count)


def plain_distance(x: np.ndarray, last: int) -> float:
    """The third smallest distance of the shape that ends at `last` to shapes of the past."""
    shape = x[last - detector.DEPTH + 1 : last + 1]
    ends = range(max(0, last - detector.MEMORY) + detector.DEPTH - 1, last - detector.APART)
    past = [np.linalg.norm(shape - x[end - detector.DEPTH + 1 : end + 1]) for end in ends]
    return float(sorted(past)[detector.NEIGHBOURS - 1])


def test_scores_are_those_of_a_slow_plain_detector() -> None:
    x = daily_values(2_700)
    made = list(
        detector.scan(detector.start(STEP_S), np.arange(len(x), dtype=np.int64) * STEP_US, x)
    )
    first = detector.DEPTH + detector.APART + detector.NEIGHBOURS
    distances = np.array([plain_distance(x, last) for last in range(first, len(x))])
    for last in (400, 2_100, 2_699):
        past = np.sort(distances[max(0, last - first - detector.MEMORY) : last - first])
        top = past[-max(5, round(0.02 * len(past))) :]
        excess = (distances[last - first] - top[0]) / (top.mean() - top[0])
        assert made[last].score == pytest.approx(excess, rel=1e-6)


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


@pytest.mark.parametrize("cut", [0, 70, 2_500])
def test_a_state_that_went_through_bytes_goes_on_with_the_same_scores(cut: int) -> None:
    x = daily_values(2_700)
    at = np.arange(len(x), dtype=np.int64) * STEP_US
    whole = list(detector.scan(detector.start(STEP_S), at, x))
    state = detector.start(STEP_S)
    before = list(detector.scan(state, at[:cut], x[:cut]))
    after = detector.scan(detector.load(detector.dump(state)), at[cut:], x[cut:])
    assert before + list(after) == whole


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"x", lambda _: b"no state"])
def test_damaged_bytes_are_refused(damage) -> None:
    state = detector.start(STEP_S)
    detector.observe(state, 1, 2.0)
    with pytest.raises(BadInput, match="not the state of a detector"):
        detector.load(damage(detector.dump(state)))


def test_late_and_repeated_points_and_those_without_a_number_change_nothing() -> None:
    state = detector.start(STEP_S)
    detector.observe(state, 10 * STEP_US, 1.0)
    before = detector.dump(state)
    skipped = [(10 * STEP_US, 5.0), (9 * STEP_US, 5.0), (11 * STEP_US, float("nan"))]
    assert [detector.observe(state, at, value) for at, value in skipped] == [None] * 3
    assert detector.dump(state) == before


def test_a_spike_is_unlikely_and_the_hour_of_the_day_is_expected() -> None:
    x = daily_values(2_700)
    x[2_600] += 30
    scores = list(
        detector.scan(detector.start(STEP_S), np.arange(len(x), dtype=np.int64) * STEP_US, x)
    )
    spike = scores[2_600]
    assert spike.tail_probability < 1e-8
    assert spike.high < spike.value
    assert abs(spike.expected - (x[2_600] - 30)) < 4
    assert sum(score.tail_probability < 1e-8 for score in scores[:2_600]) == 0


def test_a_constant_series_is_learned_and_a_change_of_it_seen() -> None:
    state = detector.start(STEP_S)
    values = [5.0] * 300 + [6.0]
    scores = [detector.observe(state, i * STEP_US, value) for i, value in enumerate(values)]
    assert scores[-2] is not None
    assert scores[-2].tail_probability >= 0.02
    assert scores[-1] is not None
    assert scores[-1].tail_probability < 1e-100
