"""Jobs as `sacct -P` prints them: the traps of the format, one row each."""

import json
from datetime import UTC, datetime

import pyarrow.compute as pc
import pytest

from runlore.kernel.errors import BadInput
from runlore.records.formats import slurm
from runlore.records.formats.field_instants import TWICE
from runlore.records.formats.slurm_jobs import ORPHANS, STEPS, WAITING_ARRAYS

GIB = 1024**3
HEADER = "JobID|Submit|Start|End|State"
DAY = "2026-10-01T"
RAN = f"{DAY}08:00:00|{DAY}08:05:00|{DAY}09:05:00|COMPLETED"


def parsed(text, timezone="UTC"):
    data = text.encode()
    return slurm.layout(data, "slurm", timezone).parse(data, 1)


def jobs(text, timezone="UTC"):
    """The executions with their JSON read and their instants as ISO 8601 in UTC."""
    result = parsed(text, timezone)
    assert result.rejects.to_pylist() == []
    return [_plain(row) for row in result.records.to_pylist()]


def _plain(row):
    for name in ("submitted", "started", "finished", "known_at"):
        us = row[name]
        row[name] = us and datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    for name in ("inputs", "outcome"):
        row[name] = json.loads(row[name])
    return row


def job(columns, values):
    """One job that completed, with these columns beside the needed ones."""
    row = f"7|{DAY}08:00:00|{DAY}08:05:00|{DAY}09:05:00|COMPLETED"
    (read,) = jobs(f"{HEADER}|{columns}\n{row}|{values}\n")
    return read


STATES = {
    "COMPLETED": "succeeded",
    "CD": "succeeded",
    "FAILED": "failed",
    "F": "failed",
    "TIMEOUT": "failed",
    "TO": "failed",
    "OUT_OF_MEMORY": "failed",
    "OOM": "failed",
    "OUT_OF_ME+": "failed",
    "DEADLINE": "failed",
    "NODE_FAIL": "failed",
    "NF": "failed",
    "BOOT_FAIL": "failed",
    "CANCELLED": "cancelled",
    "CANCELLED by 32001": "cancelled",
    "CANCELLED+": "cancelled",
    "CA": "cancelled",
    "PREEMPTED": "cancelled",
    "REVOKED": "cancelled",
    "REQUEUED": "partial",
    "RQ": "partial",
    "RUNNING": "running",
    "R": "running",
    "SUSPENDED": "running",
    "S": "running",
    "COMPLETING": "running",
    "RESIZING": "running",
    "PENDING": "submitted",
    "PD": "submitted",
    "completed": "succeeded",
}


@pytest.mark.parametrize(("state", "status"), STATES.items())
def test_a_state_is_known_in_its_short_its_long_and_its_cut_form(state, status):
    (read,) = jobs(f"{HEADER}\n7|{DAY}08:00:00|{DAY}08:05:00|{DAY}09:05:00|{state}\n")
    assert read["status"] == status
    assert (read["finished"] is None) == (status in ("running", "submitted"))
    assert (read["started"] is None) == (status == "submitted")


