"""Tasks as Nextflow's trace file has them: the traps of the format, one row each."""

import json
from datetime import UTC, datetime

import pytest

from runlore.kernel.errors import BadInput
from runlore.records.formats import nextflow
from runlore.records.formats.nextflow import CACHED, NEVER_SUBMITTED

MIB, GIB = 1024**2, 1024**3
DAY = "2026-09-12 "
OLD = "task_id hash native_id name status exit submit duration realtime %cpu rss vmem rchar wchar"
TIMED = "task_id hash name status submit start complete"
RAN = ("1", "aa/11", "x", "COMPLETED", f"{DAY}10:00:00.000", f"{DAY}10:01:00.000")
ENDED = (*RAN, f"{DAY}10:11:00.000")


def table(header, *rows):
    return "\n".join("\t".join(row) for row in (header.split(), *rows)) + "\n"


def parsed(text, timezone="UTC"):
    data = text.encode()
    return nextflow.layout(data, "nextflow", timezone).parse(data, 1)


def tasks(text, timezone="UTC"):
    """The executions with their JSON read and their instants as ISO 8601 in UTC."""
    result = parsed(text, timezone)
    assert result.rejects.to_pylist() == []
    return [_plain(row) for row in result.records.to_pylist()]


def _plain(row):
    for name in ("submitted", "started", "finished", "known_at"):
        us = row[name]
        row[name] = us and datetime.fromtimestamp(us / 1e6, UTC).isoformat(" ", "milliseconds")[:23]
    for name in ("inputs", "outcome"):
        row[name] = json.loads(row[name])
    return row


def task(columns, *values):
    """One task that completed, with these columns beside the needed ones."""
    (read,) = tasks(table(f"{TIMED} {columns}", (*ENDED, *values)))
    return read


STATUSES = {
    "COMPLETED": "succeeded",
    "FAILED": "failed",
    "ABORTED": "cancelled",
    "RUNNING": "running",
    "SUBMITTED": "submitted",
}


@pytest.mark.parametrize(("word", "status"), STATUSES.items())
def test_a_status_is_known(word, status):
    (read,) = tasks(table(TIMED, (*ENDED[:3], word, *ENDED[4:])))
    assert read["status"] == status
    assert (read["finished"] is None) == (status in ("running", "submitted"))


REQUESTED = {
    "processors": ("cpus", "4", {"cpus": 4}),
    "memory in words": ("memory", "16 GB", {"memory_bytes": 16 * GIB}),
    "memory with a part": ("memory", "1.5 GB", {"memory_bytes": 1536 * MIB}),
    "memory in bytes": ("memory", "943718400", {"memory_bytes": 900 * MIB}),
    "disk": ("disk", "100 MB", {"disk_bytes": 100 * MIB}),
    "time limit in words": ("time", "1d 2h", {"timelimit_s": 93_600}),
    "time limit in milliseconds": ("time", "3600000", {"timelimit_s": 3_600}),
    "attempt": ("attempt", "2", {"attempt": 2}),
    "queue": ("queue", "long", {"queue": "long"}),
    "container": ("container", "bio/star:2.7", {"container": "bio/star:2.7"}),
    "tag": ("tag", "sample 7", {"tag": "sample 7"}),
    "a missing value": ("memory", "-", {}),
    "a script is free text": ("script", "export TOKEN=x; star", {}),
    "an environment is free text": ("env", "TOKEN=x", {}),
    "a folder is free text": ("workdir", "/home/ann/work", {}),
}


@pytest.mark.parametrize("trap", REQUESTED)
def test_what_was_requested_is_an_input(trap):
    column, value, expected = REQUESTED[trap]
    assert task(column, value)["inputs"] == expected


MEASURED = {
    "exit status": ("exit", "137", {"exit_code": 137}),
    "no exit status of a task that succeeded": ("exit", "-", {}),
    "Java's largest integer is no exit status": ("exit", "2147483647", {}),
    "the task's own time in words": ("realtime", "21m 20s", {"realtime_s": 1_280}),
    "the task's own time in milliseconds": ("realtime", "8000", {"realtime_s": 8}),
    "the task's own time below a second": ("realtime", "850ms", {"realtime_s": 0.85}),
    "processors as a percentage": ("%cpu", "705.0%", {"cpu_percent": 705}),
    "processors in a raw trace": ("%cpu", "99.8", {"cpu_percent": 99.8}),
    "peak memory in words": ("peak_rss", "29.9 GB", {"peak_memory_bytes": 29.9 * GIB}),
    "peak memory in bytes": ("peak_rss", "1048576", {"peak_memory_bytes": MIB}),
    "read and written": ("read_bytes", "0", {"read_bytes": 0}),
    "the job of the batch system": ("native_id", "884200", {"native_id": "884200"}),
    "what the pipeline did about an error": ("error_action", "RETRY", {"error_action": "RETRY"}),
}


