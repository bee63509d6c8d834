"""Times of a wall clock over both changes of the clock."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.records.formats.csv import layout
from runlore.records.formats.local_times import in_order, localized
from runlore.records.mapping import declare

SPRING, AUTUMN = "2025-03-30", "2025-10-26"
HEADER = b"id,submitted,started,finished\n"


def read(*rows, timezone="Europe/Berlin"):
    data = HEADER + "".join(f"{n},{row}\n" for n, row in enumerate(rows)).encode()
    return layout(data, "log", declare({"timezone": timezone})).parse(data, 1)


def clocks(parsed):
    names = ("submitted", "started", "finished")
    return [
        [datetime.fromtimestamp(row[name] / 1e6, UTC).strftime("%H:%M:%S") for name in names]
        for row in parsed.records.to_pylist()
    ]


@pytest.mark.parametrize(
    ("day", "times", "utc"),
    [
        (AUTUMN, ("01:30", "01:40", "02:10"), ["23:30:00", "23:40:00", "00:10:00"]),
        (AUTUMN, ("02:50", "02:55", "02:05"), ["00:50:00", "00:55:00", "01:05:00"]),
        (AUTUMN, ("02:30", "02:31", "02:40"), ["00:30:00", "00:31:00", "00:40:00"]),
        (AUTUMN, ("02:59:50", "02:00:05", "02:20"), ["00:59:50", "01:00:05", "01:20:00"]),
        (AUTUMN, ("02:10+01:00", "02:11+01:00", "02:20"), ["01:10:00", "01:11:00", "01:20:00"]),
        (SPRING, ("01:50", "01:55", "03:05"), ["00:50:00", "00:55:00", "01:05:00"]),
        (SPRING, ("02:30", "02:31", "02:40"), ["01:30:00", "01:31:00", "01:40:00"]),
        (SPRING, ("02:59", "02:59:30", "03:00:30"), ["01:59:00", "01:59:30", "02:00:30"]),
        (SPRING, ("01:59", "02:01", "03:30"), ["00:59:00", "01:01:00", "01:30:00"]),
    ],
)
def test_the_order_and_the_length_of_work_survive_a_change_of_the_clock(day, times, utc):
    parsed = read(",".join(f"{day} {time}" for time in times))
    assert parsed.rejects.num_rows == 0
    assert clocks(parsed) == [utc]


def test_rows_with_a_time_that_comes_twice_are_counted():
    parsed = read(
        f"{AUTUMN} 02:30,{AUTUMN} 02:31,{AUTUMN} 02:40",
        f"{AUTUMN} 01:30,{AUTUMN} 01:31,{AUTUMN} 03:40",
        f"{AUTUMN} 02:30+02:00,{AUTUMN} 02:31+02:00,{AUTUMN} 02:40+02:00",
    )
    assert [*parsed.warnings.values()] == [1]
    assert read(f"{AUTUMN} 02:30,,", timezone="UTC").warnings == {}


@pytest.mark.parametrize(
    ("timezone", "row", "utc"),
    [
        ("America/New_York", "2025-03-09 02:30,2025-03-09 02:45,2025-03-09 03:30",
         ["07:30:00", "07:45:00", "08:30:00"]),
        ("Australia/Lord_Howe", "2025-10-05 02:10,2025-10-05 02:20,2025-10-05 02:40",
         ["15:40:00", "15:50:00", "16:10:00"]),
        ("America/Sao_Paulo", "2018-11-04 00:10,2018-11-04 00:20,2018-11-04 01:30",
         ["03:10:00", "03:20:00", "03:30:00"]),
    ],
)  # fmt: skip
def test_gaps_of_other_zones_are_shifted_too(timezone, row, utc):
    assert clocks(read(row, timezone=timezone)) == [utc]


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"]),
    st.lists(st.integers(0, 3 * 3600), min_size=2, max_size=2),
    st.integers(-4 * 3600, 8 * 3600),
    st.sampled_from([datetime(2025, 3, 30, tzinfo=UTC), datetime(2025, 10, 26, tzinfo=UTC)]),
)
def test_real_work_on_a_clock_that_is_set_keeps_its_order(timezone, lengths, second, day):
    begin = int(day.timestamp()) + second
    stamps = [begin, begin + lengths[0], begin + sum(lengths)]
    walls = [
        datetime.fromtimestamp(stamp, ZoneInfo(timezone)).replace(tzinfo=None) for stamp in stamps
    ]
    naive = [pa.array([wall], pa.timestamp("us")) for wall in walls]
    clock = None if timezone == "UTC" else naive
    us = [localized(one, timezone) for one in naive]
    ordered = [one[0].as_py() for one in in_order(clock or [None] * 3, us, timezone)]
    assert ordered == sorted(ordered)
    assert ordered[0] in (begin * 1_000_000, (begin - 3600) * 1_000_000)
