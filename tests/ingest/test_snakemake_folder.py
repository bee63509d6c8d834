"""The folder in which Snakemake ran: its logs, and the benchmark files that they name."""

import os
from datetime import UTC, datetime

import pytest

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel.errors import BadInput
from runlore.log.executions import read_facts

NOW = datetime(2026, 12, 1, tzinfo=UTC)
WRITTEN = datetime(2026, 11, 29, 16, tzinfo=UTC).timestamp()
HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def run_log(run, job, hour):
    return (
        f"  Workflow ID: {run}\n[Sun Nov 29 {hour}:00:00 2026]\nrule align:\n    jobid: {job}\n"
        f"    benchmark: bench/a.tsv\n[Sun Nov 29 {hour}:05:00 2026]\nFinished jobid: {job}\n"
    )


@pytest.fixture
def folder(tmp_path):
    """Two runs; the second one wrote bench/a.tsv anew. bench/b.tsv is of no run."""
    logs, bench = tmp_path / ".snakemake" / "log", tmp_path / "bench"
    logs.mkdir(parents=True)
    bench.mkdir()
    (logs / "2026-11-29T130000.1.snakemake.log").write_text(run_log("one", 4, 13))
    (logs / "2026-11-29T150000.1.snakemake.log").write_text(run_log("two", 5, 15))
    for name, peak in (("a", 5), ("b", 7)):
        path = bench / f"{name}.tsv"
        path.write_text(f"{HEADER}60\t0:01:00\t{peak}\t9\t1\t1\t0\t0\t99\t59\n")
        os.utime(path, (WRITTEN, WRITTEN))
    (tmp_path / "counts.tsv").write_text("gene\tcount\n")
    (tmp_path / "broken.tsv").symlink_to(tmp_path / "missing.tsv")
    os.mkfifo(tmp_path / "pipe.tsv")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "c.tsv").write_text(f"{HEADER}1\t0:00:01\t1\t1\t1\t1\t0\t0\t9\t9\n")
    return tmp_path


@pytest.fixture
def ingest(store):
    def run(path):
        return ingest_file(store, FileSource(path, "snakemake", "snakemake"), NOW)

    return run


def peaks(store):
    facts = read_facts(store)
    return dict(zip(facts["source_id"], facts["outcome"], strict=True))


def test_a_benchmark_is_of_the_newest_run_that_wrote_it_or_an_execution_by_itself(
    ingest, folder, store
):
    assert ingest(folder).new == 3
    outcomes = peaks(store)
    assert set(outcomes) == {"one/4", "two/5", "bench/b.tsv"}
    assert outcomes["one/4"] == "{}"
    assert '"peak_memory_bytes": 5242880' in outcomes["two/5"]
    assert '"peak_memory_bytes": 7340032' in outcomes["bench/b.tsv"]


def test_ingested_again_a_folder_adds_nothing_until_it_changes(ingest, folder, store):
    ingest(folder)
    again = ingest(folder)
    assert (again.new, again.known) == (0, 3)
    log = folder / ".snakemake" / "log" / "2026-11-29T170000.1.snakemake.log"
    log.write_text(run_log("three", 5, 17).replace("bench/a", "bench/z"))
    grown = ingest(folder)
    assert (grown.new, grown.known) == (1, 3)
    assert len(read_facts(store)) == 4


def test_one_log_and_one_benchmark_may_be_named_as_files(ingest, folder, store):
    assert ingest(folder / ".snakemake" / "log" / "2026-11-29T130000.1.snakemake.log").new == 1
    assert ingest(folder / "bench" / "b.tsv").new == 1
    assert set(peaks(store)) == {"one/4", "b.tsv"}


def test_a_benchmark_may_have_any_name_when_it_is_the_file_that_is_named(ingest, folder, store):
    (folder / "bench" / "b.tsv").rename(folder / "bench" / "b.measures")
    ingest(folder / "bench" / "b.measures")
    assert set(peaks(store)) == {"b.measures"}
    assert ingest(folder).new == 2


def test_a_terminal_output_that_was_saved_is_a_log(ingest, tmp_path, store):
    (tmp_path / "run.log").write_text("Building DAG of jobs...\n" + run_log("one", 4, 13))
    ingest(tmp_path / "run.log")
    assert set(peaks(store)) == {"one/4"}


@pytest.mark.parametrize(
    ("name", "message"), [("empty", "neither a log of Snakemake"), ("missing", "no such file")]
)
def test_a_folder_without_logs_and_benchmarks_is_refused(ingest, tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=message):
        ingest(tmp_path / name)
