"""The rule that says when a series reaches a limit."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.signals.rules.limits.crossing import Crossing, LimitRule, find_crossing
from runlore.signals.rules.limits.growth_jumps import find_jumps, without_spikes

COUNT = 60


def saw_tooth(seed: int, every: int, noise: float) -> np.ndarray:
    """Growth of 1 a step; each clean-up leaves a tenth."""
    steps = np.arange(COUNT) % every
    return steps + noise * np.random.default_rng(seed).normal(0, 1, COUNT)


def ends(crossing: Crossing) -> list[float]:
    steps = (crossing.early, crossing.median, crossing.late)
    return [np.inf if step is None else step for step in steps]


@pytest.mark.parametrize("slope", [0.001, 1.0, 7e6])
def test_a_line_crosses_where_algebra_says(slope: float) -> None:
    values = 5 * slope + slope * np.arange(COUNT)
    for ahead in (1, 20, 77):
        found = find_crossing(values, LimitRule(values[-1] + (ahead - 0.5) * slope, 120))
        assert found.state == "expected"
        assert ends(found) == [ahead] * 3
        assert found.slope == pytest.approx(slope, rel=1e-3)


def test_a_saw_tooth_below_the_limit_never_crosses_and_above_the_next_peak_does() -> None:
    values = saw_tooth(1, every=12, noise=0.1)
    far = find_crossing(values, LimitRule(30.0, 120))
    assert (far.state, far.clean_ups) == ("unlikely", 4)
    assert far.probability == pytest.approx(0, abs=0.05)
    line = np.polyfit(np.arange(COUNT), values, 1)[0]
    assert abs(line) < 0.05, "a straight line sees no growth; the next peak is near all the same"
    near = find_crossing(values[:56], LimitRule(9.5, 120))
    assert near.state == "expected"
    assert near.median is not None
    assert near.median <= 4


def test_after_a_first_clean_up_no_date_is_said_until_growth_holds() -> None:
    values = np.arange(COUNT, dtype=float) + np.random.default_rng(2).normal(0, 0.2, COUNT)
    values[-5:] -= 40
    fresh = find_crossing(values, LimitRule(80.0, 120))
    assert (fresh.state, ends(fresh)) == ("withheld", [np.inf] * 3)
    assert "clean-up" in fresh.reason
    assert fresh.probability is not None
    longer = np.concatenate([values, values[-1] + np.arange(1.0, 11.0)])
    assert find_crossing(longer, LimitRule(80.0, 120)).state == "expected"


def test_noise_gets_no_date_but_a_probability() -> None:
    values = np.random.default_rng(3).normal(50, 1, COUNT)
    found = find_crossing(values, LimitRule(90.0, 120))
    assert (found.state, found.reason) == ("unlikely", "no growth beyond chance")
    assert found.probability == pytest.approx(0, abs=0.02)
    assert ends(found) == [np.inf] * 3


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(7, 80),
    st.floats(0, 3),
    st.floats(1, 60),
    st.sampled_from([0.25, 8.0]),
)
def test_dates_are_in_order_ahead_and_free_of_unit_and_direction(
    seed: int, every: int, noise: float, room: float, unit: float
) -> None:
    values = saw_tooth(seed, every, noise)
    limit = values.max() + room
    found = find_crossing(values, LimitRule(limit, COUNT))
    assert all(one >= 1 for one in ends(found))
    assert all(first <= last for first, last in pairwise(ends(found)))
    later = find_crossing(values, LimitRule(limit + 5, COUNT))
    assert all(near <= far for near, far in zip(ends(found), ends(later), strict=True))
    scaled = find_crossing(values * unit, LimitRule(limit * unit, COUNT))
    assert (scaled.state, ends(scaled)) == (found.state, ends(found))
    turned = find_crossing(-values, LimitRule(-limit, COUNT, "below"))
    assert (turned.state, ends(turned)) == (found.state, ends(found))


def test_bad_series_are_withheld_with_the_reason() -> None:
    line = np.arange(float(COUNT))
    assert find_crossing(line, LimitRule(10.0, 60)).state == "crossed"
    assert "steps have values" in find_crossing(line[:5], LimitRule(99.0, 60)).reason
    assert "steps have values" in find_crossing(np.full(9, np.nan), LimitRule(9.0, 60)).reason
    gappy = line.copy()
    gappy[1:35] = np.nan
    assert "more than half" in find_crossing(gappy, LimitRule(99.0, 60)).reason
    assert find_crossing(np.full(COUNT, 4.0), LimitRule(9.0, 60)).probability == 0
    with pytest.raises(BadInput):
        find_crossing(line, LimitRule(float("nan"), 60))


def test_spikes_are_no_growth_and_whole_numbers_no_bursts() -> None:
    values = np.arange(float(COUNT))
    values[30:32] += 500
    assert without_spikes(values) == pytest.approx(np.arange(COUNT))
    assert len(find_jumps(np.floor(np.arange(COUNT) / 7)).at) == 0
