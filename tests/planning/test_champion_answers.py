"""A champion among the models of an estimate: only errors after its training data count."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from handmade import write_bundle
from onnx import TensorProto, helper, numpy_helper

from runlore.features import matrix
from runlore.kernel.instants import now, to_us
from runlore.log.executions import read_facts
from runlore.models import bundle as bundles
from runlore.models.bundle import Bundle
from runlore.planning.actions.estimates import EstimatorCache, PlannedTask, estimate_task
from runlore.planning.rules import small_models
from runlore.planning.rules.champion import (
    LEAST_TESTED,
    ChampionAnswers,
    Combination,
    combine_models,
)
from runlore.planning.rules.holding_out import HeldOut
from runlore.planning.views import explain_estimate, show_estimate
from runlore.registry import alias_history
from runlore.registry.alias_history import Change
from runlore.store.engine import Store
from tests.planning.finished_tasks import HOUR, write_tasks

TASKS, TAUGHT = 80, 20
LAST = "actor.duration_s_last2_mean"
NAMES = ("median", "linear")


def combined(past: np.ndarray, count: int = 100) -> Combination:
    """Small models that miss by 0.5 and 0.3; a champion that says `past`, where it may."""
    truth = np.random.default_rng(0).normal(size=count)
    sign = np.where(np.arange(count) % 2, 1, -1)
    held = HeldOut(
        np.arange(count), truth[:, None] + sign[:, None] * np.array([0.5, 0.3]), "cross-validation"
    )
    champion = ChampionAnswers("duration version 7", truth + past, lambda tasks: np.zeros(1))
    return combine_models(NAMES, held, truth, champion)


def test_a_champion_counts_by_what_it_missed_after_its_training_data() -> None:
    nan = np.where(np.arange(100) < 40, np.nan, 0.0)
    found = combined(nan + 0.05)
    assert found.champion is not None
    assert found.weights[-1] > 0.9
    assert found.held.at.min() == 40
    assert "60 tasks that ended after its training data did" in found.note


def test_what_it_was_right_about_in_training_does_not_count() -> None:
    perfect_then_wrong = np.where(np.arange(100) < 60, np.nan, 2.0)
    found = combined(perfect_then_wrong)
    assert found.champion is None
    assert found.names == NAMES
    assert len(found.held.at) == 100
    assert "its error is 6.7 times that of the best" in found.note
    few = combined(np.where(np.arange(100) < 101 - LEAST_TESTED, np.nan, 0.0))
    assert few.champion is None
    assert "29 tasks that ended after its training data did; 30 are needed" in few.note


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick to learn: these tests are about which models count."""
    monkeypatch.setattr(small_models, "TREES", 5)


@pytest.fixture
def walk(store: Store) -> Store:
    """Durations that follow the last ones, whatever the inputs."""
    rng = np.random.default_rng(3)
    amounts = np.exp(6 + np.cumsum(rng.normal(0, 0.12, TASKS)))
    sizes = [{"size": float(size)} for size in rng.lognormal(3, 1, TASKS)]
    write_tasks(store, sizes, np.minimum(amounts, 3000), start=start_of())
    return store


def start_of() -> datetime:
    return now().replace(microsecond=0, second=0, minute=0) - TASKS * HOUR


def last_two(folder: Path, taught_until: datetime) -> Bundle:
    """A version that answers the mean of the actor's last two durations."""
    write_bundle(folder, "duration")
    plan = Bundle.load(folder).plan
    column = np.zeros((len(plan.names), 1), dtype=np.float32)
    column[plan.names.index(LAST)] = 1
    nodes = [
        helper.make_node("IsNaN", ["features"], ["unknown"]),
        helper.make_node("Where", ["unknown", "zero", "features"], ["known"]),
        helper.make_node("MatMul", ["known", "column"], ["last"]),
        helper.make_node("Add", ["last", "one"], ["more"]),
        helper.make_node("Log", ["more"], ["raw"]),
    ]
    graph = helper.make_graph(
        nodes,
        "last",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, len(plan.names)])],
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, [None, 1])],
        [
            numpy_helper.from_array(column, "column"),
            numpy_helper.from_array(np.zeros(1, dtype=np.float32), "zero"),
            numpy_helper.from_array(np.ones(1, dtype=np.float32), "one"),
        ],
    )
    opset = helper.make_opsetid("", 17)
    (folder / bundles.MODEL).write_bytes(
        helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()
    )
    description = json.loads((folder / bundles.DESCRIPTION).read_text())
    until = to_us(taught_until)
    description["training"] = {"test_us": until, "last_us": until - 1}
    description["digest"] = bundles.content_digest(description, [folder / bundles.MODEL])
    (folder / bundles.DESCRIPTION).write_text(json.dumps(description))
    return Bundle.load(folder, "7")


def test_a_champion_that_knows_more_answers_as_it_would_over_http(
    walk: Store, tmp_path: Path
) -> None:
    champion = last_two(tmp_path / "bundle", start_of() + TAUGHT * HOUR)
    task = PlannedTask("build", actor="ann", scope="web", inputs={"size": 20.0})
    alone = estimate_task(walk, task, now())
    assert alone.learned.estimator.champion_note == ""

    cache = EstimatorCache(lambda measure: champion)
    early = estimate_task(walk, task, now(), cache).learned.estimator
    assert "it was not yet the champion" in early.champion_note
    assert early.weights == alone.learned.estimator.weights

    with alias_history.writing(walk) as history:
        history.add(Change("duration", "champion", "7", "promote", "ann", "a test"))
    at = now()
    cache = EstimatorCache(lambda measure: champion if measure == "duration_s" else None)
    made = estimate_task(walk, task, at, cache)
    estimator = made.learned.estimator
    assert estimator.champion is not None
    assert estimator.weights["duration version 7"] > 0.5
    assert estimator.scores.mae < 0.7 * alone.learned.estimator.scores.mae
    assert np.isnan(estimator.champion.past[: TAUGHT + 1]).sum() >= TAUGHT
    assert np.isfinite(estimator.champion.past[TAUGHT + 1 :]).all()

    request = {"actor": ["ann"], "kind": ["build"], "scope": ["web"], "inputs": ['{"size": 20.0}']}
    rows = matrix.extract_requests(
        read_facts(walk), pd.DataFrame(request | {"as_of_us": [to_us(at)]}), champion.plan
    )
    truth = np.log(champion.predict(rows).prediction)
    assert estimator.champion.answer([task.description]) == pytest.approx(truth)
    view = show_estimate(made)
    assert view.evidence.champion.startswith("duration version 7 counts")
    assert any("champion: duration version 7" in line for line in explain_estimate(view))


def test_a_champion_that_saw_all_of_it_is_left_out(walk: Store, tmp_path: Path) -> None:
    champion = last_two(tmp_path / "bundle", now() + timedelta(days=1))
    with alias_history.writing(walk) as history:
        history.add(Change("duration", "champion", "7", "promote", "ann", "a test"))
    cache = EstimatorCache(lambda measure: champion)
    estimator = estimate_task(walk, PlannedTask("build"), now(), cache).learned.estimator
    assert estimator.champion is None
    assert (
        "0 tasks that ended after its training data did; 30 are needed" in estimator.champion_note
    )
