"""Small logs as training sets, with a change in the middle."""

from dataclasses import replace

import numpy as np

from runlore.specs.catalog import failure_risk
from runlore.specs.model_spec import ModelSpec
from runlore.training.rules.training_set import TrainingSet

DAY_US = 86_400_000_000
START_US = 20_000 * DAY_US
SPEC: ModelSpec = replace(
    failure_risk.SPEC,
    candidates=("baseline", "linear"),
    split=replace(failure_risk.SPEC.split, least_rows=50, max_rows=1500),
)
DAYS, PER_DAY = 140, 30


def make(change_day: int | None = None, seed: int = 0) -> TrainingSet:
    """After `change_day` the feature lies elsewhere and what it tells is turned round.

    Outcomes become known between at once and three days after.
    """
    rng = np.random.default_rng(seed)
    n = DAYS * PER_DAY
    as_of_us = START_US + (np.arange(n) * DAY_US) // PER_DAY
    is_changed = np.arange(n) >= n if change_day is None else np.arange(n) >= change_day * PER_DAY
    x = rng.normal(size=n) + 3 * is_changed
    told = np.where(is_changed, 3 - x, x)
    target = (rng.random(n) < 1 / (1 + np.exp(-2 * told))).astype(float)
    base = rng.random(n)
    word = rng.integers(0, 3, n) + 3 * is_changed
    return TrainingSet(
        rows=np.column_stack([word, x, base]).astype(np.float32),
        target=target,
        as_of_us=as_of_us,
        known_us=as_of_us + rng.integers(1, 3 * DAY_US, n),
        names=("actor", "x", SPEC.baseline),
        actors=np.array(["ann"] * n),
    )
