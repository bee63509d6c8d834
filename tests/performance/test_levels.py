from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from runlore.performance.actions.windows import _levels
from runlore.performance.rules.levels import level_coverage
from runlore.performance.rules.maturity import MatchedPredictions
from runlore.serving.queries.ledger_vectors import ELEMENT, HEADER_BYTES, Vectors
from runlore.training.rules.trained import CHECKED_LEVELS

HOUR_US = 3_600_000_000


def answered(n: int, known: np.ndarray, actual: np.ndarray) -> MatchedPredictions:
    nothing = np.full(n, np.nan)
    return MatchedPredictions(
        as_of_us=np.arange(n) * HOUR_US,
        prediction=np.ones(n),
        actual=np.where(known, actual, np.nan),
        low=nothing,
        high=nothing,
        age_s=(n - np.arange(n)) * 3600.0,
        delay_s=np.where(known, actual, np.nan),
    )


def test_the_share_of_outcomes_not_above_each_quantile_is_measured():
    actual = np.random.default_rng(0).exponential(600, 4000)
    quantiles = np.tile(-600 * np.log(1 - np.array(CHECKED_LEVELS)), (4000, 1))
    for held in level_coverage(answered(4000, np.ones(4000, bool), actual), quantiles):
        assert held.rows == 4000
        assert held.share.value == pytest.approx(held.level, abs=0.03)
        assert held.share.low <= held.share.value <= held.share.high


def test_work_that_still_runs_counts_like_the_long_work_that_is_known():
    """Of the newest answers only short work is known; as it is, levels would seem to hold more."""
    n = 6000
    actual = np.random.default_rng(1).exponential(400 * 3600.0, n)
    known = actual <= (n - np.arange(n)) * 3600.0
    quantiles = np.tile(-400 * 3600 * np.log(1 - np.array(CHECKED_LEVELS)), (n, 1))
    held = level_coverage(answered(n, known, actual), quantiles)[0].share.value
    naive = (actual[known] <= quantiles[known, 0]).mean()
    assert abs(held - 0.5) < abs(naive - 0.5)


def test_with_few_known_outcomes_nothing_is_said():
    known = np.arange(200) < 40
    assert level_coverage(answered(200, known, np.ones(200)), np.ones((200, 5))) == ()


def test_quantiles_are_computed_anew_from_the_features_on_the_ledger():
    """Answers whose features are not on the ledger are left out."""
    rows = np.random.default_rng(2).normal(size=(300, 3)).astype(np.float32)
    records = np.zeros((300, 3), dtype=ELEMENT)
    records["value"] = rows
    sent = [None if at < 100 else bytes(HEADER_BYTES) + records[at].tobytes() for at in range(300)]
    vectors = Vectors(pd.DataFrame(index=range(300)), sent)
    asked = []

    def quantiles(rows, levels):
        asked.append(rows)
        return np.tile(levels, (len(rows), 1))

    bundle = SimpleNamespace(
        plan=SimpleNamespace(names=("a", "b", "c")), distribution=object(), quantiles=quantiles
    )
    actual = np.linspace(0, 1, 300)
    held = _levels(bundle, vectors, answered(300, np.ones(300, bool), actual))
    np.testing.assert_array_equal(asked[0], rows[100:])
    assert [level.rows for level in held] == [200] * 5
    without = SimpleNamespace(plan=bundle.plan, distribution=None)
    assert _levels(without, vectors, answered(300, np.ones(300, bool), actual)) == ()
