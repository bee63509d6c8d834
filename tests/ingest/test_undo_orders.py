"""Ingests and undos in any order leave what was ingested and not undone, and nothing else."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from runlore.ingest.actions.sources import list_sources
from runlore.ingest.actions.undo import UndoReason, UndoTarget, undo_ingest
from tests.ingest.csv_log import HEADER, NOW, Log, row
from tests.tables import empty_tables

WHY = UndoReason("ada", "the wrong file")
SEQ = "SELECT seq FROM runlore.executions ORDER BY 1"
OF_INGEST = "SELECT seq FROM runlore.executions WHERE ingest_id = :ingest ORDER BY 1"
AS_OF = "SELECT seq FROM runlore.executions_as_of(:instant) ORDER BY 1"
FIRSTS = """
SELECT count(*) FROM (
    SELECT FROM runlore.executions GROUP BY source, source_id, submitted HAVING min(revision) <> 0
) AS without_first
"""


@dataclass(frozen=True)
class Step:
    """A file of rows to ingest, some of them corrected; or the undo of one of the ingests."""

    first: int
    rows: int
    cost: int
    undone: int | None


STEPS = st.lists(
    st.builds(
        Step,
        first=st.integers(0, 8),
        rows=st.integers(1, 6),
        cost=st.integers(1, 3),
        undone=st.none() | st.integers(0, 5),
    ),
    min_size=2,
    max_size=8,
)


def seqs(store, query, **values):
    with store.begin() as connection:
        return list(connection.scalars(text(query), values))


def ingest(store, folder, number, step):
    numbers = range(step.first, step.first + step.rows)
    lines = [HEADER, *(row(n, cost=str(step.cost)) for n in numbers)]
    Log(store, folder / f"{number}.csv", lines).ingest(at=NOW + timedelta(hours=number))
    return max(i.ingest for view in list_sources(store) for i in view.ingests)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("orders")


@given(steps=STEPS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_left_is_what_the_other_ingests_brought(database, folder, steps):
    empty_tables(database)
    brought: dict[int, list[int]] = {}
    before_undo = []
    for number, step in enumerate(steps):
        if step.undone is None or not brought:
            added = ingest(database, folder, number, step)
            brought[added] = seqs(database, OF_INGEST, ingest=added)
            continue
        chosen = sorted(brought)[step.undone % len(brought)]
        log = seqs(database, SEQ)
        done = undo_ingest(database, UndoTarget(ingest_id=chosen), WHY)
        before_undo.append((done.withdrawal.known_at - timedelta(microseconds=1), log))
        assert done.withdrawal.executions == len(brought.pop(chosen))

    assert seqs(database, SEQ) == sorted(seq for facts in brought.values() for seq in facts)
    assert seqs(database, FIRSTS) == [0]
    for instant, log in before_undo:
        assert seqs(database, AS_OF, instant=instant) == log