RESOURCES = {
    "memory for each node": ("ReqMem|ReqNodes", "4Gn|3", "memory_bytes", 12 * GIB),
    "memory for each node, by ReqTRES": ("ReqMem|ReqTRES", "4Gn|node=2", "memory_bytes", 8 * GIB),
    "memory for each processor": ("ReqMem|ReqCPUS", "4Gc|8", "memory_bytes", 32 * GIB),
    "memory for each of how many processors": ("ReqMem|AllocCPUS", "4Gc|8", "memory_bytes", None),
    "memory for each of how many nodes": ("ReqMem|ReqCPUS", "4Gn|8", "memory_bytes", None),
    "memory for each, and of all by ReqTRES": (
        "ReqMem|ReqTRES",
        "4Gn|mem=12G",
        "memory_bytes",
        12 * GIB,
    ),
    "memory of the whole job": ("ReqMem|ReqCPUS", "4G|8", "memory_bytes", 4 * GIB),
    "memory in megabytes without a unit": ("ReqMem", "2048", "memory_bytes", 2 * GIB),
    "memory in terabytes with a part": ("ReqMem", "1.50T", "memory_bytes", 1536 * GIB),
    "memory by ReqTRES": ("ReqTRES", "billing=4,cpu=4,mem=16G,node=1", "memory_bytes", 16 * GIB),
    "memory of a whole node": ("ReqMem", "0n", "memory_bytes", None),
    "processors by ReqTRES": ("ReqTRES", "billing=4,cpu=6,mem=16G,node=1", "cpus", 6),
    "a thousand processors": ("ReqCPUS", "1K", "cpus", 1024),
    "graphics processors": ("ReqTRES", "cpu=4,gres/gpu=2,node=1", "gpus", 2),
    "typed graphics processors": ("ReqTRES", "cpu=4,gres/gpu:a100=4,node=1", "gpus", 4),
    "time limit in minutes": ("TimelimitRaw", "90", "timelimit_s", 5_400),
    "time limit with days": ("Timelimit", "2-00:30:00", "timelimit_s", 174_600),
    "no time limit": ("Timelimit", "UNLIMITED", "timelimit_s", None),
    "no time limit in minutes": ("TimelimitRaw", "UNLIMITED", "timelimit_s", None),
    "the partition's time limit": ("TimelimitRaw", "Partition_Limit", "timelimit_s", None),
    "account": ("Account", "phys", "account", "phys"),
    "quality of service": ("QOS", "normal", "qos", "normal"),
    "a command line is free text": ("SubmitLine", "sbatch --export=PASS=x a.sh", None, None),
    "a comment is free text": ("Comment", "for Ann", None, None),
    "a folder is free text": ("WorkDir", "/home/ann", None, None),
    "nodes are given, not requested": ("NodeList|NNodes", "n[1-4]|4", None, None),
    "a priority changes while it waits": ("Priority", "4294", None, None),
}


@pytest.mark.parametrize("trap", RESOURCES)
def test_what_was_requested_is_an_input(trap):
    columns, values, key, expected = RESOURCES[trap]
    inputs = job(columns, values)["inputs"]
    assert inputs.get(key) == expected
    if key is None:
        assert inputs == {}


MEASURED = {
    "exit code": ("ExitCode", "2:0", {"exit_code": 2}),
    "killed by a signal": ("ExitCode", "0:9", {"exit_code": 0, "signal": 9}),
    "processor time in minutes and thousandths": ("TotalCPU", "03:04.500", {"cpu_s": 184.5}),
    "processor time with days": ("TotalCPU", "2-01:00:00", {"cpu_s": 176_400}),
    "processor time that was not measured": ("TotalCPU", "00:00:00", {}),
    "processors × time": ("CPUTimeRAW", "14400", {"processor_s": 14_400}),
    "processors × time as a length": ("CPUTime", "04:00:00", {"processor_s": 14_400}),
    "allocated": ("AllocCPUS", "8", {"allocated_cpus": 8}),
    "allocated by AllocTRES": (
        "AllocTRES",
        "cpu=8,mem=2000M,node=2,gres/gpu=1",
        {
            "allocated_cpus": 8,
            "allocated_nodes": 2,
            "allocated_memory_bytes": 2000 * 1024**2,
            "allocated_gpus": 1,
        },
    ),
    "the nodes of a job that ran": ("NNodes", "4", {"allocated_nodes": 4}),
    "energy": ("ConsumedEnergyRaw", "1200", {"energy_j": 1200}),
    "a peak on the job's own row": ("MaxRSS", "512K", {"peak_memory_bytes": 524_288}),
    "a peak in TRESUsageInMax": (
        "TRESUsageInMax",
        "cpu=00:01:00,mem=2G,pages=0",
        {"peak_memory_bytes": 2 * GIB},
    ),
}


@pytest.mark.parametrize("trap", MEASURED)
def test_what_was_measured_is_an_outcome(trap):
    columns, values, expected = MEASURED[trap]
    read = job(columns, values)
    assert read["outcome"] == {"state": "COMPLETED"} | expected
    assert read["inputs"] == {}


