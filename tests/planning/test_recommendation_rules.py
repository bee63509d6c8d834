"""Effects over projects, against slow plain sums, and in logs without any effect."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.null_recommendations import effects_of, world
from runlore.planning.rules.recommendations.choosing import (
    EVERYONE,
    LEAST_GROUP,
    find_effects,
    reference_groups,
)
from runlore.planning.rules.recommendations.effects import (
    StrataArm,
    duration_effects,
    failure_effects,
    pool_effects,
)

NULL_WORLDS = 12


def arm(rows: list[float], failed: list[float]) -> StrataArm:
    counts = np.array(rows, dtype=float)
    return StrataArm(counts, np.array(failed, dtype=float), counts, counts * 2, counts * 5)


def test_failures_are_compared_within_strata() -> None:
    """Actor 2 fails more and uses the value more: the plain difference would be misled."""
    used, other = arm([10, 40, 0], [1, 20, 0]), arm([40, 10, 9], [4, 5, 9])
    made = failure_effects(np.array([0, 0, 0]), used, other, 10)
    assert made.effects[0] == pytest.approx(0.0)
    assert made.base[0] == pytest.approx((4 * 10 / 50 + 5 * 40 / 50) / (2 * 400 / 50))
    assert (21 / 50) - (9 / 50) > 0.2, "what pooling without strata would say"


def test_few_runs_on_one_side_are_no_evidence() -> None:
    made = failure_effects(np.array([0]), arm([9], [1]), arm([90], [10]), 10)
    assert len(made.projects) == 0


def test_variance_is_that_of_repeated_draws() -> None:
    random = np.random.default_rng(1)
    found = []
    for _ in range(400):
        failed = random.binomial(40, [0.1, 0.4]), random.binomial(60, [0.1, 0.4])
        made = failure_effects(
            np.array([0, 0]),
            arm([40, 40], failed[0].tolist()),
            arm([60, 60], failed[1].tolist()),
            10,
        )
        found.append((made.effects[0], made.variances[0]))
    effects, variances = np.array(found).T
    assert np.mean(variances) == pytest.approx(np.var(effects), rel=0.2)


def test_durations_are_compared_by_their_logs() -> None:
    random = np.random.default_rng(2)
    logs = [random.normal(3, 0.5, 50), random.normal(3.4, 0.5, 60)]
    arms = [
        StrataArm(*(np.array([float(one)]) for one in (len(x), 0, len(x), x.sum(), (x**2).sum())))
        for x in logs
    ]
    made = duration_effects(np.array([0]), *arms, 10)
    t = stats.ttest_ind(*logs)
    assert made.effects[0] == pytest.approx(logs[0].mean() - logs[1].mean())
    assert made.effects[0] / np.sqrt(made.variances[0]) == pytest.approx(t.statistic, rel=1e-6)


def test_projects_are_the_units() -> None:
    """Of equal variances it is the t-test over projects, but never narrower than within them."""
    effects = np.array([-0.05, -0.08, 0.01, -0.06, -0.03, -0.09])
    made = pool_effects(effects, np.full(6, 1e-6))
    t = stats.ttest_1samp(effects, 0)
    assert made.p == pytest.approx(t.pvalue, rel=1e-3)
    low, high = made.interval(0.05)
    assert (low, high) == pytest.approx(t.confidence_interval(0.95), rel=1e-3)
    calm = pool_effects(np.full(6, -0.05), np.full(6, 0.01))
    assert calm.error == pytest.approx(np.sqrt(0.01 / 6)), "equal by luck is no more evidence"


def test_small_categories_are_compared_together() -> None:
    large = [f"l{at}" for at in range(LEAST_GROUP)]
    groups = reference_groups({"large": large, "small": ["s"]})
    assert set(groups) == {"large", EVERYONE}
    assert len(groups[EVERYONE]) == LEAST_GROUP + 1


def test_null_worlds_give_no_recommendation_and_a_real_effect_is_found() -> None:
    """`bench/null_recommendations.py` does this a thousand times."""
    wrong = sum(bool(effects_of(world(seed))) for seed in range(NULL_WORLDS))
    assert wrong <= 1
    found = effects_of(world(5, has_effect=True, projects=96))
    names = {(one.comparison.name, one.comparison.measure) for one in found}
    assert ("cache", "failures") in names
    [held] = [one for one in found if one.comparison.name == "cache"][:1]
    assert held.low < held.effect.effect < held.high < 0 or held.low > 0
    assert held.looked_at > 10


def test_an_empty_table_holds_nothing() -> None:
    columns = ["kind", "name", "label", "scope", "actor", "month", "rows", "failed"]
    empty = pd.DataFrame(columns=[*columns, "known", "total", "squares"])
    made = find_effects(empty, {EVERYONE: ["a"]})
    assert (made.held, made.looked_at) == ((), 0)
