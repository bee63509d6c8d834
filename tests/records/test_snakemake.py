"""Logs and benchmark files as Snakemake writes them: their traps, one row each."""

import json
from datetime import UTC, datetime

import pandas as pd
import pytest

from runlore.records.formats.snakemake import DRY_RUN, SnakemakeReader
from runlore.records.formats.snakemake_benchmarks import (
    BenchmarkFile,
    is_benchmark,
    read_benchmarks,
)

MIB = 1024**2
READER = SnakemakeReader("snakemake", "UTC")
NO_BENCHMARKS = read_benchmarks([])
# What Snakemake 9.27 wrote for a rule that fails once and is tried again.
LOG = """\
SNAKEMAKE
=========
  Date: 2026-11-29 15:51:40
  Workflow ID: b7feca73
  User: ann
  Working directory: /data/rnaseq
Building DAG of jobs...
Execute 1 jobs...
[Sun Nov 29 15:51:40 2026]
localrule align:
    input: in/b.txt
    output: out/b.txt
    jobid: 3
    benchmark: bench/b.tsv
    reason: Missing output files: out/b.txt
    wildcards: s=b
    threads: 2
    resources: tmpdir=/tmp, runtime=10, mem_mb=100, mem=100 MB, mem_mib=96, disk_mb=1000
RuleException:
CalledProcessError in file "Snakefile", line 13:
[Sun Nov 29 15:51:42 2026]
Error in rule align:
    message: None
    jobid: 3
    output: out/b.txt
    shell:
        echo
        jobid: 99
        (command exited with non-zero exit code)
Trying to restart job 3.
[Sun Nov 29 15:51:43 2026]
localrule align:
    output: out/b.txt
    jobid: 3
    benchmark: bench/b.tsv
    wildcards: s=b
    resources: tmpdir=/tmp, mem_mb=200
[Sun Nov 29 15:51:47 2026]
Finished jobid: 3 (Rule: align)
1 of 2 steps (50%) done
[Mon Nov  9 00:00:01 2026]
Job 7: making the table now
Reason: Missing output files: out/g2.txt
[Mon Nov  9 00:00:03 2026]
Finished jobid: 7 (Rule: table)
"""


def read(log, measured=NO_BENCHMARKS, reader=READER):
    """The executions of a log with their JSON read and their instants as ISO 8601 in UTC."""
    parsed, _ = reader.read_log("2026-11-29T155140", log.encode(), 1, measured)
    assert parsed.rejects.to_pylist() == []
    return [_plain(row) for row in parsed.records.to_pylist()]


def _plain(row):
    for name in ("submitted", "started", "finished", "known_at"):
        us = row[name]
        row[name] = us and datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
    for name in ("inputs", "outcome"):
        row[name] = json.loads(row[name])
    return row


def job(begin, end="Finished jobid: 3 (Rule: align)"):
    """A log of one job, with the given lines at its begin and its end."""
    stamps = "[Sun Nov 29 15:51:40 2026]\n", "[Sun Nov 29 15:51:50 2026]\n"
    return f"{stamps[0]}{begin}\n    jobid: 3\n{stamps[1]}{end}\n"


def test_attempts_are_executions_with_what_each_requested():
    first, second, table = read(LOG)
    assert [row["line"] for row in (first, second, table)] == [10, 32, 42]
    assert (first["source_id"], second["source_id"]) == ("b7feca73/3", "b7feca73/3#2")
    assert (first["status"], second["status"]) == ("failed", "succeeded")
    assert first["inputs"] == {
        "attempt": 1,
        "cpus": 2,
        "memory_bytes": 96 * MIB,
        "disk_bytes": 1e9,
        "timelimit_s": 600,
        "wildcards": "s=b",
    }
    assert second["inputs"] == {"attempt": 2, "memory_bytes": 2e8, "wildcards": "s=b"}
    assert (first["actor"], first["kind"], first["scope"]) == ("ann", "align", "rnaseq")
    assert (first["submitted"], first["finished"]) == ("2026-11-29 15:51:40", "2026-11-29 15:51:42")
    assert first["started"] == first["submitted"]
    assert (table["source_id"], table["kind"], table["status"]) == (
        "b7feca73/7",
        "table",
        "succeeded",
    )
    assert table["finished"] == "2026-11-09 00:00:03"


BEGINS = {
    "of this version": "localrule align:",
    "of version 8 and older": "rule align:",
    "a checkpoint": "checkpoint align:",
    "a local checkpoint": "localcheckpoint align:",
    "in a group": "group job g1 (jobs in lexicogr. order):\n\n    rule align:\n        output: x",
}


