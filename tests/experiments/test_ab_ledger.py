"""A test whose units and outcomes come from the ledger: champion against challenger."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import text

from runlore.experiments.actions import analysis, lifecycle
from runlore.experiments.actions.analysis import ExperimentStatus
from runlore.experiments.actions.lifecycle import Attribution
from runlore.experiments.actions.plan import Plan
from runlore.ingest.actions.opening import CHUNK_ROWS
from runlore.kernel.moments import Moments
from runlore.serving.queries import ledger, ledger_writer
from runlore.store.engine import Store
from runlore.store.partitions import ensure_months
from tests.log.logged_work import START, Work, add, table

WORK = Work(executions=400, first_day=1, days=10, minutes=60)
MANY = replace(WORK, executions=6_400)  # Squared errors are skewed: they need 3,000 of each arm
OTHER = Work(executions=10, first_day=1, days=10, source="other")
END = START + timedelta(days=12)
PLAN = {
    "name": "arms",
    "units": "ledger",
    "ledger": {"spec": "failure-risk"},
    "variants": [{"name": "champion"}, {"name": "challenger"}],
    "control": "champion",
    "metrics": [
        {
            "name": "error",
            "kind": "mean",
            "event": "squared_error",
            "take": "mean",
            "better": "lower",
        },
        {"name": "failures", "event": "failed", "take": "last", "role": "secondary"},
    ],
}


def answer(
    store: Store, positions: Sequence[int], spec: str = "failure-risk", work: Work = WORK
) -> None:
    """Challengers say .1 of every other execution, champions .5, as it is submitted."""
    told = table(work).to_pydict()
    rows = []
    for at in positions:
        known = START.fromtimestamp(told["submitted"][at] / 1e6, START.tzinfo)
        rows.append(
            ledger.Row(
                at=known,
                id=uuid4(),
                spec=spec,
                version="2" if at % 2 else "1",
                arm="challenger" if at % 2 else "champion",
                status=200,
                as_of=known,
                request={"actor": told["actor"][at]},
                source="test",
                source_id=told["source_id"][at],
                prediction=0.1 if at % 2 else 0.5,
                latency_ms=1.0,
            )
        )
    with store.connect() as connection:
        ensure_months(connection, "ledger", START, END)
    with store.connect() as connection:
        ledger_writer.add(connection, rows)


def running(store: Store, least_time_h: float = 1) -> str:
    rule = {"least_units": 50, "least_time_h": least_time_h}
    plan = Plan.model_validate({**PLAN, "rule": rule})
    lifecycle.create(store, plan, Attribution("ann", START))
    lifecycle.start(store, plan.name, Attribution("ann", START))
    return plan.name


def seen(status: ExperimentStatus, arm: str, metric: str = "error") -> tuple[int, float]:
    found = status.observed[arm].metrics[metric]
    assert isinstance(found, Moments)
    return found.n, found.means[0]


def test_arms_are_compared_on_what_came_of_their_answers(store: Store) -> None:
    name = running(store)
    add(store, MANY)
    answer(store, range(6_400), work=MANY)
    answer(store, range(0, 6_400, 3), work=MANY)
    answer(store, range(400), spec="other", work=MANY)
    look = analysis.analyse(store, name, Attribution("ann", END))
    status = analysis.status(store, name, END)
    failed = np.array(table(MANY)["status"].to_pylist()) == "failed"
    expected = {
        "champion": np.mean((0.5 - failed[::2]) ** 2),
        "challenger": np.mean((0.1 - failed[1::2]) ** 2),
    }
    for arm, error in expected.items():
        assert seen(status, arm) == (3_200, pytest.approx(error))
    assert seen(status, "champion", "failures")[1] == pytest.approx(failed[::2].mean())
    assert (look.winner, look.is_final) == ("challenger", True)
    assert status.crossed == {}


def test_a_unit_whose_answers_came_from_both_arms_is_marked(store: Store) -> None:
    plan = Plan.model_validate(
        {**PLAN, "ledger": {"spec": "failure-risk", "unit": "actor"}, "rule": {"least_units": 50}}
    )
    lifecycle.create(store, plan, Attribution("ann", START))
    lifecycle.start(store, plan.name, Attribution("ann", START))
    add(store, WORK)
    answer(store, range(400))
    analysis.analyse(store, plan.name, Attribution("ann", END))
    actors = table(WORK)["actor"].to_pylist()
    both = set(actors[::2]) & set(actors[1::2])
    status = analysis.status(store, plan.name, END)
    assert sum(status.crossed.values()) == len(both) > 0


def test_an_id_that_is_used_again_names_another_execution(store: Store) -> None:
    again = replace(WORK, days=11, failing=0.9, seed=1)
    name = running(store, least_time_h=400)
    add(store, WORK, again)
    for work in (WORK, again):
        answer(store, range(400), work=work)
    for days in (0, 1):
        analysis.analyse(store, name, Attribution("ann", END + timedelta(days=days)))
    status = analysis.status(store, name, END + timedelta(days=1))
    failed = [np.array(table(work)["status"].to_pylist()) == "failed" for work in (WORK, again)]
    errors = np.mean([(0.1 - each[1::2]) ** 2 for each in failed], axis=0)
    assert seen(status, "challenger") == (200, pytest.approx(errors.mean()))
    with store.begin() as connection:
        of_outcomes = "SELECT count(*) FROM runlore.ab_events WHERE event = 'squared_error'"
        assert connection.scalar(text(of_outcomes)) == 800


def test_outcomes_that_come_later_are_collected_by_later_looks(store: Store) -> None:
    name = running(store, least_time_h=200)
    answer(store, range(400))
    add(store, WORK)
    half = START + timedelta(days=6)
    first = analysis.analyse(store, name, Attribution("ann", half))
    units = first.evidence["champion"]
    assert 80 < units["metrics"]["error"]["n"] <= units["assigned"] < 110
    second = analysis.analyse(store, name, Attribution("ann", END))
    assert second.evidence["champion"]["metrics"]["error"]["n"] == 200
    with store.begin() as connection:
        events = connection.scalar(text("SELECT count(*) FROM runlore.ab_events"))
    assert events == 800


def test_work_that_has_not_ended_is_a_unit_whose_outcome_is_not_known(store: Store) -> None:
    name = running(store)
    answer(store, range(400))
    analysis.analyse(store, name, Attribution("ann", END))
    status = analysis.status(store, name, END)
    assert status.observed["champion"].assigned == 200
    assert seen(status, "champion")[0] == 0


def test_outcomes_that_were_numbered_long_before_they_were_committed_are_collected(
    store: Store,
) -> None:
    """Two ingests of whole chunks: the one that began first commits last."""
    name = running(store, least_time_h=400)
    answer(store, range(400))
    chunks = 4 * CHUNK_ROWS
    with store.begin() as connection:
        connection.execute(text(f"SELECT setval('runlore.fact_seq', {chunks})"))
    add(store, OTHER)
    analysis.analyse(store, name, Attribution("ann", END))
    with store.begin() as connection:
        connection.execute(text("SELECT setval('runlore.fact_seq', 1, false)"))
    add(store, WORK)
    later = Attribution("ann", END + timedelta(days=1))
    look = analysis.analyse(store, name, later)
    assert look.evidence["champion"]["metrics"]["error"]["n"] == 200
