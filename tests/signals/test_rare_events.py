"""Constant, intermittent and bounded series: what a forecast of them has to be."""

from collections.abc import Callable

import numpy as np
import pytest

from runlore.signals.rules.forecasts.forecasting import Bounds, Forecast, forecast
from runlore.signals.rules.forecasts.rare_events import EVENT_RATE, UsualValue, event_rate
from runlore.signals.rules.series.grid import Floats, SeriesGrid
from runlore.signals.rules.series.seasons import find_seasons

DAY, HORIZON, COUNT = 24, 48, 24 * 7 * 6
SEEDS = range(8)
PERCENT = Bounds(0, 100)
HOURS = np.arange(COUNT + HORIZON)
Make = Callable[[np.random.Generator], Floats]


def see(make: Make, bounds: Bounds = PERCENT) -> list[tuple[Forecast, Floats]]:
    seen = []
    for seed in SEEDS:
        values = make(np.random.default_rng(seed))
        grid = SeriesGrid(0, 3_600, values[:COUNT])
        seen.append((forecast(grid, HORIZON, 0.9, bounds), values[COUNT:]))
    return seen


def held(seen: list[tuple[Forecast, Floats]]) -> float:
    return float(np.mean([(one.low <= came) & (came <= one.high) for one, came in seen]))


def rmse(seen: list[tuple[Forecast, Floats]], of: str = "value") -> float:
    return float(np.sqrt(np.mean([(getattr(one, of) - came) ** 2 for one, came in seen])))


def events(chance: float) -> Make:
    return lambda rng: (rng.random(len(HOURS)) < chance) * rng.lognormal(1, 0.5, len(HOURS))


@pytest.mark.parametrize("chance", [0.02, 0.1, 0.3])
def test_of_rare_events_the_rate_is_forecast_not_the_last_ones(chance: float) -> None:
    seen = see(events(chance))
    expected = chance * np.exp(1 + 0.5**2 / 2)
    made = np.mean([one.value for one, _ in seen])
    assert 0.7 * expected < made < 1.3 * expected
    law = np.sqrt(np.mean([(expected - came) ** 2 for _, came in seen]))
    assert rmse(seen) < min(1.1 * law, rmse(seen, "baseline"))
    assert all((one.low == 0).all() and EVENT_RATE in one.weights for one, _ in seen)
    assert 0.86 <= held(seen) <= 0.995
    assert np.mean([one.high for one, _ in seen]) < np.exp(1 + 1.65 * 0.5)


def test_dips_below_a_hundred_per_cent_leave_it_in_the_band() -> None:
    seen = see(lambda rng: 100 - events(0.05)(rng))
    assert all((one.high == 100).all() for one, _ in seen)
    assert held(seen) > 0.9
    assert np.mean([one.value for one, _ in seen]) == pytest.approx(100 - 0.05 * 3.08, abs=0.1)


def test_zeros_of_a_rhythm_are_no_surprises() -> None:
    """Nothing at night, as of a solar panel: by day the band does not reach to 0."""
    sun = np.clip(np.sin((HOURS % DAY - 6) * np.pi / 12), 0, None) * 80
    seen = see(lambda rng: np.where(sun > 0, np.clip(sun + rng.normal(0, 3, len(sun)), 0, 100), 0))
    noon = HOURS[COUNT:] % DAY == 12
    assert all(EVENT_RATE not in one.weights for one, _ in seen)
    assert min(one.low[noon].min() for one, _ in seen) > 60
    assert held(seen) > 0.85


def test_a_constant_with_a_rare_blip_is_the_constant() -> None:
    seen = see(lambda rng: np.where(rng.random(len(HOURS)) < 0.01, 50.0, 7.5))
    assert all(one.changed_us is None for one, _ in seen)
    assert held(seen) > 0.95
    assert np.mean([one.value for one, _ in seen]) == pytest.approx(7.5 + 0.01 * 42.5, abs=0.3)


def test_a_constant_at_a_bound_stays_there() -> None:
    for value in (0.0, 100.0):
        [(made, _), *_] = see(lambda _rng, value=value: np.full(len(HOURS), value))
        assert (made.value == value).all()
        assert (made.low == value).all()
        assert (made.high == value).all()


def test_a_saturating_percentage_is_held_at_its_bound() -> None:
    """Clipped at 100 about a fifth of the time."""

    def busy(rng: np.random.Generator) -> Floats:
        free = 88 + 15 * np.sin(2 * np.pi * HOURS / DAY) + rng.normal(0, 4, len(HOURS))
        return np.clip(free, 0, 100)

    seen = see(busy)
    assert 0.86 <= held(seen) <= 0.95
    assert max(one.high.max() for one, _ in seen) == 100
    peak = HOURS[COUNT:] % DAY == 6
    assert min(one.value[peak].min() for one, _ in seen) > 95
    assert max(one.value.max() for one, _ in seen) <= 100


def test_the_rate_follows_a_change_of_the_rate() -> None:
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.random(2_000) < 0.05, rng.random(500) < 0.25]) * 2.0
    made = event_rate(UsualValue(0.0, is_lowest=True))(values, find_seasons(3_600, 2_500), 3)
    assert made == pytest.approx(np.full(3, 0.5), abs=0.12)