STEP_HEADER = HEADER + "|MaxRSS|TotalCPU"
JOB, OTHER = f"7|{RAN}||00:00:00", f"8|{RAN}||00:00:00"
STEPS_OF_7 = [
    f"7.batch|{RAN}|1000K|00:10.000",
    f"7.extern|{RAN}|0|00:00.000",
    f"7.0|{RAN}|3000K|00:50.000",
]
PEAK = {"state": "COMPLETED", "peak_memory_bytes": 3000 * 1024, "cpu_s": 60}
ORDERS = {
    "the steps follow their job": [JOB, *STEPS_OF_7, OTHER],
    "the steps come before their job, as sort puts them": [*STEPS_OF_7, JOB, OTHER],
    "the steps are at the end of the file": [OTHER, JOB, *STEPS_OF_7],
}


@pytest.mark.parametrize("trap", ORDERS)
def test_steps_are_no_executions_and_their_peaks_are_on_their_job(trap):
    text = "\n".join([STEP_HEADER, *ORDERS[trap], ""])
    assert parsed(text).skipped == {STEPS: 3}
    outcomes = {read["source_id"]: read["outcome"] for read in jobs(text)}
    assert outcomes == {"7": PEAK, "8": {"state": "COMPLETED"}}


def test_steps_without_their_job_are_counted_by_themselves():
    text = f"{STEP_HEADER}\n9.batch|{RAN}|1K|00:00:01\n{JOB}\n7.0|{RAN}|1K|00:00:01\n"
    assert parsed(text).skipped == {ORPHANS: 1, STEPS: 1}
    assert [read["source_id"] for read in jobs(text)] == ["7"]


def test_a_running_job_has_no_outcome_yet():
    text = f"{STEP_HEADER}|ExitCode\n7|{DAY}08:00:00|{DAY}08:05:00|Unknown|RUNNING||00:00:00|0:0\n"
    text += f"7.batch|{DAY}08:05:00|{DAY}08:05:00|Unknown|RUNNING|900K|00:01:00|0:0\n"
    (read,) = jobs(text)
    assert read["outcome"] == {}
    assert read["known_at"] == f"{DAY}08:05:00"


NEVER_RAN = {
    "the start is None": f"{DAY}08:00:00|None|{DAY}08:04:00|CANCELLED by 32002|00:00:00",
    "the start is Unknown": f"{DAY}08:00:00|Unknown|{DAY}08:04:00|CANCELLED|00:00:00",
    "the start is the end": f"{DAY}08:00:00|{DAY}08:04:00|{DAY}08:04:00|CANCELLED|00:00:00",
    "the start is empty": f"{DAY}08:00:00||{DAY}08:04:00|CANCELLED|",
}


@pytest.mark.parametrize("trap", NEVER_RAN)
def test_a_job_cancelled_before_its_start_never_ran(trap):
    (read,) = jobs(f"{HEADER}|Elapsed\n7|{NEVER_RAN[trap]}\n")
    assert (read["status"], read["started"]) == ("cancelled", None)
    assert read["finished"] == f"{DAY}08:04:00"


def test_attempts_of_a_requeued_job_are_executions_by_their_submission():
    text = f"""{HEADER}
7|{DAY}08:04:00|{DAY}08:06:00|{DAY}09:10:42|REQUEUED
7|{DAY}09:10:42|{DAY}09:12:00|{DAY}10:26:00|NODE_FAIL
7|{DAY}10:26:10|{DAY}10:28:00|{DAY}11:00:00|COMPLETED
"""
    assert [(read["source_id"], read["status"]) for read in jobs(text)] == [
        ("7", "partial"),
        ("7", "failed"),
        ("7", "succeeded"),
    ]


SAME_SUBMISSION = {
    "by their start": ("Partition", "a", "a"),
    "by Restarts": ("Restarts", "0", "1"),
    "by SLUID": ("SLUID", "s1A", "s1B"),
}


