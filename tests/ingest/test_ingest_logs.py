"""Real logs of the Parallel Workloads Archive, where they are at hand."""

import gzip
from collections import Counter

import pytest

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.ingest.actions.reject_list import list_rejects
from runlore.log.executions import read_facts
from tests.ingest.csv_log import NOW, counts

pytestmark = pytest.mark.slow

LOGS = {
    "CTC-SP2-1996-3.1-cln": Counter(succeeded=60_553, failed=16_669),
    "SDSC-BLUE-2000-4.2-cln": Counter(succeeded=195_586, cancelled=47_718, unknown=2),
}


@pytest.mark.parametrize("name", LOGS)
def test_every_job_of_a_log_lands_once(store, shared_data, name):
    source = FileSource(shared_data / "hpc" / f"{name}.swf.gz", "swf", name)
    jobs = sum(LOGS[name].values())
    assert counts(ingest_file(store, source, NOW)) == (jobs, 0, 0)
    assert counts(ingest_file(store, source, NOW)) == (0, jobs, 0)
    facts = read_facts(store)
    assert Counter(facts["status"]) == LOGS[name]
    assert facts["source_id"].is_unique


def test_fifty_corrupted_lines_of_a_log_are_fifty_rejects(store, shared_data, tmp_path):
    name = "CTC-SP2-1996-3.1-cln"
    with gzip.open(shared_data / "hpc" / f"{name}.swf.gz") as stream:
        lines = stream.read().splitlines(keepends=True)
    first = next(at for at, line in enumerate(lines) if not line.startswith(b";"))
    bad = [first + 1500 * n for n in range(50)]
    for kind, at in enumerate(bad):
        lines[at] = _corrupted(lines[at], kind)
    path = tmp_path / "bad.swf"
    path.write_bytes(b"".join(lines))
    source = FileSource(path, "swf", "ctc")
    assert counts(ingest_file(store, source, NOW)) == (77_222 - 50, 0, 50)
    rejects = list_rejects(store, 100)
    assert [each["line"] for each in rejects] == [at + 1 for at in bad]
    assert len({each["reason"].split("'")[0] for each in rejects}) >= 4
    assert counts(ingest_file(store, source, NOW)) == (0, 77_222 - 50, 50)


def _corrupted(line: bytes, kind: int) -> bytes:
    fields = line.split()
    if kind % 5 == 0:
        fields[3] = b"oops"
    elif kind % 5 == 1:
        del fields[9:]
    elif kind % 5 == 2:
        fields[1] = b"-7"
    elif kind % 5 == 3:
        fields[2] = b"\xff"
    else:
        fields[10] = b"42"
    return b" ".join(fields) + b"\n"
