"""A first training on the least rows: it can pass, and what knows nothing does not."""

from dataclasses import replace

import numpy as np

from runlore.specs.catalog.failure_risk import SPEC
from runlore.training.rules import fitting
from runlore.training.rules.training_set import TrainingSet
from tests.training.small import HOUR_US, PLAN, RISK, column

ROWS, HOURS = 200, 8
FEW = replace(RISK, candidates=("baseline", "linear"), gates=SPEC.gates)
WORLDS = 12


def log_of(seed: int, *, strength: float) -> TrainingSet:
    """Two months of three executions a day, of which a size tells much or nothing."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(ROWS, len(PLAN.names))).astype(np.float32)
    past = rng.beta(2, 5, ROWS)
    rows[:, column(RISK.baseline)] = past
    logit = strength * rows[:, column("inputs.size")] + 2 * (past - 0.28) - 0.5
    as_of_us = np.arange(ROWS) * HOURS * HOUR_US
    return TrainingSet(
        rows=rows,
        target=(rng.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(float),
        as_of_us=as_of_us,
        known_us=as_of_us + HOUR_US,
        names=PLAN.names,
        actors=np.full(ROWS, "ann"),
        slices={},
    )


def passing(strength: float) -> int:
    trainings = (fitting.fit(FEW, log_of(seed, strength=strength), PLAN) for seed in range(WORLDS))
    return sum(trained.verdict.passed for trained in trainings)


def test_two_hundred_rows_of_an_informative_log_mostly_pass() -> None:
    assert passing(4.0) >= 9


def test_two_hundred_rows_that_say_nothing_do_not() -> None:
    assert passing(0.0) == 0
