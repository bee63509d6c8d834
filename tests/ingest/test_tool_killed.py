"""An ingest of a tool's log that is killed loses nothing and doubles nothing."""

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.log.executions import read_facts
from tests.ingest.tool_logs import TOOL_LOGS

pytestmark = pytest.mark.slow

IN_EVERY_RUN = ("slurm", "openlineage")  # a text of lines, and JSON
JOBS = 20_000
CHUNK = 40_000
INGEST = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from runlore.store.engine import connect
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
url, path, format, chunk = sys.argv[1:]
source = FileSource(Path(path), format, format, chunk_bytes=int(chunk))
ingest_file(connect(url), source, datetime(2026, 11, 1, tzinfo=UTC))
"""


def landed(store):
    with store.begin() as connection:
        return connection.scalar(text("SELECT count(*) FROM runlore.executions"))


def killed_after(store, source, facts):
    """Kill an ingest as soon as so many facts have landed."""
    arguments = [store.url, str(source.path), source.format, str(source.chunk_bytes)]
    process = subprocess.Popen([sys.executable, "-c", INGEST, *arguments])
    deadline = time.monotonic() + 120
    while landed(store) < facts:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline, "nothing landed in two minutes"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize(
    "tool",
    [
        tool if tool in IN_EVERY_RUN else pytest.param(tool, marks=pytest.mark.exhaustive)
        for tool in TOOL_LOGS
    ],
)
def test_killed_twice_it_completes_and_nothing_is_lost_or_doubled(tool, store, tmp_path):
    log = TOOL_LOGS[tool]
    path = tmp_path / f"log{log.suffix}"
    path.write_text(log.make(JOBS))
    source = FileSource(path, log.format, log.format, chunk_bytes=CHUNK)
    killed_after(store, source, 1)
    first = landed(store)
    assert 1 <= first < JOBS
    killed_after(store, source, first + 1)
    assert landed(store) < JOBS
    summary = ingest_file(store, source, datetime(2026, 11, 1, tzinfo=UTC))
    assert summary.rejected == 0
    facts = read_facts(store)
    assert facts["source_id"].nunique() == JOBS
    assert facts["status"].isin(["succeeded", "failed"]).sum() == JOBS
    assert (facts["revision"] == 0).sum() == JOBS, "a run may have begun in one chunk"
    again = ingest_file(store, source, datetime(2026, 11, 1, tzinfo=UTC))
    assert (again.new, again.rejected, len(read_facts(store))) == (0, 0, len(facts))
