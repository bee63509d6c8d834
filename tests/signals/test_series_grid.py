"""Points become a grid: nothing is lost, gaps are named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.signals.rules.series.grid import SECOND_US, fill_gaps, find_step, to_grid
from runlore.signals.rules.series.seasons import Seasons, find_seasons

HOUR_US = 3_600 * SECOND_US


@given(
    st.lists(st.tuples(st.integers(0, 400), st.floats(-1e6, 1e6)), min_size=1, max_size=60),
    st.integers(0, 10**15),
)
def test_each_step_is_the_mean_of_its_points(points: list[tuple[int, float]], first: int) -> None:
    """Against a dictionary of lists."""
    points = sorted(points, key=lambda point: point[0])
    at = np.array([first + minute * 60 * SECOND_US for minute, _ in points])
    grid = to_grid(at, np.array([value for _, value in points]), step_s=600)
    cells: dict[int, list[float]] = {}
    for instant, (_, value) in zip(at, points, strict=True):
        cells.setdefault(int(instant) // (600 * SECOND_US), []).append(value)
    for cell, values in cells.items():
        index = cell - grid.start_us // (600 * SECOND_US)
        assert grid.values[index] == pytest.approx(np.mean(values), abs=1e-6)
    assert np.isfinite(grid.values).sum() == len(cells)
    assert grid.end_us > at[-1]


def test_the_step_is_the_usual_distance_however_points_are_late() -> None:
    rng = np.random.default_rng(1)
    at = np.arange(300) * HOUR_US + rng.integers(0, 60 * SECOND_US, 300)
    assert find_step(at) == 3_600
    assert find_step(np.delete(at, slice(50, 90))) == 3_600
    with pytest.raises(BadInput, match="two instants"):
        find_step(at[:1])


def test_a_gap_is_filled_from_the_season_before() -> None:
    values = np.tile(np.arange(24.0), 4)
    holed = values.copy()
    holed[50:60] = np.nan
    assert (fill_gaps(holed, 24) == values).all()
    start = np.array([np.nan, 1.0, np.nan, 3.0])
    assert fill_gaps(start, 24).tolist() == [1.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("step_s", "steps", "expected"),
    [
        (3_600, 1_000, Seasons(24, 168)),
        (300, 4_000, Seasons(288)),
        (300, 4_400, Seasons(288, 2_016)),
        (86_400, 100, Seasons(7)),
        (86_400, 10, Seasons(1)),
        (604_800, 100, Seasons(1)),
        (3_600, 30, Seasons(1)),
    ],
)
def test_cycles_are_those_that_were_seen_twice(step_s: int, steps: int, expected: Seasons) -> None:
    assert find_seasons(step_s, steps) == expected
