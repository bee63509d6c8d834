"""Steps that share a reading of the log read it once, and see what has come in since."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel.instants import parse
from runlore.log import executions, reader
from runlore.log.reader import read_log, read_log_facts, reading_ahead, shared_reading
from runlore.records.mapping import declare
from runlore.store.engine import Store

START = parse("2026-01-05T00:00:00Z")


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """After which fact each reading of the log began; None: it read the whole log."""
    seen: list[Any] = []
    read_facts = executions.read_facts

    def watched(store: Store, *, after_seq: int | None = None, **others: Any) -> pd.DataFrame:
        seen.append(after_seq)
        return read_facts(store, after_seq=after_seq, **others)

    monkeypatch.setattr(reader, "read_facts", watched)
    monkeypatch.setattr(executions, "read_facts", watched)
    return seen


def add(store: Store, folder: Path, names: list[str], at: datetime) -> None:
    path = folder / f"{names[0]}.csv"
    times = [at + timedelta(minutes=minute) for minute in range(len(names))]
    rows = [f"{name},ann,etl,{time.isoformat()}" for name, time in zip(names, times, strict=True)]
    path.write_text("\n".join(["id,actor,kind,submitted", *rows]) + "\n", encoding="utf-8")
    ingest_file(store, FileSource(path, "csv", "test", declare({})), at + timedelta(days=1))


def test_the_log_is_read_once_and_then_only_what_is_new(
    store: Store, tmp_path: Path, readings: list[Any]
) -> None:
    add(store, tmp_path, ["a", "b"], START)
    with shared_reading():
        first = read_log(store)
        assert read_log(store) is not None
        assert read_log_facts(store) is read_log(store).facts
        add(store, tmp_path, ["c"], START + timedelta(days=2))
        later = read_log(store)
    assert list(first.executions["source_id"]) == ["a", "b"]
    assert list(later.executions["source_id"]) == ["a", "b", "c"]
    assert [after for after in readings if after is None] == [None]
    pd.testing.assert_frame_equal(later.facts, read_log(store).facts)


def test_facts_after_a_number_are_left_out_as_if_they_had_not_been_read(
    store: Store, tmp_path: Path
) -> None:
    add(store, tmp_path, ["a", "b"], START)
    add(store, tmp_path, ["c"], START + timedelta(days=2))
    _, until, last = read_log(store).facts["seq"].tolist()
    with shared_reading():
        whole, part = read_log(store), read_log(store, until)
        assert read_log(store, last) is whole
    assert list(part.executions["source_id"]) == ["a", "b"]
    pd.testing.assert_frame_equal(part.facts, read_log(store, until).facts)


def test_threads_of_the_block_share_the_reading(
    store: Store, tmp_path: Path, readings: list[Any]
) -> None:
    add(store, tmp_path, ["a"], START)
    with shared_reading(), ThreadPoolExecutor(2) as threads:
        first = read_log(store)
        others = [threads.submit(copy_context().run, read_log, store) for _ in range(4)]
        assert all(other.result() is first for other in others)


def test_outside_the_block_each_reading_is_a_new_one(
    store: Store, tmp_path: Path, readings: list[Any]
) -> None:
    add(store, tmp_path, ["a"], START)
    with shared_reading():
        shared = read_log(store)
    assert read_log(store) is not shared
    assert len(read_log_facts(store)) == 1
    assert readings == [None, None, None]


def test_an_empty_log_is_read_and_filled_later(store: Store, tmp_path: Path) -> None:
    with shared_reading():
        assert len(read_log(store).facts) == 0
        add(store, tmp_path, ["a"], START)
        assert list(read_log(store).executions["source_id"]) == ["a"]


def test_what_was_read_ahead_is_taken_over_once_and_then_let_go(
    store: Store, tmp_path: Path, readings: list[Any]
) -> None:
    add(store, tmp_path, ["a"], START)
    with reading_ahead(store):
        ahead = read_log(store)
        with shared_reading():
            assert read_log(store) is ahead
            add(store, tmp_path, ["b"], START + timedelta(days=2))
            assert list(read_log(store).executions["source_id"]) == ["a", "b"]
        assert [after for after in readings if after is None] == [None]
        with shared_reading():
            read_log(store)
        assert [after for after in readings if after is None] == [None, None]
