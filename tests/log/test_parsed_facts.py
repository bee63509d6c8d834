"""A log in memory is the log that the store would hold, and trains the same model."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from runlore.features.matrix import prepare
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.formats import START
from runlore.ingest.actions.opening import FileSource, open_log
from runlore.kernel.instants import to_us
from runlore.log.executions import read_facts
from runlore.log.parsed_facts import facts_of
from runlore.records.mapping import declare
from runlore.simulate import Scenario, simulate
from runlore.simulate.files import mapping, write_csv
from runlore.specs.catalog import duration, failure_risk
from runlore.store.engine import Store
from runlore.training.actions.extraction import extract, extract_log

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OBJECTS = ["inputs", "outcome"]  # PostgreSQL writes JSON with other blanks


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> FileSource:
    """A simulated log, with late reports, corrections and bad lines."""
    log = simulate(Scenario(seed=3, executions=700, days=30, end=datetime(2025, 10, 1, tzinfo=UTC)))
    path = write_csv(log, tmp_path_factory.mktemp("log"))
    columns = {name: part for name, part in mapping().items() if name != "source"}
    return FileSource(path, "csv", "simulated", declare(columns), chunk_bytes=20_000)


def in_memory(source: FileSource, at: datetime = NOW) -> pd.DataFrame:
    pieces = open_log(source, to_us(at)).pieces(START)
    return facts_of([piece.parsed.records for piece in pieces], at)


def comparable(facts: pd.DataFrame) -> pd.DataFrame:
    """Facts with objects as objects, and numbers that count from 1."""
    plain = facts.assign(**{name: facts[name].map(json.loads) for name in OBJECTS})
    return plain.assign(seq=np.arange(1, len(facts) + 1))


def test_facts_in_memory_are_those_of_the_store_column_by_column(
    store: Store, source: FileSource
) -> None:
    ingest_file(store, source, NOW)
    stored, ours = comparable(read_facts(store)), comparable(in_memory(source))
    assert stored.columns.tolist() == ours.columns.tolist()
    assert (ours["revision"] > 0).any()
    for name in stored.columns:
        pd.testing.assert_series_equal(ours[name], stored[name])


@pytest.mark.parametrize("spec", [failure_risk.SPEC, duration.SPEC], ids=lambda spec: spec.name)
def test_an_extract_without_a_store_is_that_of_the_store(
    store: Store, source: FileSource, spec
) -> None:
    ingest_file(store, source, NOW)
    stored, ours = extract(store, spec), extract_log(prepare(in_memory(source)), spec)
    assert ours.plan == stored.plan
    assert ours.inputs == stored.inputs
    assert ours.data.digest() == stored.data.digest()
    assert (ours.sources, ours.row_sources) == (stored.sources, stored.row_sources)


def test_a_file_that_holds_every_row_twice_is_the_same_log(
    source: FileSource, tmp_path: Path
) -> None:
    pieces = [piece.parsed.records for piece in open_log(source, to_us(NOW)).pieces(START)]
    once, twice = facts_of(pieces, NOW), facts_of([*pieces, *pieces], NOW)
    pd.testing.assert_frame_equal(once, twice)


def test_more_revisions_than_allowed_are_left_out(source: FileSource) -> None:
    pieces = [piece.parsed.records for piece in open_log(source, to_us(NOW)).pieces(START)]
    assert facts_of(pieces, NOW, max_revisions=0)["revision"].max() == 0


def test_no_records_are_no_facts() -> None:
    facts = facts_of([], NOW)
    assert len(facts) == 0
    assert {"seq", "known_at", "inputs"} <= {*facts.columns}
