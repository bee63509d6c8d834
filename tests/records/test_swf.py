"""The Standard Workload Format, line by line."""

import json

import pytest

from runlore.kernel.errors import BadInput
from runlore.records.formats.swf import layout

HEADER = b"; Version: 2.2\n; UnixStartTime: 1000000000\n;\n"
START_US = 1_000_000_000 * 1_000_000
GOOD = "1 100 20 300 8 12.5 64 16 600 128 1 7 2 3 4 5 -1 -1"


def read(*lines, head=HEADER):
    data = head + "\n".join(lines).encode() + b"\n"
    return layout(data, "log", None).parse(data, 1)


def reasons(parsed):
    return [(row["line"], row["reason"]) for row in parsed.rejects.to_pylist()]


NAMES = (
    *("job", "submit", "wait", "run", "allocated", "cpu", "memory", "processors", "time"),
    *("req_memory", "status", "user", "group", "executable", "queue", "partition"),
    *("before", "think"),
)


def job(**changes):
    fields = dict(zip(NAMES, GOOD.split(), strict=True)) | changes
    return " ".join(str(value) for value in fields.values())


def test_a_job_becomes_an_execution():
    (row,) = read(GOOD).records.to_pylist()
    assert json.loads(row.pop("inputs")) == {
        "processors": 16,
        "requested_time_s": 600,
        "requested_memory_kb": 128,
        "group": 2,
        "executable": 3,
        "queue": 4,
        "partition": 5,
    }
    assert json.loads(row.pop("outcome")) == {
        "processor_s": 2400,
        "cpu_s": 12.5,
        "memory_kb": 64,
        "peak_memory_bytes": 64 * 1024 * 8,
        "allocated_processors": 8,
    }
    assert row == {
        "line": 4,
        "source": "log",
        "source_id": "1",
        "actor": "user7",
        "kind": "exe3",
        "scope": "queue4/partition5",
        "submitted": START_US + 100_000_000,
        "started": START_US + 120_000_000,
        "finished": START_US + 420_000_000,
        "status": "succeeded",
        "submission_known_at": START_US + 100_000_000,
        "known_at": START_US + 420_000_000,
    }


def test_what_is_unknown_is_left_out():
    told = {"job", "submit", "wait", "run", "allocated", "status"}
    unknown = {name: -1 for name in NAMES if name not in told}
    (row,) = read(job(**unknown)).records.to_pylist()
    assert (row["actor"], row["kind"], row["scope"]) == ("", "", "")
    assert json.loads(row["inputs"]) == {"processors": 8}
    assert json.loads(row["outcome"]) == {"processor_s": 2400, "allocated_processors": 8}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (1, "succeeded"),
        (0, "failed"),
        (5, "cancelled"),
        (2, "partial"),
        (3, "partial"),
        (4, "partial"),
        (-1, "unknown"),
    ],
)
def test_status_codes_have_their_meaning(code, status):
    assert read(job(status=code)).records["status"].to_pylist() == [status]


@pytest.mark.parametrize(("run", "status"), [(-1, 5), (0, 5), (0, 0), (-1, -1)])
def test_a_job_that_never_ran_has_not_started_and_measured_nothing(run, status):
    (row,) = read(job(run=run, status=status)).records.to_pylist()
    assert row["started"] is None
    assert row["finished"] == START_US + 120_000_000
    assert row["outcome"] == "{}"


def test_a_job_that_completed_in_no_time_has_started():
    (row,) = read(job(run=0)).records.to_pylist()
    assert row["started"] == row["finished"] == START_US + 120_000_000


def test_an_unknown_wait_leaves_the_start_unknown_and_keeps_the_run_time():
    (row,) = read(job(wait=-1)).records.to_pylist()
    assert row["started"] is None
    assert row["finished"] == START_US + 400_000_000
    assert json.loads(row["outcome"])["duration_s"] == 300


def test_an_unknown_run_time_of_a_completed_job_leaves_its_end_unknown_and_keeps_its_wait():
    (row,) = read(job(run=-1)).records.to_pylist()
    assert row["finished"] is None
    assert row["known_at"] == row["started"] == START_US + 120_000_000
    assert "duration_s" not in json.loads(row["outcome"])


def test_scope_is_whichever_of_queue_and_partition_is_known():
    rows = read(job(queue=-1), job(partition=-1)).records["scope"].to_pylist()
    assert rows == ["partition5", "queue4"]


def test_tabs_blanks_and_windows_line_ends_separate_and_comments_are_skipped():
    data = (
        HEADER
        + b"  "
        + GOOD.replace(" ", "\t  ").encode()
        + b"  \r\n; note\r\n\r\n"
        + GOOD.encode()
    )
    parsed = layout(data, "log", None).parse(data, 1)
    assert parsed.records["line"].to_pylist() == [4, 7]
    assert parsed.rejects.num_rows == 0


def test_each_bad_line_is_refused_with_its_number_reason_and_text():
    lines = [
        GOOD,
        "1 2 3",
        GOOD + " 9",
        job(submit=-5),
        job(run="x1"),
        job(wait="nan"),
        job(job="1.5"),
        job(status=9),
        job(run="1e12"),
        job(user="2.5"),
        "caf\\xe9 " + GOOD,
        job(job=2),
    ]
    parsed = read(*lines)
    assert parsed.records["source_id"].to_pylist() == ["1", "2"]
    assert reasons(parsed) == [
        (5, "has 3 fields, not 18"),
        (6, "has 19 fields, not 18"),
        (7, "submit is negative: '-5'"),
        (8, "run: 'x1' is not a number"),
        (9, "wait: 'nan' is not a number"),
        (10, "job: '1.5' is not a whole number"),
        (11, "status '9' is not -1 or 0 to 5"),
        (12, "it ends after the year 2200"),
        (13, "user: '2.5' is not a whole number"),
        (14, "has 19 fields, not 18"),
    ]
    assert parsed.rejects["raw"][0].as_py() == "1 2 3"


def test_bytes_that_are_no_text_are_refused():
    data = HEADER + b"\xff\xfe\n" + GOOD.encode() + b"\n1\0 2\n"
    parsed = layout(data, "log", None).parse(data, 1)
    assert reasons(parsed) == [(4, "is not text"), (6, "is not text")]
    assert parsed.records.num_rows == 1


def test_parts_of_a_job_that_has_a_line_of_its_own_are_refused():
    parsed = read(GOOD, job(status=2), job(job=2, status=4))
    assert parsed.records["source_id"].to_pylist() == ["1", "2"]
    assert reasons(parsed) == [(5, "is a part of job 1, which has a line")]


def test_a_bad_line_does_not_change_how_the_good_ones_are_read():
    alone = read(GOOD).records.drop_columns(["line"]).to_pylist()
    assert read("x", job(cpu="?"), GOOD).records.drop_columns(["line"]).to_pylist() == alone


def test_without_a_start_in_the_header_it_must_be_told():
    with pytest.raises(BadInput, match="has no UnixStartTime; say when the log began with --start"):
        layout(b"; Version: 2\n", "log", None)
    assert layout(b"", "log", 7).unix_start_s == 7
