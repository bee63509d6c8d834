"""Rhythm that is lost, many series at once, a forest for a scope, no echo of dismissed points."""

from datetime import timedelta

import numpy as np
import pytest

from runlore.kernel.errors import BadInput
from runlore.signals.actions.anomalies import AnomalyQuery, dismiss_anomaly, find_anomalies
from runlore.signals.rules.anomalies.crowds import find_crowds, find_silent
from runlore.signals.rules.anomalies.lost_rhythm import LostRhythm, find_lost_rhythms
from runlore.store.engine import Store
from tests.signals.points import END, START, STEPS, day_and_night, write_points

HOUR_US = 3_600_000_000
LOST_AT = 45 * 24 + 6
RARE = 1e-6


def daily(seed: int, *, lost: str = "", weekend: float = 1.0) -> np.ndarray:
    """Eight weeks by the hour; from LOST_AT on, two days without the cycle or six hours late."""
    hours = np.arange(56 * 24)
    is_lost = (hours >= LOST_AT) & (hours < LOST_AT + 48)
    phase = np.where(is_lost & (lost == "shifted"), hours - 6, hours)
    height = np.where(hours // 24 % 7 >= 5, weekend, 1.0) * ~(is_lost & (lost == "gone"))
    noise = np.random.default_rng(seed).normal(0, 1, len(hours))
    return 50 + 5 * height * np.sin(2 * np.pi * phase / 24) + noise


def search(values: np.ndarray) -> list[LostRhythm]:
    return find_lost_rhythms(3_600, np.arange(len(values)) * HOUR_US, values, RARE)


@pytest.mark.parametrize("lost", ["gone", "shifted"])
@pytest.mark.parametrize("weekend", [1.0, 0.2])
def test_a_daily_cycle_that_is_lost_is_found_with_its_evidence(lost: str, weekend: float) -> None:
    found = [search(daily(seed, lost=lost, weekend=weekend)) for seed in range(10)]
    assert sum(map(bool, found)) >= 8
    for one in (rhythm for of_one in found for rhythm in of_one):
        assert (one.what, one.period_s) == (lost, 86_400)
        assert abs(one.since_us / HOUR_US - LOST_AT) <= 24
        assert 7 < one.expected < 14
        assert one.seen < 8 if lost == "gone" else one.shift_s in {18_000, 21_600, 25_200}


def test_a_week_without_its_weekend_is_found() -> None:
    days = np.arange(16 * 7)
    is_low = (days % 7 >= 5) & ~((days >= 84) & (days < 91))
    values = np.repeat(np.where(is_low, 20.0, 80.0), 24)
    values += np.random.default_rng(0).normal(0, 3, len(values))
    (found,) = search(values)
    assert (found.what, found.period_s) == ("gone", 604_800)
    assert 82 <= found.since_us / HOUR_US / 24 <= 86


def test_spikes_levels_noise_and_quiet_weekends_are_no_lost_rhythm() -> None:
    level, spike = daily(1), daily(2)
    level[LOST_AT:] += 40
    spike[LOST_AT] += 60
    noise = np.random.default_rng(3).normal(0, 5, 56 * 24)
    walk = np.cumsum(noise)
    quiet = [daily(seed, weekend=0.2) for seed in range(20)]
    for values in (level, spike, noise, walk, daily(4)[:200], np.full(1_344, 5.0), *quiet):
        assert search(values) == []


def test_many_series_at_once_are_a_crowd_and_single_ones_are_none() -> None:
    rng = np.random.default_rng(0)
    is_odd = rng.random((20, 800)) < 0.02
    assert find_crowds(is_odd, 1e-5) == []
    is_odd[3:11, 600] = True
    (found,) = find_crowds(is_odd, 1e-5)
    assert (found.first, found.last, set(range(3, 11)) <= set(found.series)) == (600, 600, True)
    assert found.seen >= 8
    assert found.expected < 1
    noisy = is_odd.copy()
    noisy[:10, ::40] = True  # so many at once are usual there
    assert find_crowds(noisy, 1e-5) == []
    has_points = rng.random((12, 400)) < 0.98
    has_points[:6, 390:] = False
    has_points[6] = rng.random(400) < 0.5  # it comes as it likes: it is never missed
    silent = find_silent(has_points)
    assert not silent[6].any()
    (gone,) = find_crowds(silent, 1e-5)
    assert (gone.first, gone.last) == (390, 399)
    assert set(range(6)) <= set(gone.series)


def test_the_store_tells_lost_rhythms_crowds_and_what_a_forest_sees_together(store: Store) -> None:
    hours, noise = np.arange(STEPS + 240), np.random.default_rng(5)
    start = END - timedelta(hours=STEPS + 240)
    for number in range(5):
        values = 20 + 5 * np.sin(hours * np.pi / 12) + noise.normal(0, 0.5, len(hours))
        if number == 0:
            values[-48:] = 20 + noise.normal(0, 0.5, 48)
        values[205] += 15
        write_points(store, values[: -6 if number > 1 else None], name=f"m{number}", first=start)
    found = find_anomalies(store, AnomalyQuery(END, start))
    by_kind = {one.kind: one for one in found}
    lost, crowd, silent = (by_kind[k] for k in ("rhythm", "many-unusual", "many-silent"))
    assert (lost.series, lost.rhythm is not None and lost.rhythm.what) == ("m0", "gone")
    assert (crowd.seen, crowd.since) == (5, start + timedelta(hours=205))
    assert (silent.others, silent.seen) == (("m2", "m3", "m4"), 3)
    for one in (lost, crowd, silent):
        with pytest.raises(BadInput, match="cannot be dismissed"):
            dismiss_anomaly(store, one.id, "ann", "", END)
    together = AnomalyQuery(END, start, budget=20.0, method="isolation-forest-together")
    seen = [one for one in find_anomalies(store, together) if one.series and one.kind == "point"]
    near = [one for one in seen if abs(one.since - crowd.since) <= timedelta(hours=3)]
    assert {name for one in near for name in (*one.others, one.series)} == {
        f"m{number}" for number in range(5)
    }


def test_a_dismissed_spike_has_no_echo_and_a_new_deviation_after_it_is_told(store: Store) -> None:
    values = day_and_night()
    values[300] += 20
    write_points(store, values)
    (found,) = find_anomalies(store, AnomalyQuery(END, START, budget=0.2))
    dismiss_anomaly(store, found.id, "ann", "", END + timedelta(minutes=1))
    later = AnomalyQuery(END + timedelta(minutes=2), START, budget=100.0)
    near = [
        one.since
        for one in find_anomalies(store, later)
        if timedelta() <= one.since - found.since <= timedelta(hours=4)
    ]
    assert near == []
    low = np.array([values[302] - 25])
    write_points(
        store,
        low,
        first=START + timedelta(hours=302),
        revision=1,
        known_at=END + timedelta(minutes=3),
    )
    after = AnomalyQuery(END + timedelta(minutes=4), START, budget=5.0)
    assert START + timedelta(hours=302) in {one.since for one in find_anomalies(store, after)}
