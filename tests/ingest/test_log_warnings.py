"""Warnings about logs that are read without an error: each fires, and stays silent otherwise."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from runlore.ingest.rules.log_evidence import LogEvidence
from runlore.ingest.rules.log_warnings import LogWarning, merged, note, warnings_of
from runlore.kernel.instants import to_us
from runlore.records.clock_skew import IngestClock
from runlore.records.formats import csv
from runlore.records.mapping import declare

NOW = datetime(2026, 6, 1, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
HEADER = "id,submitted,started,finished,status,code,cpus"


def row(n, name=None, *, status="ok", wait_s=5.0, run_s=60.0, code="", cpus="4", submitted=None):
    at = submitted or START + timedelta(minutes=7 * n)
    times = [at, at + timedelta(seconds=wait_s), at + timedelta(seconds=wait_s + run_s)]
    stamps = [f"{time:%Y-%m-%dT%H:%M:%S.%fZ}" for time in times]
    return ",".join([str(n if name is None else name), *stamps, status, code, cpus])


def read(rows, chunks=1, header=HEADER, **mapping):
    mapping = declare({"inputs": ["code", "cpus"]} | mapping)
    evidence = LogEvidence()
    for part in np.array_split(np.array(list(rows), dtype=object), chunks):
        content = ("\n".join([header, *part]) + "\n").encode()
        layout = csv.layout(content, "log", mapping, IngestClock(to_us(NOW), 10_000_000))
        evidence.add(layout.parse(content, 1))
    return warnings_of(evidence, to_us(NOW))


def kinds(rows, **options):
    return [warning.kind for warning in read(rows, **options)]


def failing(n):
    return "failed" if n % 4 == 0 else "ok"


FIRING = {
    "500 rows are 50 executions": (
        "repeated ids",
        [row(n, n % 50, submitted=START, run_s=n + 1) for n in range(500)],
    ),
    "attempts of one job share its id": (
        "repeated ids",
        [row(n, n // 2, submitted=START, run_s=n + 1, status=failing(n)) for n in range(40)],
    ),
    "tasks of one run share its id": (
        "repeated ids",
        [row(n, "run", submitted=START, run_s=n + 1) for n in range(12)],
    ),
    "steps of sacct": (
        "job steps",
        [row(n, f"{n // 2}.batch" if n % 2 else n // 2) for n in range(20)],
    ),
    "numbered steps beside their job": (
        "job steps",
        [row(n, f"{n // 3}.{n % 3 - 1}" if n % 3 else n // 3) for n in range(30)],
    ),
    "ids that a spreadsheet rounded": ("rounded ids", [row(n, f"9.{n:02}E+09") for n in range(20)]),
    "steps of an array": ("job steps", [row(n, f"7_{n}.extern") for n in range(10)]),
    "milliseconds as seconds": ("long runs", [row(n, run_s=400_000.0) for n in range(20)]),
    "a column of an older time": ("long runs", [row(n, run_s=86_400 * 30) for n in range(10)]),
    "dates without a time of day": (
        "whole days",
        [row(n, run_s=86_400.0 * (n % 2)) for n in range(20)],
    ),
    "starts two hours late": ("shifted times", [row(n, wait_s=7200 + n) for n in range(30)]),
    "an error code as input": (
        "input filled when work failed",
        [row(n, status=failing(n), code="137" if n % 4 == 0 else "") for n in range(60)],
    ),
    "a signal of most failures": (
        "input filled when work failed",
        [row(n, status=failing(n), code="9" if n % 8 == 0 else "") for n in range(90)],
    ),
    "a node that cancelled work never had": (
        "input missing when work failed",
        [
            row(n, status="ok" if n % 4 else "cancelled", cpus="4" if n % 4 else "")
            for n in range(60)
        ],
    ),
    "processors of work that failed are missing": (
        "input missing when work failed",
        [row(n, status=failing(n), cpus="" if n % 4 == 0 else "4") for n in range(60)],
    ),
}
SILENT = {
    "a log without flaws": [row(n, status=failing(n)) for n in range(200)],
    "the same rows twice": [row(n % 100) for n in range(200)],
    "a few corrections": [row(n % 190, status=failing(n)) for n in range(200)],
    "an id of years ago": [row(n, n % 50) for n in range(500)],
    "states of one run in turn": [
        line
        for n in range(40)
        for line in (
            f"{n},2026-01-01T00:00:00Z,,,queued,,",
            f"{n},2026-01-01T00:00:00Z,2026-01-01T00:00:05Z,,running,,",
            f"{n},2026-01-01T00:00:00Z,2026-01-01T00:00:05Z,2026-01-01T00:01:00Z,ok,,",
        )
    ],
    "versions as ids": [row(n, f"1.{n}") for n in range(50)],
    "ids that pandas made numbers": [row(n, f"{n}.0") for n in range(50)],
    "some runs of days": [row(n, run_s=400_000 if n % 3 == 0 else 60) for n in range(60)],
    "waits of hours": [row(n, wait_s=600.0 * n) for n in range(60)],
    "waits of half an hour": [row(n, wait_s=1800.0) for n in range(60)],
    "an input that half of both have": [
        row(n, status=failing(n), code="1" if n % 3 == 0 else "") for n in range(200)
    ],
    "too few failures to say": [
        row(n, status="failed" if n < 5 else "ok", code="1" if n < 5 else "") for n in range(60)
    ],
}


@pytest.mark.parametrize(("kind", "rows"), FIRING.values(), ids=FIRING)
@pytest.mark.parametrize("chunks", [1, 3])
def test_a_mistake_is_named_once(kind, rows, chunks) -> None:
    rows = sorted(rows) if chunks > 1 and kind == "repeated ids" else rows
    assert kinds(rows, chunks=chunks) == [kind]


@pytest.mark.parametrize("rows", SILENT.values(), ids=SILENT)
def test_a_good_log_gets_no_warning(rows) -> None:
    assert kinds(rows) == []


def test_the_warning_of_repeated_ids_counts_both() -> None:
    (warning,) = read(FIRING["500 rows are 50 executions"][1])
    assert warning.message == "500 rows are 50 executions: is `id` unique?"
    assert "--map id=" in warning.remedy


def test_an_input_is_named_with_its_shares() -> None:
    (warning,) = read(FIRING["an error code as input"][1])
    assert "`code` is filled only when work failed (100% of failures, 0%" in warning.message
    assert "--outcome code" in warning.remedy


def over_the_change(zone, day=28):
    """A row each 12 minutes over three days, with the wall clock of a zone."""
    start = datetime(2027, 3, day - 1, tzinfo=UTC)
    at = [start + timedelta(minutes=12 * n) for n in range(360)]
    return [
        f"{n},{time.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S},,,queued,,"
        for n, time in enumerate(at)
    ]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", 28),
        ("Europe/Lisbon", 28),
        ("Europe/Helsinki", 28),
        ("America/Chicago", 14),
    ],
)
def test_an_hour_that_clocks_skip_is_local(zone, day, monkeypatch) -> None:
    monkeypatch.setattr(f"{__name__}.NOW", datetime(2027, 6, 1, tzinfo=UTC))
    assert kinds(over_the_change(zone, day)) == ["skipped hour"]
    assert kinds(over_the_change(zone, day), timezone=zone) == []
    assert kinds(over_the_change("UTC", day)) == []
    assert kinds(over_the_change("Asia/Tokyo", day)) == []


def test_hours_that_are_always_quiet_are_not_skipped(monkeypatch) -> None:
    monkeypatch.setattr(f"{__name__}.NOW", datetime(2027, 6, 1, tzinfo=UTC))
    assert kinds([row for row in over_the_change("UTC") if "T02:" not in row]) == []


def ahead(*hours, zone=""):
    times = [NOW + timedelta(hours=at) for at in hours]
    lines = [f"{n},{at:%Y-%m-%d %H:%M}{zone},,,queued,," for n, at in enumerate(times)]
    return [*lines, *(row(n + 100) for n in range(50))]


def test_times_a_few_hours_ahead_look_local() -> None:
    (warning,) = read(ahead(0.5, 1, 2))
    assert (warning.kind, warning.rows) == ("local times", 3)
    assert "up to 2.0 h in the future" in warning.message


@pytest.mark.parametrize("rows", [ahead(0.5, zone="Z"), ahead(1, 24 * 365), ahead(0.01)])
def test_times_with_a_zone_or_far_ahead_are_not_local(rows) -> None:
    assert kinds(rows) == []


def test_remarks_on_rows_are_warnings_too() -> None:
    evidence = LogEvidence(rows=9)
    evidence.notes["are odd"] = 3
    assert warnings_of(evidence, 0) == [note("are odd", 3)]


def test_remarks_on_rows_are_added_up_and_other_warnings_replaced() -> None:
    old = LogWarning("job steps", "2 ids look like steps", 2, "sacct -X")
    new = LogWarning("job steps", "5 ids look like steps", 5, "sacct -X")
    stored = [vars_of(old), vars_of(note("are odd", 3))]
    assert merged(stored, [new, note("are odd", 4)]) == [new, note("are odd", 7)]
    assert merged(stored, []) == [old, note("are odd", 3)]


def vars_of(warning):
    return {name: getattr(warning, name) for name in ("kind", "message", "rows", "remedy")}