@pytest.mark.parametrize("trap", BEGINS)
def test_a_job_begins_in_several_words(trap):
    (row,) = read(job(BEGINS[trap]))
    assert (row["kind"], row["status"]) == ("align", "succeeded")


ENDS = {
    "finished": ("Finished jobid: 3 (Rule: align)", "succeeded", "15:51:50"),
    "finished, of version 8 and older": ("Finished job 3.", "succeeded", "15:51:50"),
    "failed": ("Error in rule align:\n    jobid: 3", "failed", "15:51:50"),
    "failed, said twice": (
        "Error in rule align:\n    jobid: 3\nError in rule align:\n    jobid: 3",
        "failed",
        "15:51:50",
    ),
    "failed in a group": ("    Error in rule align:\n        jobid: 3", "failed", "15:51:50"),
    "still running": ("", "running", None),
    "another job ended": ("Finished jobid: 4 (Rule: align)", "running", None),
    "Snakemake gave up meanwhile": (
        "Error in rule b:\n    jobid: 9\nComplete log(s): x",
        "cancelled",
        "15:51:50",
    ),
}


@pytest.mark.parametrize("trap", ENDS)
def test_a_job_ends_in_several_ways(trap):
    end, status, finished = ENDS[trap]
    (row,) = read(job("rule align:", end))
    assert row["status"] == status
    assert (row["finished"] or "None")[-8:] == str(finished)[-8:]


def test_jobs_of_a_dry_run_are_counted_as_skipped():
    log = job("rule align:") + "This was a dry-run (flag -n).\n"
    parsed, _ = READER.read_log("run", log.encode(), 1, NO_BENCHMARKS)
    assert (parsed.records.num_rows, parsed.skipped) == (0, {DRY_RUN: 1})


def test_stamps_are_local_to_the_machine():
    reader = SnakemakeReader("snakemake", "Europe/Berlin")
    assert read(LOG, reader=reader)[0]["submitted"] == "2026-11-29 14:51:40"


def test_stamps_of_the_hour_that_comes_twice_keep_their_order():
    times = ("02:50:00", "02:10:00", "02:55:00")
    log = "".join(
        f"[Sun Oct 25 {time} 2026]\n{words}\n"
        for time, words in zip(
            times,
            ("rule a:\n    jobid: 1", "rule b:\n    jobid: 2", "Finished job 1."),
            strict=True,
        )
    )
    first, second = read(log, reader=SnakemakeReader("snakemake", "Europe/Berlin"))
    assert first["submitted"] == "2026-10-25 00:50:00"
    assert second["submitted"] == "2026-10-25 01:10:00"
    assert first["finished"] == "2026-10-25 01:55:00"


def test_resources_that_are_not_known_yet_are_left_out():
    (row,) = read(job("rule align:\n    resources: tmpdir=<TBD>, mem_mb=<TBD>, runtime=<TBD>"))
    assert row["inputs"] == {"attempt": 1}


def test_a_log_without_a_header_names_its_run_by_its_file():
    assert read(job("rule align:"))[0]["source_id"] == "2026-11-29T155140/3"


HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
PLAIN = "63.5\t0:01:03\t12.5\t20.0\t1.0\t2.0\t0.5\t1.5\t98.2\t61.0"
MORE = "\tjobid\trule_name\twildcards\tparams\tthreads\tcpu_usage\tresources\tinput_size_mb"
EXTENDED = PLAIN + (
    "\t2\tmk\t{'s': 'a'}\t{'k': 3}\t4\t0.0\t{'_cores': 4, 'mem_mb': 200}\t{'x': 1.5, 'y': 2.5}"
)
LINE = {
    "s": 63.5,
    "h:m:s": "0:01:03",
    "max_rss": 12.5,
    "max_vms": 20.0,
    "rule_name": "mk",
    "threads": 4,
    "resources": {"mem_mb": 200},
    "wildcards": {"s": "a"},
    "input_size_mb": {"x": 1.5, "y": 2.5},
}


def benchmarks(text, name="bench/mk/a.tsv"):
    """The executions of one benchmark file that was written at 12:00."""
    written = datetime(2026, 11, 29, 12, tzinfo=UTC)
    rows = read_benchmarks([BenchmarkFile(name, text.encode(), int(written.timestamp() * 1e6))])
    parsed = READER.read_benchmarks(rows, 1)
    assert parsed.rejects.to_pylist() == []
    return [_plain(row) for row in parsed.records.to_pylist()]


