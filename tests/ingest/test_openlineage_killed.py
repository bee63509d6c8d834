"""Events of one run all over a file: an ingest that is killed ends as one that was not."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from runlore.store.engine import Store
from tests.ingest.lineage_events import EventLog, event
from tests.tables import empty_tables

pytestmark = pytest.mark.slow

RUNS = 4_000
CHUNK = 60_000
INGEST = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from runlore.store.engine import connect
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
url, path, chunk = sys.argv[1:]
source = FileSource(Path(path), "openlineage", "openlineage", chunk_bytes=int(chunk))
ingest_file(connect(url), source, datetime(2026, 6, 1, tzinfo=UTC))
"""


def landed(store: Store) -> int:
    with store.begin() as connection:
        return connection.scalar(text("SELECT coalesce(sum(lines_done), 0) FROM runlore.ingests"))


def killed_after(log: EventLog, lines: int) -> None:
    command = [sys.executable, "-c", INGEST, log.store.url, str(log.path), str(CHUNK)]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    while landed(log.store) < lines:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline, "nothing landed in two minutes"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_killed_twice_it_ends_as_one_that_was_not(store: Store, tmp_path: Path) -> None:
    events = [
        event(kind, number + seconds, f"run{number}", job=f"job{number % 7}")
        for number in range(RUNS)
        for kind, seconds in (("START", 0), ("RUNNING", 3), ("FAIL" if number % 5 else "ABORT", 9))
        if (number % 11, kind) != (0, "START")
    ]
    random.Random(3).shuffle(events)  # noqa: S311
    log = EventLog(store, tmp_path / "events.ndjson")
    log.ingest(*events, chunk_bytes=CHUNK)
    expected = json.dumps(log.latest())
    empty_tables(store)
    killed_after(log, 1)
    first = landed(store)
    assert 1 <= first < len(events)
    killed_after(log, first + 1)
    assert landed(store) < len(events)
    log.ingest(chunk_bytes=CHUNK)
    assert json.dumps(log.latest()) == expected
    assert len(log.latest()) == RUNS
