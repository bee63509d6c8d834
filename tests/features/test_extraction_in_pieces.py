"""Extraction in small pieces, from and into mapped files, has the bits of extraction at once."""

import json
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runlore.features import columns, mapped_arrays, matrix
from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.records.execution import NO_INSTANT
from tests.features.logs import HISTORIES, START_US, frame, logs

FEATURES = FeatureSet(
    tuple(
        HistoryFeatures(keys, ("failed", "outcome.cost"), (60.0, 3600.0)) for keys in HISTORIES[1:]
    )
)
CELLS = [None, 1, 2.5, "x", True]
PER_ROW = 300  # bytes in memory for each fact more: its place in time and its keys, no features


def arrow_text(facts: pd.DataFrame) -> pd.DataFrame:
    """Facts as they are read from the store: names, inputs and outcomes are Arrow text."""
    texts = {}
    for name in ("source_id", "inputs", "outcome"):
        spool = mapped_arrays.TextSpool()
        for first in range(0, len(facts), 20_000):
            part = facts[name].iloc[first : first + 20_000]
            spool.add(pa.array(part.tolist(), pa.string()))
        texts[name] = pd.array(spool.finish(), dtype=pd.ArrowDtype(pa.string()))
    return facts.assign(**texts)


def extracted(facts: pd.DataFrame, chosen: list[int] | None = None):
    log = matrix.prepare(facts)
    plan = matrix.resolve(FEATURES, log, np.arange(len(log.executions)) % 3 > 0)
    positions = None if chosen is None else np.array(chosen, dtype=np.int64)
    rows, states = matrix.extract(log, plan, positions)
    return plan, rows, {s.history.name: (s.keys(log), s.states) for s in states}, log


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(mapped_arrays, "LEAST_BYTES", 1)
    monkeypatch.setattr(mapped_arrays, "PIECE_BYTES", 300)
    monkeypatch.setattr(columns, "PIECE_ROWS", 2)
    monkeypatch.setattr(matrix, "BLOCK", 3)
    monkeypatch.setattr(matrix, "BLOCKS_IN_MEMORY", 1)
    monkeypatch.setattr(matrix, "KEYS_AT_ONCE", 2)
    return monkeypatch


@given(logs())
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_small_pieces_give_the_bits_of_the_whole(small_pieces, rows):
    facts = frame(rows)
    with pytest.MonkeyPatch.context() as whole:
        whole.setattr(mapped_arrays, "LEAST_BYTES", 1 << 40)
        whole.setattr(columns, "PIECE_ROWS", 1 << 40)
        whole.setattr(matrix, "BLOCK", 1 << 40)
        plan, expected, states, log = extracted(facts)
        hashes = log.input_hashes
    again_plan, again, again_states, again_log = extracted(arrow_text(facts))
    assert again_plan == plan
    np.testing.assert_array_equal(again.view(np.uint32), expected.view(np.uint32))
    np.testing.assert_array_equal(again_log.input_hashes, hashes)
    for name, (keys, values) in states.items():
        assert again_states[name][0] == keys
        assert again_states[name][1].tobytes() == values.tobytes()


@given(logs(), st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_chosen_executions_get_the_rows_that_they_have_among_all(small_pieces, rows, data):
    _, every, _, log = extracted(frame(rows))
    positions = st.permutations(range(len(log.executions)))
    chosen = data.draw(positions)[: data.draw(st.integers(0, len(log.executions)))]
    _, some, _, _ = extracted(arrow_text(frame(rows)), chosen)
    np.testing.assert_array_equal(some.view(np.uint32), every[chosen].view(np.uint32))


@given(
    st.lists(
        st.dictionaries(st.sampled_from("ab"), st.sampled_from([None, 1, 2.5, "x", True])),
        min_size=1,
    ),
    st.data(),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_objects_at_any_positions_become_the_cells_of_the_whole(small_pieces, objects, data):
    texts = pd.Series([json.dumps(cells) for cells in objects], dtype=object)
    positions = st.sampled_from(range(len(objects)))
    rows = data.draw(st.lists(positions, max_size=9))
    with pytest.MonkeyPatch.context() as whole:
        whole.setattr(columns, "PIECE_ROWS", 1 << 40)
        expected = columns.expand(texts)
    some = columns.expand(texts, np.array(rows, dtype=np.int64))
    for name in some.columns:
        for cell, expected_cell in zip(some[name], expected[name].iloc[rows], strict=True):
            assert cell == expected_cell or (pd.isna(cell) and pd.isna(expected_cell))


def test_memory_does_not_hold_the_features_of_a_large_log(monkeypatch):
    """Four times the rows: what lies in memory grows by much less than a row of features each."""
    monkeypatch.setattr(mapped_arrays, "LEAST_BYTES", 1 << 15)
    monkeypatch.setattr(columns, "PIECE_ROWS", 4096)
    few, many = 20_000, 80_000
    _peak_bytes(100)
    grown = (_peak_bytes(many) - _peak_bytes(few)) / (many - few)
    assert grown < PER_ROW


def _peak_bytes(executions: int) -> int:
    """The most that preparing and extracting a log takes of the heap, and of Arrow's pool."""
    facts = arrow_text(_large(executions))
    usual = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        log = matrix.prepare(facts)
        plan = matrix.resolve(FEATURES, log, np.ones(executions, dtype=bool))
        rows, _ = matrix.extract(log, plan)
        assert rows.nbytes >= 300 * executions
        return tracemalloc.get_traced_memory()[1] + pool.max_memory()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)


def _large(executions: int) -> pd.DataFrame:
    """A log of many executions with few actors, kinds and scopes; every tenth was corrected."""
    rng = np.random.default_rng(3)
    execution = np.sort(np.r_[np.arange(executions), np.arange(0, executions, 10)])
    revision = np.r_[0, np.diff(execution) == 0].astype(np.int64)
    submitted = START_US + execution * 1_000_000
    ended = submitted + rng.integers(1, 10**9, execution.size)
    actors, kinds = rng.integers(0, 50, executions), rng.integers(0, 9, executions)
    return pd.DataFrame(
        {
            "source": "test",
            "source_id": execution.astype(str).astype(object),
            "actor": np.array([f"u{i}" for i in range(50)], dtype=object)[actors[execution]],
            "kind": np.array([f"k{i}" for i in range(9)], dtype=object)[kinds[execution]],
            "scope": "",
            "inputs": [f'{{"p": {i % 7}, "q": {i % 1000}}}' for i in execution],
            "submitted": submitted,
            "started": np.full(execution.size, NO_INSTANT),
            "finished": ended,
            "status": np.array(["succeeded", "failed"], dtype=object)[ended % 2],
            "outcome": [f'{{"cost": {i % 100}}}' for i in execution],
            "submission_known_at": submitted,
            "known_at": ended,
            "seq": np.arange(1, execution.size + 1),
            "revision": revision,
        }
    )