def test_a_benchmark_ended_when_its_file_was_written():
    (row,) = benchmarks(f"{HEADER}\n{PLAIN}\n")
    assert (row["source_id"], row["kind"], row["scope"]) == ("bench/mk/a.tsv", "a", "bench/mk")
    assert (row["status"], row["started"]) == ("succeeded", "2026-11-29 11:58:56")
    assert row["finished"] == "2026-11-29 12:00:00"
    assert row["inputs"] == {}
    assert row["outcome"] == {
        "peak_memory_bytes": 12.5 * MIB,
        "peak_virtual_bytes": 20 * MIB,
        "peak_unique_bytes": MIB,
        "peak_proportional_bytes": 2 * MIB,
        "read_bytes": 0.5 * MIB,
        "written_bytes": 1.5 * MIB,
        "cpu_percent": 98.2,
        "cpu_s": 61,
        "run_s": 63.5,
    }


FORMS = {
    "extended": f"{HEADER}{MORE}\n{EXTENDED}\n",
    "lines of JSON": json.dumps(LINE) + "\n",
}


@pytest.mark.parametrize("trap", FORMS)
def test_an_extended_benchmark_knows_its_rule_and_the_size_of_its_inputs(trap):
    (row,) = benchmarks(FORMS[trap])
    assert row["kind"] == "mk"
    assert row["inputs"] == {
        "cpus": 4,
        "memory_bytes": 2e8,
        "wildcards": "s=a",
        "input_bytes": 4 * MIB,
    }
    assert row["outcome"]["peak_memory_bytes"] == 12.5 * MIB


NOT_MEASURED = {
    "NA": PLAIN.replace("12.5", "NA"),
    "a dash": PLAIN.replace("12.5", "-"),
    "0, as of a job that was too short": PLAIN.replace("12.5", "0.00"),
}


@pytest.mark.parametrize("trap", NOT_MEASURED)
def test_what_was_not_measured_is_left_out(trap):
    (row,) = benchmarks(f"{HEADER}\n{NOT_MEASURED[trap]}\n")
    assert "peak_memory_bytes" not in row["outcome"]


def test_repetitions_ran_one_after_the_other():
    first, second = benchmarks(f"{HEADER}\n{PLAIN}\n{PLAIN}\n")
    assert (first["source_id"], second["source_id"]) == ("bench/mk/a.tsv", "bench/mk/a.tsv#2")
    assert (first["finished"], second["started"]) == ("2026-11-29 11:58:56",) * 2


def test_a_line_that_is_being_written_is_left_for_the_next_time():
    assert len(benchmarks(f"{HEADER}\n{PLAIN}\n63.5\t0:0")) == 1
    assert len(benchmarks(json.dumps(LINE) + '\n{"s": 6')) == 1


def test_a_log_gives_a_benchmark_to_the_last_attempt_that_succeeded():
    text = f"{HEADER}{MORE}\n{EXTENDED}\n{EXTENDED}\n"
    measured = read_benchmarks([BenchmarkFile("bench/b.tsv", text.encode(), 1)])
    failed, succeeded, other = read(LOG, measured)
    assert (failed["outcome"], other["outcome"]) == ({}, {})
    assert succeeded["outcome"]["peak_memory_bytes"] == 12.5 * MIB
    assert succeeded["outcome"]["run_s"] == 127
    assert succeeded["outcome"]["input_bytes"] == 4 * MIB


def test_the_size_of_inputs_is_known_of_successes_only_and_so_no_input_of_logged_jobs():
    text = f"{HEADER}{MORE}\n{EXTENDED}\n"
    measured = read_benchmarks([BenchmarkFile("bench/b.tsv", text.encode(), 1)])
    assert all("input_bytes" not in row["inputs"] for row in read(LOG, measured))


IS_BENCHMARK = {
    "with a header": (f"{HEADER}\n", True),
    "lines of JSON": (json.dumps(LINE), True),
    "another table": ("sample\tcount\n", False),
    "other JSON": ('{"s": 1}', False),
    "empty": ("", False),
}


@pytest.mark.parametrize("trap", IS_BENCHMARK)
def test_a_benchmark_is_recognised_by_its_first_line(trap):
    text, expected = IS_BENCHMARK[trap]
    assert is_benchmark(text.encode()) is expected


def test_no_benchmarks_are_an_empty_table_of_the_same_columns():
    assert list(NO_BENCHMARKS.columns) == list(
        read_benchmarks([BenchmarkFile("a", f"{HEADER}\n{PLAIN}\n".encode(), 1)]).columns
    )
    assert isinstance(NO_BENCHMARKS, pd.DataFrame)
