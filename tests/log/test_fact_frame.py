"""Facts that come in pieces make the frame that they make at once."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runlore.features import mapped_arrays
from runlore.log.fact_frame import COLUMNS, INSTANTS, FactFrame
from runlore.records.execution import NO_INSTANT
from tests.features.logs import fact, frame, logs


def as_csv(facts: pd.DataFrame) -> bytearray:
    """Facts as PostgreSQL writes them: CSV, where an empty text is quoted and null is not."""
    cells = facts[[*COLUMNS]].copy()
    for name in INSTANTS:
        is_none = cells[name] == NO_INSTANT
        at = pd.to_datetime(cells[name].where(~is_none, 0), unit="us", utc=True)
        text = at.dt.strftime("%Y-%m-%d %H:%M:%S.%f+00")
        cells[name] = text.where(~is_none, None)
    written = io.StringIO()
    cells.to_csv(written, index=False, header=False, quoting=2, na_rep="\0")
    return bytearray(written.getvalue().replace('"\0"', "").encode())


def gathered(facts: pd.DataFrame, sizes: list[int]) -> pd.DataFrame:
    with FactFrame() as target:
        first = 0
        for size in [*sizes, len(facts)]:
            if first < len(facts):
                target.add(as_csv(facts.iloc[first : first + size]))
            first += size
        return target.finish()


@given(logs(), st.lists(st.integers(1, 4), max_size=8))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("least_bytes", [1, 1 << 30], ids=["in files", "in memory"])
def test_pieces_of_any_size_make_the_same_frame(monkeypatch, least_bytes, rows, sizes):
    monkeypatch.setattr(mapped_arrays, "LEAST_BYTES", least_bytes)
    facts = frame(rows).sort_values("seq", ignore_index=True)
    made = gathered(facts, sizes)
    for name in facts.columns:
        assert made[name].tolist() == facts[name].tolist(), name


def test_equal_words_are_one_object():
    facts = frame([{**row, "actor": "ann"} for row in _rows(100)])
    actors = gathered(facts, [30, 30])["actor"].to_numpy()
    assert len({id(actor) for actor in actors}) == 1


def test_text_of_a_large_log_is_not_in_memory(monkeypatch):
    monkeypatch.setattr(mapped_arrays, "LEAST_BYTES", 1000)
    before = len(mapped_arrays._live)
    made = gathered(frame(_rows(200)), [50])
    assert len(mapped_arrays._live) > before
    mapped_arrays.release()
    assert made["inputs"].tolist() == [f'{{"note": "{i} {"x" * 50}"}}' for i in range(200)]


def test_no_facts_make_a_frame_with_all_columns():
    with FactFrame() as target:
        empty = target.finish()
    assert set(empty.columns) == set(COLUMNS)
    assert empty["submitted"].dtype == np.int64


def _rows(n: int) -> list[dict]:
    return [fact(str(i), i, inputs={"note": f"{i} {'x' * 50}"}) for i in range(n)]
