"""Local times, and how rare an execution is for its actor."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.advice.rules.patterns.habits import learn_habits
from runlore.advice.rules.patterns.local_time import local_times
from runlore.kernel.calendars import find_zone
from runlore.kernel.errors import BadInput

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC).toordinal()


@given(
    st.sampled_from(ZONES),
    st.lists(st.integers(915_148_800, 1_893_456_000), min_size=1, max_size=20),
)
def test_local_times_are_those_of_the_calendar(zone: str, seconds: list[int]) -> None:
    times = local_times(np.array(seconds, dtype=np.float64), ZoneInfo(zone))
    for at, day, weekday, minute in zip(
        seconds, times.day, times.weekday, times.minute, strict=True
    ):
        local = datetime.fromtimestamp(at, ZoneInfo(zone))
        assert day == local.date().toordinal() - EPOCH
        assert weekday == local.weekday()
        assert minute == pytest.approx(local.hour * 60 + local.minute + local.second / 60)


def test_a_job_at_two_stays_at_two_in_summer() -> None:
    berlin = find_zone("Europe/Berlin")
    days = [datetime(2026, month, 10, 2, 10, tzinfo=berlin) for month in (1, 4, 7, 12)]
    times = local_times(np.array([day.timestamp() for day in days]), berlin)
    assert times.minute.tolist() == [130.0] * 4


def test_an_unknown_zone_is_refused_by_name() -> None:
    for name in ("Berlin", "../etc/passwd", "", "a\x00b"):
        with pytest.raises(BadInput, match="zone"):
            find_zone(name)


@given(
    st.lists(st.tuples(st.integers(0, 167), st.sampled_from("abc")), max_size=60),
    st.integers(0, 167),
)
def test_rarity_is_a_probability_that_orders_cells_by_their_share(
    seen: list[tuple[int, str]], hour: int
) -> None:
    habits = learn_habits(
        np.array([at for at, _ in seen], dtype=np.int64), [scope for _, scope in seen]
    )
    assert habits.shares.sum() == pytest.approx(1)
    assert habits.hours.sum() == len(seen)
    scopes = ["a", "b", "never seen"]
    rarity = habits.probability(np.full(3, hour), scopes)
    assert ((rarity > 0) & (rarity <= 1)).all()
    rows = [habits.scopes.index(s) if s in habits.scopes else -1 for s in scopes]
    shares = habits.shares[rows, hour]
    slow = [habits.shares[habits.shares <= share * (1 + 1e-9)].sum() for share in shares]
    assert rarity == pytest.approx(slow)


def test_a_new_host_at_night_is_rarer_than_the_usual_host_by_day() -> None:
    random = np.random.default_rng(1)
    office = random.integers(9, 17, 400) + 24 * random.integers(0, 5, 400)
    habits = learn_habits(office, ["web-1"] * 400)
    usual, night, other = habits.probability(np.array([34, 27, 27]), ["web-1", "web-1", "db-9"])
    assert usual > 0.1
    assert 0.02 > night > other
