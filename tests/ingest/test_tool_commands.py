"""`runlore ingest TOOL FILE` at a terminal, with nothing to map."""

import json

import pytest

from runlore.kernel.instants import from_us
from runlore.log.executions import read_facts
from tests.ingest.tool_logs import TOOL_LOGS

JOBS = 20


@pytest.mark.parametrize("tool", TOOL_LOGS)
def test_a_log_is_ingested_without_a_mapping_and_all_its_rows_are_counted(
    runlore, tool, store, tmp_path
):
    log = TOOL_LOGS[tool]
    path = tmp_path / f"any-name{log.suffix}"
    path.write_text(log.make(JOBS))
    assert f"{JOBS} new, 0 already known, 0 rejected" in runlore(tool, path)
    facts = read_facts(store)
    assert set(facts["source"]) == {tool}
    summary = json.loads(runlore(tool, path, "--json"))
    assert (summary["new"], summary["rejected"]) == (0, 0)
    assert summary["known"] + sum(summary["skipped"].values()) == log.rows(JOBS)
    runlore(tool, path, "--source", "mine")
    assert set(read_facts(store)["source"]) == {tool, "mine"}


def test_skipped_rows_are_said_with_their_reason(runlore, tmp_path):
    path = tmp_path / "sacct.txt"
    path.write_text(TOOL_LOGS["slurm"].make(JOBS))
    output = runlore("slurm", path)
    assert f"0 rejected, {2 * JOBS} skipped;" in output
    assert f"skipped: {2 * JOBS} steps of jobs (their peaks are on the job)" in output


@pytest.mark.parametrize("tool", ["slurm", "nextflow"])
def test_a_last_line_without_an_end_waits_until_it_is_whole_or_asked_for(
    runlore, tool, store, tmp_path
):
    log = TOOL_LOGS[tool]
    path = tmp_path / "log.txt"
    path.write_text(log.make(2).rstrip("\n"))
    assert "--take-last-line takes it" in runlore(tool, path)
    runlore(tool, path, "--take-last-line")
    taken = read_facts(store).sort_values("revision").drop_duplicates("source_id", keep="last")
    runlore(tool, path, "--take-last-line", "--source", "other")
    path.write_text(log.make(2))
    assert json.loads(runlore(tool, path, "--json"))["new"] == 0
    assert len(taken) == 2


@pytest.mark.parametrize("tool", TOOL_LOGS)
def test_a_dry_run_shows_rows_and_writes_nothing(runlore, tool, store, tmp_path):
    log = TOOL_LOGS[tool]
    path = tmp_path / f"log{log.suffix}"
    path.write_text(log.make(JOBS))
    output = runlore(tool, path, "--dry-run")
    assert f"{JOBS} accepted" in output
    assert "  status  " in output
    assert len(read_facts(store)) == 0


def test_local_times_are_read_in_the_zone_of_the_option(runlore, store, tmp_path):
    path = tmp_path / "sacct.txt"
    path.write_text(TOOL_LOGS["slurm"].make(1))
    runlore("slurm", path, "--timezone", "Europe/Berlin")
    (submitted,) = read_facts(store)["submitted"]
    assert from_us(submitted).isoformat() == "2023-12-31T22:59:51+00:00"


def test_a_file_without_a_header_is_refused_with_the_command_to_run(runlore, tmp_path):
    path = tmp_path / "sacct.txt"
    path.write_text(TOOL_LOGS["slurm"].make(1).split("\n", 1)[1])
    assert "export with a header" in runlore("slurm", path, code=1)
