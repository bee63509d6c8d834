"""Calendar features against the standard library's calendar."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runlore.features.known import calendar
from tests.oracles import features as oracle

INSTANTS = st.integers(0, 7_258_118_399_999_999)
OFFSETS_H = st.sampled_from([0.0, 1.0, -3.5, 5.75, 14.0, -12.0])


@given(INSTANTS, OFFSETS_H)
def test_hours_and_weekdays_are_those_of_the_calendar(as_of_us, utc_offset_h):
    found = [part[0] for part in calendar(np.array([as_of_us]), utc_offset_h)]
    np.testing.assert_allclose(found, oracle.calendar(as_of_us, utc_offset_h), rtol=1e-12)


@given(st.integers(1, 80_000), OFFSETS_H)
def test_the_last_instant_of_a_day_is_not_the_next_day(day, utc_offset_h):
    midnight = day * 86_400_000_000 - round(utc_offset_h * 3_600_000_000)
    before, after = np.array([[midnight - 1], [midnight]])
    hour, weekday, hour_of_week = (
        part.astype(np.float32)[0] for part in calendar(before, utc_offset_h)
    )
    assert hour < 24
    assert hour_of_week < 168
    assert calendar(after, utc_offset_h)[0][0] == 0
    assert (weekday + 1) % 7 == calendar(after, utc_offset_h)[1][0]
