"""The level before a lasting shift does not spoil the forecast of the level since then."""

from dataclasses import dataclass

import numpy as np
import pytest

from runlore.signals.rules.forecasts.forecasting import Forecast, forecast
from runlore.signals.rules.forecasts.level_shift import align
from runlore.signals.rules.series.grid import SECOND_US, Floats, SeriesGrid
from runlore.signals.rules.series.seasons import find_seasons

DAY, HORIZON = 24, 48
COUNT = DAY * 7 * 8
SEEDS = range(4)


def noise(seed: int, count: int = COUNT + HORIZON, memory: float = 0.6) -> Floats:
    rng = np.random.default_rng(seed)
    made = np.empty(count)
    last = 0.0
    for place in range(count):
        last = memory * last + rng.normal(0, 1.5)
        made[place] = last
    return made


def rhythm(seed: int) -> Floats:
    hours = np.arange(COUNT + HORIZON)
    return 60 + 8 * np.sin(2 * np.pi * hours / DAY) + 4 * (hours // DAY % 7 >= 5) + noise(seed)


def of_hours(values: Floats) -> Forecast:
    return forecast(SeriesGrid(0, 3_600, values[:COUNT]), HORIZON)


@dataclass
class Seen:
    """Means over the seeds."""

    error: float
    width: float
    inside: float
    changed: float


def see(series: list[Floats]) -> Seen:
    made = [of_hours(values) for values in series]
    came = [values[COUNT:] for values in series]
    pairs = list(zip(made, came, strict=True))
    return Seen(
        float(np.mean([np.abs(one.value - c).mean() for one, c in pairs])),
        float(np.mean([(one.high - one.low).mean() for one in made])),
        float(np.mean([((one.low <= c) & (c <= one.high)).mean() for one, c in pairs])),
        float(np.mean([one.changed_us is not None for one in made])),
    )


@pytest.mark.parametrize("days", [3])
def test_days_after_a_shift_forecast_and_band_are_as_if_it_had_always_been_so(days: int) -> None:
    """Beside the same series without the shift."""
    usual = see([rhythm(seed) for seed in SEEDS])
    start = COUNT - days * DAY
    shifted = [np.concatenate([v[:start], v[start:] + 40]) for v in map(rhythm, SEEDS)]
    seen = see(shifted)
    assert seen.changed == 1.0
    assert seen.error < 1.25 * usual.error
    assert 0.8 * usual.width < seen.width < 1.25 * usual.width
    assert seen.inside > 0.8
    instants = [of_hours(values).changed_us for values in shifted]
    wrong = [abs(at / (3_600 * SECOND_US) - start) for at in instants if at is not None]
    assert np.median(wrong) <= 2


def test_half_the_level_is_half_the_rhythm_and_half_the_noise() -> None:
    start = COUNT - 5 * DAY
    halved = [np.concatenate([v[:start], v[start:] / 2]) for v in map(rhythm, SEEDS)]
    usual, seen = see([rhythm(seed) / 2 for seed in SEEDS]), see(halved)
    assert seen.error < 1.25 * usual.error
    assert seen.width < 1.25 * usual.width
    assert seen.inside > 0.8


def test_bounds_of_a_series_hold_whatever_its_past_would_be_at_the_new_level() -> None:
    values = np.clip(rhythm(1) - 40, 0, None)
    values[-HORIZON - 4 * DAY :] += 50
    made = of_hours(values)
    assert made.changed_us is not None
    assert made.value.min() > 40
    values = rhythm(1)
    values[-HORIZON - 4 * DAY :] -= 45
    assert of_hours(np.clip(values, 0, None)).low.min() >= 0


WORLDS = {
    "noise": lambda seed: 50 + noise(seed),
    "rhythm": rhythm,
    "walk": lambda seed: np.cumsum(np.random.default_rng(seed).normal(size=COUNT)),
    "trend": lambda seed: 0.1 * np.arange(COUNT) + noise(seed, COUNT),
    "growth by shares": lambda seed: 20 * np.exp(np.arange(COUNT) / 400 + noise(seed, COUNT) / 60),
    "heavy tails": lambda seed: 50 + np.random.default_rng(seed).standard_t(2, COUNT),
    "comes and goes": lambda seed: (
        50 + 40 * (np.arange(COUNT) // (9 * DAY) % 2) + noise(seed, COUNT)
    ),
    "one bad day": lambda seed: rhythm(seed) + 40 * (np.arange(COUNT + HORIZON) // DAY == 40),
    "constant": lambda _seed: np.full(COUNT, 3.0),
}


@pytest.mark.parametrize("world", WORLDS)
def test_what_is_no_lasting_shift_stays_as_it_is(world: str) -> None:
    for seed in range(4):
        values = WORLDS[world](seed)[:COUNT]
        kept = align(values, find_seasons(3_600, COUNT), 3_600)
        assert kept.shifts == ()
        assert (kept.values == values).all()


def test_two_shifts_are_both_moved_to_the_newest_level() -> None:
    values = rhythm(3)[:COUNT]
    stairs = values + 60 * (np.arange(COUNT) > 25 * DAY) - 25 * (np.arange(COUNT) > 45 * DAY)
    aligned = align(stairs, find_seasons(3_600, COUNT), 3_600)
    assert [round(one.start / DAY) for one in aligned.shifts] == [45, 25]
    assert aligned.values == pytest.approx(values + 35, abs=3)
