"""An ingest that is killed is gone on with."""

import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import text

from runlore.ingest.actions.reject_list import list_rejects
from tests.ingest.csv_log import HEADER, Log, counts, row

pytestmark = pytest.mark.slow

ROWS = 30_000
CHUNK = 40_000
INGEST = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from runlore.records.mapping import declare
from runlore.store.engine import connect
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from tests.ingest.csv_log import MAPPING
url, path, chunk = sys.argv[1:]
source = FileSource(Path(path), "csv", "log", declare(MAPPING), chunk_bytes=int(chunk))
ingest_file(connect(url), source, datetime(2025, 6, 1, tzinfo=UTC))
"""


def landed(store):
    with store.begin() as connection:
        return connection.scalar(text("SELECT coalesce(sum(lines_done), 0) FROM runlore.ingests"))


def start(log):
    command = [sys.executable, "-c", INGEST, log.store.url, str(log.path), str(CHUNK)]
    return subprocess.Popen(command)


def wait_for_lines(store, process, lines):
    for _ in range(6000):
        if landed(store) >= lines:
            return
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    raise AssertionError("nothing landed in a minute")


def killed_after(log, lines, how):
    process = start(log)
    wait_for_lines(log.store, process, lines)
    process.send_signal(how)
    process.wait()


def test_killed_twice_it_completes_and_nothing_is_doubled(store, tmp_path):
    rows = [row(number) for number in range(ROWS)]
    rows[::600] = ["bad\n"] * 50
    log = Log(store, tmp_path / "log.csv", [HEADER, *rows])
    log.write()
    killed_after(log, 2_000, signal.SIGKILL)
    first = landed(store)
    assert 2_000 <= first < ROWS
    killed_after(log, first + 2_000, signal.SIGKILL)
    assert landed(store) < ROWS
    assert counts(log.ingest(chunk_bytes=CHUNK)) != (ROWS - 50, 0, 50)
    facts = log.facts()
    assert sorted(facts["source_id"].astype(int)) == [n for n in range(ROWS) if n % 600]
    assert set(facts["revision"]) == {0}
    assert [each["line"] for each in list_rejects(store, 100)] == list(range(2, ROWS, 600))
    assert counts(log.ingest()) == (0, ROWS - 50, 50)


def test_interrupted_it_keeps_the_finished_chunks(store, tmp_path):
    log = Log(store, tmp_path / "log.csv", [HEADER, *(row(number) for number in range(ROWS))])
    log.write()
    killed_after(log, 2_000, signal.SIGINT)
    done = landed(store)
    assert len(log.facts()) == done - 1 < ROWS
    assert counts(log.ingest()) == (ROWS - done + 1, done - 1, 0)