@pytest.mark.parametrize("trap", SAME_SUBMISSION)
def test_attempts_whose_submission_was_not_set_anew_are_told_apart(trap):
    column, first, second = SAME_SUBMISSION[trap]
    text = f"""{HEADER}|{column}
7|{DAY}08:00:00|{DAY}08:06:00|{DAY}09:10:42|REQUEUED|{first}
7|{DAY}08:00:00|{DAY}09:12:00|{DAY}10:26:00|COMPLETED|{second}
8|{DAY}08:00:00|{DAY}09:12:00|{DAY}10:26:00|COMPLETED|{second}
"""
    assert [read["source_id"] for read in jobs(text)] == ["7", "7#2", "8"]


def test_news_of_one_job_in_a_file_that_grows_are_no_attempts():
    text = f"""{HEADER}
7|{DAY}08:00:00|Unknown|Unknown|PENDING
7|{DAY}08:00:00|{DAY}08:06:00|Unknown|RUNNING
7|{DAY}08:00:00|{DAY}08:06:00|{DAY}09:00:00|COMPLETED
"""
    assert [read["source_id"] for read in jobs(text)] == ["7", "7", "7"]


ARRAYS = {
    "a task": ("7_3", "COMPLETED", ["7_3"]),
    "tasks that wait in one row": ("7_[8-20%4]", "PENDING", []),
    "tasks that were cancelled in one row": ("7_[8-20%4]", "CANCELLED by 5", ["7_[8-20%4]"]),
    "a component of a heterogeneous job": ("7+1", "COMPLETED", ["7+1"]),
    "a step of a component": ("7+1.0", "COMPLETED", []),
}


@pytest.mark.parametrize("trap", ARRAYS)
def test_array_tasks_and_components_are_executions(trap):
    job_id, state, expected = ARRAYS[trap]
    text = f"{HEADER}\n{job_id}|{DAY}08:00:00|None|{DAY}09:00:00|{state}\n"
    assert [read["source_id"] for read in jobs(text)] == expected
    if "[" in job_id and not expected:
        assert parsed(text).skipped == {WAITING_ARRAYS: 1}


STAMPS = {
    "with an offset": (f"{DAY}10:00:00+0200", "UTC", f"{DAY}08:00:00"),
    "with an offset, whatever the zone": (f"{DAY}10:00:00+0200", "Asia/Tokyo", f"{DAY}08:00:00"),
    "local": (f"{DAY}10:00:00", "Europe/Berlin", f"{DAY}08:00:00"),
    "seconds since 1970": ("1790841600", "Europe/Berlin", f"{DAY}08:00:00"),
}


@pytest.mark.parametrize("trap", STAMPS)
def test_stamps_are_read_in_their_zone(trap):
    stamp, timezone, expected = STAMPS[trap]
    (read,) = jobs(f"{HEADER}\n7|{stamp}|{stamp}|{stamp}|COMPLETED\n", timezone)
    assert (read["submitted"], read["started"], read["finished"]) == (expected,) * 3


CLOCK_CHANGES = {
    # submitted, started, finished on the wall clock of Berlin, the length, and all three in UTC.
    "a job over the gap": (
        ("2026-03-29T01:50:00", "2026-03-29T01:55:00", "2026-03-29T03:04:00", "540"),
        ("2026-03-29T00:50:00", "2026-03-29T00:55:00", "2026-03-29T01:04:00"),
    ),
    "submitted before the clock was put back": (
        ("2026-10-25T02:50:00", "2026-10-25T02:05:00", "2026-10-25T02:30:00", "1500"),
        ("2026-10-25T00:50:00", "2026-10-25T01:05:00", "2026-10-25T01:30:00"),
    ),
    "the end is in the hour that comes twice, the second time": (
        ("2026-10-25T01:50:00", "2026-10-25T02:00:00", "2026-10-25T02:30:00", "5400"),
        ("2026-10-24T23:50:00", "2026-10-25T00:00:00", "2026-10-25T01:30:00"),
    ),
    "the end is in the hour that comes twice, the first time": (
        ("2026-10-25T01:50:00", "2026-10-25T02:00:00", "2026-10-25T02:30:00", "1800"),
        ("2026-10-24T23:50:00", "2026-10-25T00:00:00", "2026-10-25T00:30:00"),
    ),
}


