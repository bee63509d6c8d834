"""An answer has the outcome of the run that it was about, though its id is used again."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pyarrow as pa
import pytest

from runlore.ingest.queries import facts
from runlore.kernel import instants
from runlore.kernel.instants import to_us
from runlore.records.execution import EXECUTION_COLUMNS
from runlore.serving.queries import answers, ledger_query, ledger_writer
from runlore.serving.queries.ledger import Row
from runlore.serving.queries.ledger_query import LedgerQuery
from runlore.store.engine import Store
from runlore.store.months import transaction

BEGAN = instants.parse("2026-03-02T08:00:00Z")
HOUR = timedelta(hours=1)
SPEC = "failure-risk"


def at(hours: float) -> datetime:
    return BEGAN + hours * HOUR


def run(store: Store, submitted: float, ended: float | None, status: str = "succeeded") -> None:
    """A run of the execution `7`; without an end nobody ever told more than its submission."""
    us = to_us(at(submitted))
    done = None if ended is None else to_us(at(ended))
    told = {
        "source": "api",
        "source_id": "7",
        "actor": "ann",
        "kind": "build",
        "scope": "",
        "inputs": "{}",
        "submitted": us,
        "started": us,
        "finished": done,
        "status": "submitted" if done is None else status,
        "outcome": "{}",
        "submission_known_at": us,
        "known_at": done or us,
    }
    types = {"started": pa.int64(), "finished": pa.int64()}
    columns = {name: pa.array([told[name]], types.get(name)) for name in EXECUTION_COLUMNS}
    batch = facts.batch("executions", pa.table(columns))
    facts.ensure_partitions(store, batch)
    with store.connect() as connection:
        facts.add(connection, batch, at(100))


def answer(store: Store, *hours: float) -> list[UUID]:
    """Answers about `7` as of these hours; each says its own hour."""
    rows = [
        Row(
            at=at(hour),
            id=uuid4(),
            spec=SPEC,
            version="1",
            arm="champion",
            status=200,
            as_of=at(hour),
            request={},
            source="api",
            source_id="7",
            prediction=hour,
            latency_ms=1.0,
        )
        for hour in hours
    ]
    transaction(store, lambda connection: ledger_writer.add(connection, rows))
    return [each.id for each in rows]


def read(store: Store, until: float = 200) -> list[tuple[float, str | None]]:
    asked = answers.read(store, SPEC, "1", at(-1), at(until)).requests
    return list(zip(asked["prediction"], asked["status"], strict=True))


def shown(store: Store) -> dict[float, str | None]:
    return {row["prediction"]: row["outcome"] for row in ledger_query.rows(store, LedgerQuery())}


def test_both_runs_of_an_id_are_answers_with_their_own_outcomes(store: Store) -> None:
    run(store, 0, 2, "failed")
    run(store, 10, 12)
    answer(store, 0, 10)
    assert read(store) == [(0, "failed"), (10, "succeeded")]
    assert shown(store) == {0: "failed", 10: "succeeded"}


@pytest.mark.parametrize(
    ("as_of", "status"),
    [(-0.5, "failed"), (0.5, "failed"), (3, "succeeded"), (11, "succeeded"), (13, None)],
)
def test_an_answer_belongs_to_the_nearest_run_that_had_not_ended(
    store: Store, as_of: float, status: str | None
) -> None:
    run(store, 0, 2, "failed")
    run(store, 10, 12)
    answer(store, as_of)
    assert read(store) == [(as_of, status)]
    assert shown(store) == {as_of: status}


def test_asking_again_about_a_run_counts_once(store: Store) -> None:
    run(store, 0, 2)
    run(store, 10, 12)
    answer(store, 0.2, 0.1, 9.9, 10.1)
    assert read(store) == [(0.1, "succeeded"), (9.9, "succeeded")]


def test_a_run_whose_end_nobody_told_does_not_take_the_next_ones(store: Store) -> None:
    run(store, 0, None)
    run(store, 10, 12)
    answer(store, 0.1, 10.1)
    assert read(store) == [(0.1, None), (10.1, "succeeded")]


def test_what_became_known_later_is_not_known(store: Store) -> None:
    run(store, 0, 2)
    run(store, 10, 12)
    answer(store, 0.1, 10.1)
    assert read(store, 1) == [(0.1, None)]
    assert read(store, 11) == [(0.1, "succeeded"), (10.1, None)]


def test_the_latest_is_what_became_known_last_whatever_the_order_of_arrival(store: Store) -> None:
    run(store, 0, 2, "failed")
    run(store, 0, 1)
    with store.connect() as connection:
        turned = "UPDATE runlore.executions SET known_at = %s WHERE revision = 1"
        connection.execute(turned, (at(1),))
    answer(store, 0)
    assert read(store) == [(0, "failed")]
    assert shown(store) == {0: "failed"}
