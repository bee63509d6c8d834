"""Starts and ends that are a little too early are moved into order, and larger ones are not."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.kernel.instants import from_us
from runlore.records.clock_skew import CLAMPED, IngestClock, in_sequence, one_in_sequence
from runlore.records.formats import csv
from runlore.records.mapping import declare

CASES = Path(__file__).parents[3] / "shared" / "cases"
S = 1_000_000
HEADER = b"id,submitted,started,finished,status\n"
instants = st.one_of(st.none(), st.integers(0, 40 * S))


def parsed(rows: bytes, tolerance_s: float = 10.0, **mapping):
    clock = IngestClock(tolerance_us=round(tolerance_s * S))
    layout = csv.layout(HEADER + rows, "log", declare(mapping), clock)
    return layout.parse(HEADER + rows, 1)


@given(st.lists(st.tuples(st.integers(0, 40 * S), instants, instants), max_size=20))
def test_columns_and_single_executions_follow_one_rule(rows) -> None:
    columns = [pa.array(list(part), pa.int64()) for part in zip(*rows, strict=True)]
    columns = columns or [pa.array([], pa.int64())] * 3
    ordered = in_sequence(*columns, 10 * S)
    pairs = list(zip(ordered.started.to_pylist(), ordered.finished.to_pylist(), strict=True))
    for row, pair, is_moved in zip(rows, pairs, ordered.is_moved, strict=True):
        submitted, started, finished = (None if us is None else from_us(us) for us in row)
        expected = one_in_sequence(submitted, started, finished, timedelta(seconds=10))
        assert pair == tuple(
            None if at is None else (at - from_us(0)) // timedelta(microseconds=1)
            for at in expected
        )
        assert is_moved == (pair != row[1:])
        if None not in (*row, *pair) and row[1] <= row[2] and pair[0] == row[0]:
            assert pair[1] - pair[0] == row[2] - row[1]


SKEWED = {
    "a runner 0.2 s behind": ("00:00:01Z", "00:00:00.8Z", "00:01:00Z", 59.2),
    "a host 9 s behind": ("00:00:09Z", "00:00:00Z", "00:00:05Z", 5.0),
    "an end before its start": ("00:00:01Z", "00:00:02Z", "00:00:01Z", 0.0),
    "an end before the submission, without a start": ("00:00:01Z", "", "00:00:00Z", None),
}


def skewed(*times: str) -> bytes:
    """A row of an execution with these times of one day."""
    cells = [f"2026-01-01T{time}" if time else "" for time in times]
    return f"a,{','.join(cells)},cancelled\n".encode()


@pytest.mark.parametrize("times", SKEWED.values(), ids=SKEWED)
def test_a_little_skew_is_taken_with_its_duration_and_counted(times) -> None:
    *cells, duration = times
    result = parsed(skewed(*cells))
    assert result.rejects.num_rows == 0
    assert result.warnings == {CLAMPED: 1}
    (fact,) = result.records.to_pylist()
    assert fact["submitted"] <= fact["finished"] <= fact["known_at"]
    if duration is not None:
        assert (fact["finished"] - fact["started"]) / S == pytest.approx(duration)


@pytest.mark.parametrize("lag_s", [10.001, 3600])
def test_a_large_difference_is_an_error_of_the_log(lag_s) -> None:
    started = np.datetime64("2026-01-01T12:00:00.000") - np.timedelta64(int(lag_s * 1000), "ms")
    result = parsed(f"a,2026-01-01T12:00:00Z,{started}Z,2026-01-01T13:00:00Z,ok\n".encode())
    assert result.rejects["reason"].to_pylist() == ["started is before submitted"]
    assert result.warnings == {}


def test_without_a_tolerance_nothing_is_moved() -> None:
    assert parsed(skewed(*SKEWED["a runner 0.2 s behind"][:3]), 0).rejects.num_rows == 1


def test_a_row_that_became_known_a_little_before_its_submission_is_known_from_then_on() -> None:
    header = HEADER.replace(b"status", b"status,known_at")
    cells = b"a,2026-01-01T00:00:09Z,,,submitted,2026-01-01T00:00:00Z\n"
    layout = csv.layout(header + cells, "log", declare({}), IngestClock(tolerance_us=10 * S))
    (fact,) = layout.parse(header + cells, 1).records.to_pylist()
    assert fact["known_at"] == fact["submitted"]


def test_a_reject_does_not_count_as_moved() -> None:
    *cells, _ = SKEWED["a runner 0.2 s behind"]
    result = parsed(skewed(*cells).replace(b"cancelled", b"?"))
    assert result.rejects.num_rows == 1
    assert result.warnings == {}
    early = in_sequence(*(pa.array([at_s * S]) for at_s in (10, 9, 20)), 10 * S)
    assert early.warnings(np.array([True])) == {CLAMPED: 1}
    assert early.warnings(np.array([False])) == {}


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases are not here")
def test_no_job_of_the_case_is_lost() -> None:
    content = (CASES / "clock-skew" / "jobs.csv").read_bytes()
    columns = {"submitted": "created_at", "started": "started_at", "finished": "completed_at"}
    mapping = declare(
        {
            "columns": columns | {"status": "conclusion"},
            "status": {"skipped": "cancelled"},
        }
    )
    clock = IngestClock(tolerance_us=10 * S)
    result = csv.layout(content, "ci", mapping, clock).parse(content, 1)
    assert result.rejects.num_rows == 0
    assert result.records.num_rows == 199
    assert result.warnings[CLAMPED] > 50
