"""A part of a record that is missing makes no other part unknown."""

import json

import numpy as np
import pandas as pd
import pytest

from runlore.features.columns import measure
from runlore.features.online import FactResult
from runlore.records.execution import NO_INSTANT
from runlore.records.formats import csv, gitlab, nextflow, slurm, swf
from runlore.records.formats.tool_cells import object_cells
from runlore.records.mapping import declare

DAY = "2026-10-01T"


def in_csv(header, row):
    data = f"{header}\n{row}\n".encode()
    return csv.layout(data, "log", declare({})).parse(data, 1)


def in_slurm(start, state="COMPLETED"):
    data = (
        "JobID|Submit|Start|End|Elapsed|State\n"
        f"7|{DAY}08:00:00|{start}|{DAY}09:05:00|01:00:00|{state}\n"
    ).encode()
    return slurm.layout(data, "slurm", "UTC").parse(data, 1)


def in_swf(wait, run, status=1):
    job = f"1 100 {wait} {run} 8 -1 -1 16 600 -1 {status} 7 2 3 4 5 -1 -1"
    data = f"; UnixStartTime: 1000000000\n{job}\n".encode()
    return swf.layout(data, "log", None).parse(data, 1)


def lengths(parsed):
    """Duration and wait of the only record, in training and in serving."""
    assert parsed.rejects.to_pylist() == []
    (row,) = parsed.records.to_pylist()
    instants = {
        name: NO_INSTANT if row[name] is None else row[name]
        for name in ("submitted", "started", "finished")
    }
    names = ("duration_s", "wait_s")
    trained = measure(pd.DataFrame([row | instants]), names).table[0]
    served = FactResult(
        row["status"], *instants.values(), outcome=json.loads(row["outcome"])
    ).measured(names)
    assert trained.tolist() == pytest.approx(served.tolist(), nan_ok=True)
    return pytest.approx(trained.tolist(), nan_ok=True)


NAN = float("nan")
RECORDS = {
    "CSV: submission and length": (
        lambda: in_csv("id,submitted,duration_s", "1,2026-10-01,60"),
        [60, NAN],
    ),
    "CSV: submission, end and length": (
        lambda: in_csv("id,submitted,finished,duration_s", "1,2026-10-01,2026-10-01 00:05,60"),
        [60, 240],
    ),
    "CSV: a length that does not fit between submission and end": (
        lambda: in_csv("id,submitted,finished,duration_s", "1,2026-10-01,2026-10-01 00:05,600"),
        [600, NAN],
    ),
    "CSV: a start and nothing else": (
        lambda: in_csv("id,submitted,started", "1,2026-10-01,2026-10-01 00:05"),
        [NAN, 300],
    ),
    "Slurm: a start that sacct does not know": (lambda: in_slurm("Unknown"), [3600, 300]),
    "SWF: no wait": (lambda: in_swf(-1, 300), [300, NAN]),
    "SWF: no wait of a failed job": (lambda: in_swf(-1, 300, 0), [300, NAN]),
    "SWF: no run time of a completed job": (lambda: in_swf(20, -1), [NAN, 20]),
    "SWF: neither": (lambda: in_swf(-1, -1), [NAN, NAN]),
}


@pytest.mark.parametrize("record", RECORDS)
def test_what_a_record_says_is_kept_whatever_else_is_missing(record):
    read, expected = RECORDS[record]
    assert lengths(read()) == expected


def test_a_gitlab_job_without_a_start_has_the_one_that_its_duration_tells():
    job = {
        "id": 5,
        "name": "build",
        "status": "success",
        "duration": 120.0,
        "created_at": f"{DAY}08:00:00Z",
        "finished_at": f"{DAY}08:10:00Z",
        "started_at": None,
    }
    reader = gitlab.GitlabReader("ci")
    parsed = reader.read(object_cells([job], np.array([1]), reader))
    assert lengths(parsed) == [120, 480]


def test_a_nextflow_task_without_a_start_has_the_one_that_its_run_time_tells():
    row = ["1", "align", "COMPLETED", "1790841600000", "-", "1790842200000", "2m"]
    text = "task_id name status submit start complete realtime".replace(" ", "\t")
    data = f"{text}\n{chr(9).join(row)}\n".encode()
    assert lengths(nextflow.layout(data, "nextflow", "UTC").parse(data, 1)) == [120, 480]