@pytest.mark.parametrize("trap", CLOCK_CHANGES)
def test_local_stamps_over_a_change_of_the_clock_keep_the_order_and_the_length(trap):
    values, expected = CLOCK_CHANGES[trap]
    text = "JobID|Submit|Start|End|ElapsedRaw|State\n" + "|".join(("7", *values, "COMPLETED\n"))
    (read,) = jobs(text, "Europe/Berlin")
    assert (read["submitted"], read["started"], read["finished"]) == expected
    assert parsed(text, "Europe/Berlin").warnings == {}


def test_stamps_with_two_readings_are_counted_when_no_length_tells_which():
    stamps = "2026-10-25T02:00:00|2026-10-25T02:10:00|2026-10-25T02:30:00"
    text = f"{HEADER}\n7|{stamps}|COMPLETED\n8|{RAN}\n"
    assert parsed(text, "Europe/Berlin").warnings == {TWICE: 1}


TWO_OF_THREE = {
    "no end": ("Start|ElapsedRaw", f"{DAY}08:05:00|3600"),
    "no start": ("End|Elapsed", f"{DAY}09:05:00|01:00:00"),
    "no length": ("Start|End", f"{DAY}08:05:00|{DAY}09:05:00"),
}


@pytest.mark.parametrize("trap", TWO_OF_THREE)
def test_of_start_end_and_length_two_are_enough(trap):
    columns, values = TWO_OF_THREE[trap]
    (read,) = jobs(f"JobID|Submit|State|{columns}\n7|{DAY}08:00:00|COMPLETED|{values}\n")
    assert (read["started"], read["finished"]) == (f"{DAY}08:05:00", f"{DAY}09:05:00")


SHAPES = {
    "-p ends lines with a bar": (f"{HEADER}|\n", f"7|{RAN}|\n"),
    "--delimiter=;": (f"{HEADER.replace('|', ';')}\n", f"7|{RAN}\n".replace("|", ";")),
    "other letter case": (f"{HEADER.lower()}\n", f"7|{RAN}\n"),
    "carriage returns": (f"{HEADER}\r\n", f"7|{RAN}\r\n"),
    "a byte order mark": (f"\ufeff{HEADER}\n", f"7|{RAN}\n"),
    "blank lines": (f"\n{HEADER}\n\n", f"7|{RAN}\n\n"),
    "the header again, as >> puts it": (f"{HEADER}\n{HEADER}\n", f"7|{RAN}\n{HEADER}\n"),
    "JobIDRaw instead of JobID": (f"{HEADER.replace('JobID', 'JobIDRaw')}\n", f"7|{RAN}\n"),
    "a spreadsheet's quotes": (
        '"JobID","ReqTRES","Submit","Start","End","State"\n',
        f'"7","cpu=4,mem=2G","{DAY}08:00:00","{DAY}08:05:00","{DAY}09:05:00","COMPLETED"\n',
    ),
    "a quote in a name is a letter": (f"{HEADER}|JobName\n", f'7|{RAN}|5" pipe\n'),
    "a column twice": (f"{HEADER}|State\n", f"7|{RAN}|COMPLETED\n"),
}


@pytest.mark.parametrize("trap", SHAPES)
def test_any_shape_of_sacct_is_read(trap):
    header, row = SHAPES[trap]
    (read,) = jobs(header + row)
    assert (read["source_id"], read["finished"]) == ("7", f"{DAY}09:05:00")


REFUSED = {
    "no header (-n)": (f"7|{RAN}\n", "not the header of sacct -P"),
    "columns padded with blanks": ("  JobID   State\n------- ------\n", "without -n"),
    "columns padded behind": ("JobID   State \n------- ------\n7  FAILED\n", "bars between, by -P"),
    "no submission": (f"JobID|Start|End|State\n7|{RAN}\n", "no column Submit;"),
    "no state": ("JobID|Submit|Start|End\n", "no column State;"),
    "only the start": ("JobID|Submit|State|Start\n", "no column End, ElapsedRaw;"),
    "empty": ("", "the file is empty"),
}


