"""A version that follows another one learns what has just changed."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.registry import Registry, connect
from runlore.settings import Settings
from runlore.specs.catalog import failure_risk
from runlore.specs.model_spec import Gate, ModelSpec, Split
from runlore.store.engine import Store
from runlore.training.actions.training import TrainOutcome, train_spec
from tests.log.logged_work import Work, add, day

pytestmark = pytest.mark.slow

HELD_BACK = 720


def works(first_day: float, days: float, failing: dict[str, float]) -> list[Work]:
    """A hundred executions a day, half of each kind."""
    half = round(50 * days)
    return [
        Work(half, first_day + at / 1000, days, failing=share, kinds=(kind,), seed=at)
        for at, (kind, share) in enumerate(failing.items())
    ]


BEFORE = works(0, 60, {"etl": 0.05, "train": 0.5})
AFTER = works(60, 12, {"etl": 0.5, "train": 0.05})
"""The kinds change places; of 7,200 executions a test part of 30 % would hold all of it back."""


@pytest.fixture
def spec() -> ModelSpec:
    history = HistoryFeatures(("actor",), ("failed",), (3600.0 * 24 * 10,))
    return replace(
        failure_risk.SPEC,
        name=f"risk-{uuid.uuid4().hex[:10]}",
        features=FeatureSet(histories=(history,), categories=("kind",)),
        candidates=("baseline", "gradient-boosting"),
        baseline="actor.failed_mean_10d",
        gates=(Gate("brier", "baseline"),),
        split=Split(folds=2, max_rows=1_000, retest_rows=HELD_BACK),
    )


@pytest.fixture(scope="module")
def registry(database: Store) -> Iterator[Registry]:
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    yield connect(Settings(home=home, mlflow_tracking_uri=None), database)
    shutil.rmtree(home, ignore_errors=True)


def held_back(registry: Registry, spec: ModelSpec, outcome: TrainOutcome) -> int:
    assert outcome.version is not None
    run = registry.version(spec.name, outcome.version).run_id
    return int(MlflowClient(registry.tracking_uri).get_run(run).data.params["test_rows"])


def test_it_learns_what_changed_since_and_takes_the_champion_s_place(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    add(store, *BEFORE)
    first = train_spec(store, registry, spec, at=day(61))
    assert (first.alias, held_back(registry, spec, first)) == ("champion", 1800)
    again = train_spec(store, registry, spec, at=day(61))
    assert again.version == first.version, "nothing is new"

    add(store, *AFTER)
    second = train_spec(store, registry, spec, at=day(73))
    assert second.challenge is not None
    assert (second.alias, second.challenge["rows"]) == ("challenger", HELD_BACK)
    assert held_back(registry, spec, second) == HELD_BACK
    assert second.challenge["gain"]["low"] > 0.1
    assert "must be no worse than the baseline's" in "; ".join(second.reasons)


def test_one_that_holds_the_change_back_is_no_better(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    """So that the test above could fail."""
    blind = replace(spec, split=replace(spec.split, retest_rows=10_000))
    add(store, *BEFORE)
    train_spec(store, registry, blind, at=day(61))
    add(store, *AFTER)
    second = train_spec(store, registry, blind, at=day(73))
    assert (second.alias, second.passed) == (None, False)