@pytest.mark.parametrize("trap", MEASURED)
def test_what_was_measured_is_an_outcome(trap):
    column, value, expected = MEASURED[trap]
    read = task(column, value)
    assert read["outcome"] == pytest.approx(expected)
    assert read["inputs"] == {}


NAMES = {
    "a name with a tag": ("name", "ALIGN (sample 7)", ("ALIGN", "", "sample 7")),
    "a name without a tag": ("name", "MULTIQC", ("MULTIQC", "", None)),
    "a workflow": ("name", "NFCORE:RNASEQ:STAR (s (2))", ("STAR", "NFCORE:RNASEQ", "s (2)")),
}


@pytest.mark.parametrize("trap", NAMES)
def test_the_process_is_the_kind_and_its_workflow_the_scope(trap):
    _, name, expected = NAMES[trap]
    (read,) = tasks(table(TIMED, (*ENDED[:2], name, *ENDED[3:])))
    assert (read["kind"], read["scope"], read["inputs"].get("tag")) == expected


def test_the_column_process_comes_before_the_name():
    assert task("process", "RNASEQ:TRIM")["kind"] == "TRIM"


TIMES = {
    "three stamps": (TIMED, ENDED, ("10:01:00.000", "10:11:00.000")),
    "thousandths": (
        TIMED,
        (*ENDED[:4], f"{DAY}10:00:00.001", f"{DAY}10:00:00.002", f"{DAY}10:00:00.003"),
        ("10:00:00.002", "10:00:00.003"),
    ),
    "no run of its own is the start to the end": (
        f"{TIMED} realtime",
        (*ENDED, "8s"),
        ("10:01:00.000", "10:11:00.000"),
    ),
    "old fields: submission and lengths": (
        "task_id hash name status submit duration realtime",
        (*RAN[:5], "21m 24s", "21m 20s"),
        ("10:00:04.000", "10:21:24.000"),
    ),
    "old fields: the run is as long as the whole": (
        "task_id hash name status submit duration realtime",
        (*RAN[:5], "32m 10s", "32m 10s"),
        ("10:00:00.000", "10:32:10.000"),
    ),
    "old fields: the run was not measured": (
        "task_id hash name status submit duration realtime",
        (*RAN[:5], "32m 10s", "-"),
        (None, "10:32:10.000"),
    ),
}


@pytest.mark.parametrize("trap", TIMES)
def test_instants_are_found_in_any_set_of_fields(trap):
    header, row, (started, finished) = TIMES[trap]
    (read,) = tasks(table(header, row))
    assert read["started"] == (started and DAY + started)
    assert read["finished"] == DAY + finished
    assert read["known_at"] == read["finished"]


def test_a_raw_trace_counts_in_milliseconds_and_0_is_unknown():
    text = table(
        "task_id name status submit duration realtime start complete",
        (
            "7",
            "x",
            *["COMPLETED", "1774271746328", "16901", "8000", "1774271746424", "1774271763229"],
        ),
        (
            "8",
            "x",
            *["COMPLETED", "1774271763256", "35975", "6000", "1774271766533", "1774271799231"],
        ),
        ("9", "x", *["ABORTED", "1774271763256", "-", "-", "0", "0"]),
    )
    first, second, aborted = tasks(text, "Europe/Berlin")
    assert first["started"] == "2026-03-23 13:15:46.424"
    assert second["finished"] == "2026-03-23 13:16:39.231"
    assert (aborted["status"], aborted["started"], aborted["finished"]) == ("cancelled", None, None)


def test_what_is_known_of_an_aborted_task_was_known_when_others_had_ended():
    aborted = ("2", "aa/12", "y", "ABORTED", f"{DAY}10:02:00.000", "-", "-")
    read = tasks(table(TIMED, ENDED, aborted))[1]
    assert read["known_at"] == f"{DAY}10:11:00.000"


def test_the_length_tells_which_of_two_equal_hours_a_task_ended_in():
    stamps = [f"2026-10-25 {time}.000" for time in ("01:50:00", "01:55:00", "02:30:00")]
    for length, finished in (("1h 40m", "01:30:00"), ("40m", "00:30:00")):
        text = table(f"{TIMED} duration", (*ENDED[:4], *stamps, length))
        (read,) = tasks(text, "Europe/Berlin")
        assert read["finished"] == f"2026-10-25 {finished}.000"
        assert parsed(text, "Europe/Berlin").warnings == {}


def test_stamps_are_in_the_zone_of_the_launcher():
    (read,) = tasks(table(TIMED, ENDED), "Europe/Berlin")
    assert read["submitted"] == f"{DAY}08:00:00.000"


def test_cached_tasks_and_tasks_that_were_never_submitted_are_counted_as_skipped():
    text = table(
        TIMED,
        ENDED,
        (*ENDED[:3], "CACHED", *ENDED[4:]),
        ("2", "aa/12", "y", "ABORTED", "-", "-", "-"),
        ("3", "aa/13", "y", "NEW", "-", "-", "-"),
    )
    assert parsed(text).skipped == {CACHED: 1, NEVER_SUBMITTED: 2}
    assert len(tasks(text)) == 1