@pytest.mark.parametrize("trap", REFUSED)
def test_a_file_that_cannot_be_read_is_refused_with_the_command_to_run(trap):
    text, message = REFUSED[trap]
    with pytest.raises(BadInput, match=message) as refused:
        parsed(text)
    assert "empty" in trap or "sacct -a -D -P" in str(refused.value)


WHO_AND_WHERE = {
    "user and partition": ("User|Partition", "ann|cpu", ("ann", "cpu")),
    "a cluster": ("User|Partition|Cluster", "ann|cpu|north", ("ann", "north/cpu")),
    "a number instead of a name": ("UID|Partition", "1001|cpu", ("1001", "cpu")),
    "neither": ("JobName", "sim", ("", "")),
}


@pytest.mark.parametrize("trap", WHO_AND_WHERE)
def test_the_user_is_the_actor_and_the_partition_the_scope(trap):
    columns, values, expected = WHO_AND_WHERE[trap]
    read = job(columns, values)
    assert (read["actor"], read["scope"]) == expected


def test_a_quote_that_is_never_closed_swallows_no_lines():
    header = f"{HEADER}|JobName\n".replace("|", ",")
    rows = [f'7|{RAN}|"a b', f"8|{RAN}|c", f"9|{RAN}|d"]
    text = header + "\n".join(row.replace("|", ",") for row in rows) + "\n"
    result = parsed(text)
    ids = result.records["source_id"].to_pylist() + result.rejects["line"].to_pylist()
    assert len(ids) == 3
    assert {"8", "9"} <= {*ids}


def test_columns_that_change_in_mid_file_are_refused():
    text = f"{HEADER}\n7|{RAN}\n{HEADER}|User\n8|{RAN}|ann\n"
    with pytest.raises(BadInput, match="line 3: another header"):
        parsed(text)


BAD_ROWS = {
    "a bar in a name": (f"7|{RAN}|a|b", "has 7 fields, not 6"),
    "an unknown state": (f"7|{RAN[:-9]}DREAMING|a", "status 'DREAMING' is unknown"),
    "no submission": ("7|Unknown|None|None|PENDING|a", "the time of submission is missing"),
    "an end that is not known": (f"7|{DAY}08:00:00|{DAY}08:05:00|Unknown|FAILED|a", "the end is"),
    "a relative time": ("7|10:32|10:33|10:34|COMPLETED|a", "submitted: '10:32' is not an instant"),
}


@pytest.mark.parametrize("trap", BAD_ROWS)
def test_a_row_that_cannot_be_true_is_rejected_with_its_line(trap):
    row, reason = BAD_ROWS[trap]
    result = parsed(f"{HEADER}|JobName\n8|{RAN}|ok\n{row}\n")
    assert result.records["source_id"].to_pylist() == ["8"]
    (reject,) = result.rejects.to_pylist()
    assert reject["line"] == 3
    assert reason in reject["reason"]
    assert reject["raw"] == row


def test_a_chunk_ends_before_a_job_whose_steps_may_follow():
    rows = [f"{number}|{RAN}||" for number in range(3)]
    layout = slurm.layout(f"{STEP_HEADER}\n".encode(), "slurm", "UTC")
    text = "\n".join([STEP_HEADER, *rows, f"2.batch|{RAN}|5K|", ""])
    whole = layout.complete(text.encode())
    assert text.encode()[:whole].endswith(f"1|{RAN}||\n".encode())
    assert layout.complete(text.encode()[:-3]) == whole
    assert layout.complete(f"2.0|{RAN}|5K|\n".encode()) == 0


def test_every_row_is_read_refused_or_counted_as_skipped():
    text = "\n".join([STEP_HEADER, JOB, *STEPS_OF_7, "x", f"9.0|{RAN}||", f"8|{RAN}||", ""])
    result = parsed(text)
    assert result.rows == text.count("\n") - 1
    assert pc.sum(result.records["line"]).as_py() == 2 + 8
