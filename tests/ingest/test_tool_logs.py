"""Logs of tools that grow, that are exported again and that are cut anywhere."""

from datetime import UTC, datetime

import pytest

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.log.executions import read_facts
from tests.ingest.tool_logs import TOOL_LOGS

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CHUNK = 2_000
JOBS = 60
CONTENT = ["source_id", "status", "submitted", "started", "finished", "inputs", "outcome"]


@pytest.fixture
def ingest(store, tmp_path):
    """Ingests a text as the log of a tool."""

    def run(log, text, name="log", **options):
        path = tmp_path / f"{name}{log.suffix}"
        path.write_text(text)
        options = {"chunk_bytes": CHUNK} | options
        return ingest_file(store, FileSource(path, log.format, log.format, **options), NOW)

    return run


def latest(store):
    """The content of the newest revision of each execution, in order of id."""
    facts = read_facts(store).sort_values(["source_id", "submitted", "revision"])
    newest = facts.drop_duplicates(["source_id", "submitted"], keep="last")
    return newest[CONTENT].astype(str).to_numpy().tolist()


@pytest.fixture(params=TOOL_LOGS)
def log(request):
    return TOOL_LOGS[request.param]


def test_small_chunks_give_what_one_gives(log, ingest, store):
    text = log.make(JOBS)
    ingest(log, text, chunk_bytes=500)
    assert read_facts(store)["revision"].max() <= 1
    small = latest(store)
    assert len(small) == JOBS
    again = ingest(log, text, "again", chunk_bytes=1 << 20)
    assert again.new == 0
    assert latest(store) == small


def test_a_log_that_grows_line_by_line_ends_as_if_it_were_ingested_at_once(log, ingest, store):
    text = log.make(JOBS)
    lines = text.splitlines(keepends=True)
    for end in (2, 3, 4, 5, 20, 21, len(lines) // 2, len(lines) - 1, len(lines)):
        ingest(log, "".join(lines[:end]))
    grown = latest(store)
    assert len(grown) == JOBS
    summary = ingest(log, text, "whole")
    assert summary.new == 0
    assert latest(store) == grown


def test_an_export_that_is_made_again_under_another_name_adds_only_what_is_new(log, ingest, store):
    ingest(log, log.make(JOBS // 2), "monday")
    before = read_facts(store)
    again = ingest(log, log.make(JOBS), "tuesday")
    facts = read_facts(store)
    assert again.new == len(facts) - len(before)
    assert (facts["revision"] == 0).sum() == JOBS
    assert (facts["revision"] > 0).sum() <= JOBS // 8, "news of work that goes on in the next chunk"
    assert len(latest(store)) == JOBS
    unchanged = ingest(log, log.make(JOBS), "tuesday")
    assert (unchanged.new, unchanged.rejected) == (0, 0)
    assert unchanged.known + sum(unchanged.skipped.values()) == log.rows(JOBS)