def test_attempts_of_a_task_are_executions():
    failed = ("1", "aa/11", "x (s)", "FAILED", *ENDED[4:], "1")
    again = ("2", "ab/22", "x (s)", "COMPLETED", *ENDED[4:], "2")
    first, second = tasks(table(f"{TIMED} attempt", failed, again))
    assert (first["source_id"], first["status"], first["inputs"]["attempt"]) == (
        "aa/11",
        "failed",
        1,
    )
    assert (second["source_id"], second["status"], second["inputs"]["attempt"]) == (
        "ab/22",
        "succeeded",
        2,
    )


def test_another_separator_is_found_in_the_header():
    (read,) = tasks(table(TIMED, ENDED).replace("\t", ";"))
    assert read["kind"] == "x"


SCRIPT = "\n\tsalmon quant \\\n\t\t-i index\n12 of these\n"
ALL = "task_id hash name status submit script start complete cpus"
WITH_SCRIPT = (*ENDED[:5], SCRIPT, *ENDED[5:], "4")


def test_scripts_over_many_lines_with_tabs_in_them_are_no_rows():
    text = table(ALL, WITH_SCRIPT, ("2", "aa/12", *WITH_SCRIPT[2:]), ("3", "aa/13", "cut"))
    result = parsed(text)
    rows = [_plain(row) for row in result.records.to_pylist()]
    assert [(row["source_id"], row["line"], row["inputs"]) for row in rows] == [
        ("aa/11", 2, {"cpus": 4}),
        ("aa/12", 7, {"cpus": 4}),
    ]
    assert {row["finished"] for row in rows} == {f"{DAY}10:11:00.000"}
    assert result.rejects["line"].to_pylist() == [12]


def test_a_chunk_ends_before_a_task_whose_script_may_go_on():
    text = table(ALL, WITH_SCRIPT, ("2", "aa/12", *WITH_SCRIPT[2:])).encode()
    layout = nextflow.layout(text, "nextflow", "UTC")
    second = text.index(b"2\taa/12")
    assert [layout.complete(text[:end]) for end in (len(text), second + 20, second)] == [
        second,
        second,
        0,
    ]
    chunks = [layout.parse(text[:second], 1), layout.parse(text[second:], 7)]
    assert [chunk.records["line"].to_pylist() for chunk in chunks] == [[2], [7]]


def test_tabs_are_not_guessed_to_be_of_a_script_or_of_an_environment():
    text = table(f"{ALL} env", (*WITH_SCRIPT, "A=1"))
    assert "fields, not 10" in parsed(text).rejects["reason"][0].as_py()
    plain = table(f"{ALL} env", (*WITH_SCRIPT[:5], "a\nb", *WITH_SCRIPT[6:], "A=1\nB=2"))
    assert [task["inputs"] for task in tasks(plain)] == [{"cpus": 4}]


REFUSED = {
    "no header": (table("1 aa/11 x", ENDED), "not the header of a trace file"),
    "no submission": (table("task_id status complete"), "no column submit;"),
    "no status and no end": (table("task_id submit start"), "no column status, complete;"),
    "empty": ("\n", "the file is empty"),
}


@pytest.mark.parametrize("trap", REFUSED)
def test_a_file_that_cannot_be_read_is_refused(trap):
    text, message = REFUSED[trap]
    with pytest.raises(BadInput, match=message):
        parsed(text)


BAD_ROWS = {
    "cut": (ENDED[:4], "has 4 fields, not 7"),
    "an unknown status": ((*ENDED[:3], "DREAMING", *ENDED[4:]), "status 'DREAMING' is unknown"),
    "an end that is not known": ((*RAN, "-"), "the end is not known"),
    "no submission": ((*ENDED[:4], "-", *ENDED[5:]), "the time of submission is missing"),
}


@pytest.mark.parametrize("trap", BAD_ROWS)
def test_a_row_that_cannot_be_true_is_rejected_with_its_line(trap):
    row, reason = BAD_ROWS[trap]
    result = parsed(table(TIMED, ENDED, row))
    assert result.records.num_rows == 1
    (reject,) = result.rejects.to_pylist()
    assert (reject["line"], reject["raw"]) == (3, "\t".join(row))
    assert reason in reject["reason"]


def test_the_fields_of_old_versions_are_read():
    row = ["56", "7b/bb194b", "2818", "tool1", "COMPLETED", "0"]
    measured = ["2017-06-12 10:54:38.235", "21m 24s", "21m 20s", "705.0%", "8 GB", "16.9 GB"]
    (read,) = tasks(table(OLD, (*row, *measured, "22.9 GB", "11.1 GB")))
    assert read["started"] == "2017-06-12 10:54:42.235"
    assert read["outcome"]["memory_at_end_bytes"] == 8 * GIB
