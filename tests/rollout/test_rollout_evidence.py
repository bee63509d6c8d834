"""What PostgreSQL adds up of a rollout is what a person would count."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from psycopg.rows import dict_row

from runlore.ingest.queries import facts
from runlore.kernel import instants
from runlore.kernel.instants import to_us
from runlore.kernel.moments import Moments
from runlore.records.execution import EXECUTION_COLUMNS
from runlore.rollout.queries import evidence
from runlore.rollout.queries.evidence import EvidenceQuery, SharePeriod, UnitCounts
from runlore.rollout.rules.follow_up import FollowUp
from runlore.serving.queries import ledger_writer
from runlore.serving.queries.ledger import Row
from runlore.store.engine import Store
from runlore.store.months import transaction
from tests.oracles import rollout_evidence as oracle

BEGAN = instants.parse("2026-03-02T08:00:00Z")
HOUR = timedelta(hours=1)
SPANS = (SharePeriod(BEGAN, BEGAN + HOUR), SharePeriod(BEGAN + 1.2 * HOUR, BEGAN + 2 * HOUR))
CURRENT = SharePeriod(BEGAN + 2.1 * HOUR, None)
ARMS = ("champion", "challenger", "shadow", "batch", "champion-batch", "rival")
VERSIONS = (("champion", "1"), ("challenger", "2"), ("challenger", "3"), ("champion", None))


def wanted(unit: str = "execution", of: str = "failed") -> EvidenceQuery:
    return EvidenceQuery(
        spec="failure-risk",
        champion="1",
        challenger="2",
        unit=unit,
        of=of,
        is_probability=of == "failed",
        kinds=("build", "test"),
        spans=(*SPANS, CURRENT),
        ages_s=(1_800.0, 3_600.0, 7_200.0, 14_400.0),
        at=BEGAN + 3 * HOUR,
    )


def messy(rng: np.random.Generator, executions: int) -> Row:
    """Everything that may go wrong with an answer goes wrong now and then."""
    arm, version = ("champion", "1") if rng.random() < 0.5 else ("challenger", "2")
    if rng.random() < 0.1:
        arm, version = VERSIONS[rng.integers(len(VERSIONS))]
    if rng.random() < 0.1:
        arm = str(rng.choice(ARMS))
    status = int(rng.choice([200, 200, 200, 422, 503]))
    at = BEGAN + float(rng.uniform(-0.1, 3)) * HOUR
    is_named = rng.random() < 0.9
    return Row(
        at=at,
        id=UUID(bytes=rng.bytes(16)),
        spec="failure-risk" if rng.random() < 0.95 else "duration",
        version=version,
        arm=arm,
        status=status,
        as_of=at,
        request={
            "actor": str(rng.choice(["", *(f"a{n}" for n in range(150))])),
            "kind": str(rng.choice(["build", "test", "deploy"])),
        },
        source="api" if is_named else None,
        source_id=str(rng.integers(executions)) if is_named else None,
        prediction=float(rng.random()) if status == 200 else None,
        latency_ms=float(rng.lognormal(2, 1)) if status == 200 and rng.random() < 0.9 else None,
    )


def work(rng: np.random.Generator, n: int) -> pa.Table:
    """Some are still running, some became known too late, some have no times, some reuse an id."""
    submitted = to_us(BEGAN) + rng.integers(0, 3_000_000_000, n)
    took = rng.integers(1_000_000, 9_000_000_000, n)
    is_timed = rng.random(n) < 0.8
    columns: Mapping[str, Any] = {
        "source": ["api"] * n,
        "source_id": [str(at % (4 * n // 5)) for at in range(n)],
        "actor": ["a"] * n,
        "kind": ["build"] * n,
        "scope": [""] * n,
        "inputs": [json.dumps({})] * n,
        "submitted": submitted,
        "started": pa.array(submitted, mask=~is_timed),
        "finished": pa.array(submitted + took, mask=~is_timed),
        "status": rng.choice(["succeeded", "failed", "running"], n).tolist(),
        "outcome": [("{}", '{"duration_s": 90}')[at % 3 == 0] for at in range(n)],
        "submission_known_at": submitted,
        "known_at": submitted + took,
    }
    return pa.table({name: columns[name] for name in EXECUTION_COLUMNS})


def fill(store: Store, seed: int, rows: int = 600, executions: int = 250) -> None:
    rng = np.random.default_rng(seed)
    answers = [messy(rng, executions) for _ in range(rows)]
    transaction(store, lambda connection: ledger_writer.add(connection, answers))
    table = work(rng, executions)
    corrected = table.slice(0, 50).set_column(
        EXECUTION_COLUMNS.index("status"), "status", pa.array(["failed"] * 50)
    )
    for each in (table, corrected):
        batch = facts.batch("executions", each)
        facts.ensure_partitions(store, batch)
        with store.connect() as connection:
            facts.add(connection, batch, BEGAN + HOUR)


def by_hand(store: Store, asked: EvidenceQuery) -> list[dict[str, UnitCounts]]:
    with store.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        answers = cursor.execute("SELECT * FROM runlore.ledger").fetchall()
        known = cursor.execute("SELECT * FROM runlore.executions ORDER BY seq").fetchall()
    return oracle.count(answers, known, asked)


def assert_same(one: UnitCounts | FollowUp, other: UnitCounts | FollowUp) -> None:
    for name, value in vars(one).items():
        expected = getattr(other, name)
        if name == "follow_ups":
            for mine, theirs in zip(value, expected, strict=True):
                assert_same(mine, theirs)
            continue
        if name == "largest":
            assert value == pytest.approx(expected)
            continue
        if not isinstance(value, Moments):
            assert value == expected, name
            continue
        assert value.n == expected.n, name
        assert value.means == pytest.approx(expected.means, rel=1e-9, abs=1e-12), name
        for row, wanted_row in zip(value.products, expected.products, strict=True):
            assert row == pytest.approx(wanted_row, rel=1e-7, abs=1e-7), name


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("unit", ["execution", "actor"])
@pytest.mark.parametrize("of", ["failed", "duration_s", "log_duration"])
def test_what_is_added_up_is_what_a_row_by_row_count_gives(
    store: Store, unit: str, of: str, seed: int
) -> None:
    fill(store, seed)
    asked = wanted(unit, of)
    found, expected = evidence.read(store, asked), by_hand(store, asked)
    assert found.unread is None
    assert [set(each) for each in found.by_span] == [set(each) for each in expected]
    assert sum(arm.loss.n for each in expected for arm in each.values()) > 20
    for mine, theirs in zip(found.by_span, expected, strict=True):
        for arm, counted in mine.items():
            assert_same(counted, theirs[arm])


def test_a_unit_that_both_arms_answered_in_one_span_is_told(store: Store) -> None:
    rng = np.random.default_rng(0)
    plain = {"spec": "failure-risk", "status": 200, "as_of": BEGAN, "request": {"actor": "ann"}}
    rows = [
        Row(
            at=BEGAN + HOUR * at / 10,
            id=UUID(bytes=rng.bytes(16)),
            arm=arm,
            version=version,
            prediction=0.5,
            **plain,
        )
        for at, (arm, version) in enumerate((("champion", "1"), ("challenger", "2")), start=1)
    ]
    transaction(store, lambda connection: ledger_writer.add(connection, rows))
    found = evidence.read(store, wanted("actor"))
    assert found.crossed == 1
    assert found.by_span[0]["champion"].assigned == 1
    assert "challenger" not in found.by_span[0]


def test_nothing_on_the_ledger_is_nothing_counted(store: Store) -> None:
    found = evidence.read(store, wanted())
    assert found == evidence.ArmCounts([{}, {}, {}])
