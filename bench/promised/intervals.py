"""A 90 % interval holds in the noisiest group of work, and is not too wide for the quietest.

Durations of five kinds of work, whose logarithms scatter around what features explain by a standard
deviation from 0.1 to 1.3. A model learns from the first 70 %; coverage is counted on the rest.
Before, intervals of fewer than some 3,600 rows were the model's residuals, alike for all; with
more, the distribution of a forest, whatever other distributions lost.
"""

from collections.abc import Iterator

import numpy as np
from promised.row import Row

from runlore.features.declaration import FeaturePlan, FeatureSet, HistoryFeatures, Vocabulary
from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.models.distribution import Distribution
from runlore.models.scores import covered
from runlore.specs.model_spec import Gate, ModelSpec, Quantity
from runlore.training.rules import distributions, fitting
from runlore.training.rules.distribution_forest import LEAST_ROWS
from runlore.training.rules.split import divide
from runlore.training.rules.trained import Trained
from runlore.training.rules.training_set import TrainingSet

COVERAGE = 0.9
SIZES = (400, 1_000, 3_000, 6_000)
KINDS = ("lint", "build", "test", "train", "sweep")
SHARES = np.array([0.25, 0.25, 0.2, 0.2, 0.1])
LEVELS = np.array([-1.0, 0.0, 0.5, 1.0, 1.5])
SCATTER = np.array([0.1, 0.25, 0.5, 0.8, 1.3])
PAST = HistoryFeatures(("actor",), ("duration_s",), (DAY_S,))
PLAN = FeaturePlan(("size",), (Vocabulary("kind", KINDS),), (PAST,), has_calendar=False)
SPEC = ModelSpec(
    name="seconds",
    question=Quantity("duration_s", "s", COVERAGE),
    features=FeatureSet((PAST,), has_calendar=False),
    candidates=("baseline", "linear"),
    select_by="mae",
    gates=(Gate("mae", "baseline"),),
    baseline="actor.duration_s_last2_mean",
)


def draw(n: int, seed: int) -> tuple[TrainingSet, np.ndarray]:
    """Executions an hour apart, and (n,) the number of their kind."""
    rng = np.random.default_rng(seed)
    kind, size, past = rng.choice(len(KINDS), n, p=SHARES), rng.normal(size=n), rng.normal(size=n)
    rows = rng.normal(size=(n, len(PLAN.names))).astype(np.float32)
    rows[:, PLAN.names.index("inputs.size")] = size
    rows[:, PLAN.names.index("kind")] = kind
    rows[:, PLAN.names.index("actor.duration_s_last2_mean")] = np.exp(5 + past)
    middle = 5 + LEVELS[kind] + 0.7 * size + 0.5 * past
    as_of = np.arange(n) * round(HOUR_S * 1e6)
    data = TrainingSet(
        rows=rows,
        target=np.expm1(np.abs(middle + rng.normal(size=n) * SCATTER[kind])),
        as_of_us=as_of,
        known_us=as_of + round(HOUR_S * 1e6),
        names=PLAN.names,
        actors=np.full(n, "ann"),
    )
    return data, kind


def before(data: TrainingSet, trained: Trained) -> tuple[np.ndarray, np.ndarray]:
    division, winner = divide(SPEC, data), trained.chosen
    rows, actual = trained.test.rows, np.log1p(data.target[division.valid])
    raw = winner.fitted.raw(rows)
    if min(len(fold.train) for fold in division.folds) < LEAST_ROWS:
        plain: Distribution = distributions.residual_distribution(actual - winner.valid_raw)
        return plain.bounds(None, raw, COVERAGE)
    ends = np.cumsum([len(fold.valid) for fold in division.folds])[:-1]
    valid = distributions.ValidationRows(winner.valid_raw, actual, ends, COVERAGE)
    forests = distributions.fit_forests(SPEC, data, division, winner, None)
    found, _ = distributions.of_forests(forests, data, division, valid)
    return found.calibrated.bounds(found.shares(rows), raw, COVERAGE)


def coverages(n: int, seed: int) -> dict[str, list[float]]:
    """Rule -> coverage of all, the noisiest and the quietest kind, and the mean width in logs."""
    data, kind = draw(n, seed)
    trained = fitting.fit(SPEC, data, PLAN)
    test = trained.test
    kind = kind[np.searchsorted(data.as_of_us, test.as_of_us)]
    assert test.low is not None
    assert test.high is not None
    found = {}
    for rule, (low, high) in (("before", before(data, trained)), ("now", (test.low, test.high))):
        held = covered(test.target, low, high)
        width = float((np.log1p(high) - np.log1p(low)).mean())
        found[rule] = [held.mean(), held[kind == 4].mean(), held[kind == 0].mean(), width]
    return found


def run(worlds: int) -> Iterator[Row]:
    for n in SIZES:
        tried = [coverages(n, seed) for seed in range(worlds)]
        for at, group in enumerate(("all", "the noisiest kind", "the quietest kind")):
            for rule in ("before", "now"):
                shares = np.array([one[rule][at] for one in tried])
                width = np.mean([one[rule][3] for one in tried])
                world = f"{n:,} rows, {group}, mean width {width:.2f}"
                mean, spread = float(np.nanmean(shares)), float(np.nanstd(shares, ddof=1))
                yield Row(world, rule, mean, worlds, "90%", spread)
