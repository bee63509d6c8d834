"""Rows from the future are judged again, also by an ingest that is cut off half-way."""

from datetime import UTC, datetime, timedelta

import pytest

from runlore.ingest.actions import files
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.ingest.actions.reject_list import list_rejects
from runlore.ingest.actions.undo import UndoReason, UndoTarget, undo_ingest
from runlore.log.executions import read_facts

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=3)
ROWS = 300


@pytest.fixture
def source(tmp_path):
    """A log of which every tenth row is two hours ahead of NOW."""
    rows = []
    for n in range(ROWS):
        at = NOW - timedelta(minutes=n) if n % 10 else NOW + timedelta(hours=2)
        rows.append(f"{n},{at:%Y-%m-%dT%H:%M:%SZ},submitted\n")
    path = tmp_path / "log.csv"
    path.write_text("id,submitted,status\n" + "".join(rows))
    return FileSource(path, "csv", "log", chunk_bytes=1_000)


def ids(store):
    facts = read_facts(store)
    assert set(facts["revision"]) == {0}
    return sorted(map(int, facts["source_id"]))


def test_all_rows_are_there_when_their_time_has_come(store, source) -> None:
    first = ingest_file(store, source, NOW)
    assert (first.new, first.rejected) == (ROWS * 9 // 10, ROWS // 10)
    assert [warning.kind for warning in first.warnings] == []
    assert ingest_file(store, source, NOW + timedelta(hours=1)).rejected == ROWS // 10
    again = ingest_file(store, source, LATER)
    assert (again.new, again.known, again.rejected) == (ROWS // 10, ROWS * 9 // 10, 0)
    assert list_rejects(store, None) == []
    assert ids(store) == list(range(ROWS))


def test_a_cut_in_the_middle_of_judging_again_loses_nothing(store, source, monkeypatch) -> None:
    ingest_file(store, source, NOW)
    opened = files.open_log

    class Cut:
        def __init__(self, log):
            self.starts_with, self.log = log.starts_with, log

        def pieces(self, after):
            for number, piece in enumerate(self.log.pieces(after)):
                if number == 3:
                    raise OSError("cut off")
                yield piece

    monkeypatch.setattr(files, "open_log", lambda *arguments: Cut(opened(*arguments)))
    with pytest.raises(OSError, match="cut off"):
        ingest_file(store, source, LATER)
    monkeypatch.setattr(files, "open_log", opened)
    assert ROWS * 9 // 10 < len(ids(store)) < ROWS
    done = ingest_file(store, source, LATER)
    assert done.new + done.known == ROWS
    assert ids(store) == list(range(ROWS))
    assert list_rejects(store, None) == []


def test_what_was_judged_again_is_undone_with_its_ingest(store, source) -> None:
    ingest_file(store, source, NOW)
    number = ingest_file(store, source, LATER).ingest
    undo_ingest(store, UndoTarget("log", number), UndoReason("ann", "wrong"))
    assert len(read_facts(store)) == 0
