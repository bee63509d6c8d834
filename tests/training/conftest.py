"""Training sets that several tests read; XGBoost's idle threads sleep instead of spinning."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from collections.abc import Callable
from dataclasses import replace

import pytest

from runlore.specs.model_spec import ModelSpec, Split
from runlore.training.rules import fitting
from runlore.training.rules.trained import Trained
from runlore.training.rules.training_set import TrainingSet
from tests.training.small import DURATION, PLAN, RISK, make


@pytest.fixture(scope="session")
def risk_data() -> TrainingSet:
    return make(RISK)


@pytest.fixture(scope="session")
def duration_data() -> TrainingSet:
    return make(DURATION)


@pytest.fixture
def split() -> Callable[..., ModelSpec]:
    """The risk spec with another split."""
    return lambda **rule: replace(RISK, split=Split(**rule))


@pytest.fixture(scope="session")
def risk_trained(risk_data: TrainingSet) -> Trained:
    return fitting.fit(RISK, risk_data, PLAN)


@pytest.fixture(scope="session")
def duration_trained(duration_data: TrainingSet) -> Trained:
    return fitting.fit(DURATION, duration_data, PLAN)
