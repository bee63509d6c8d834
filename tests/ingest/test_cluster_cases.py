"""Small inputs that have gone wrong elsewhere, in the folder beside the repository, and exports."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.log.executions import read_facts

SHARED = Path(__file__).parents[3] / "shared"
NOW = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.fixture
def ingest(store):
    """Ingests a file of the shared folder, or skips the test where there is none."""

    def run(tool, name):
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"{path} is not there: it is beside the repository, not in it")
        return ingest_file(store, FileSource(path, tool, tool), NOW)

    return run


def statuses(store):
    facts = read_facts(store).sort_values(["source_id", "submitted"])
    return [*zip(facts["source_id"], facts["status"], strict=True)]


def test_steps_and_states_of_slurm(ingest, store):
    summary = ingest("slurm", "cases/slurm-steps-and-states/sacct.txt")
    assert (summary.new, summary.rejected) == (14, 0)
    assert statuses(store) == [
        ("7001", "succeeded"),
        ("7002", "cancelled"),
        ("7003", "cancelled"),
        ("7004", "running"),
        ("7005", "submitted"),
        ("7006", "partial"),
        ("7006", "failed"),
        ("7006", "succeeded"),
        ("7007", "failed"),
        ("7008", "failed"),
        ("7009", "cancelled"),
        ("7010", "failed"),
        ("7011", "running"),
        ("7012", "failed"),
    ]


def test_a_trace_of_nextflow(ingest, store):
    summary = ingest("nextflow", "cases/nextflow/trace.txt")
    assert (summary.new, summary.rejected, sum(summary.skipped.values())) == (5, 0, 1)
    assert statuses(store) == [
        ("aa/11", "succeeded"),
        ("aa/12", "succeeded"),
        ("aa/13", "failed"),
        ("aa/14", "running"),
        ("aa/16", "cancelled"),
    ]


def test_a_raw_trace_of_nextflow(ingest, store):
    summary = ingest("nextflow", "cases/nextflow/raw.txt")
    assert (summary.new, summary.rejected) == (3, 0)
    facts = read_facts(store)
    took = (facts["finished"] - facts["started"])[facts["status"] == "succeeded"] / 1e6
    assert took.tolist() == pytest.approx([16.805, 32.698])


def test_an_export_of_sacct_with_steps(ingest, store):
    summary = ingest("slurm", "data/exports/sacct-with-steps.txt.gz")
    assert (summary.new, summary.rejected, sum(summary.skipped.values())) == (1348, 0, 2651)
    assert summary.new + sum(summary.skipped.values()) == 3999
    keys = {key for inputs in read_facts(store)["inputs"] for key in json.loads(inputs)}
    assert keys == {"account", "cpus", "gpus", "memory_bytes", "nodes", "timelimit_s"}


def test_an_export_of_a_trace(ingest):
    summary = ingest("nextflow", "data/exports/nextflow-trace.txt.gz")
    assert (summary.new, summary.rejected, sum(summary.skipped.values())) == (560, 0, 40)
