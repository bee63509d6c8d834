import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.monitoring.rules.discovery import adjusted, weights

NAMES = ("a", "b", "c", "d")


def by_hand(p_values: list[float], of_each: np.ndarray) -> list[float]:
    """Benjamini & Yekutieli's step-up, as it is written down."""
    n = len(p_values)
    weighted = [min(p / w, 1.0) for p, w in zip(p_values, of_each, strict=True)]
    harmonic = sum(1 / k for k in range(1, n + 1))
    found = []
    for p in weighted:
        larger = [q for q in weighted if q >= p]
        ranks = [sum(q <= each for q in weighted) for each in larger]
        found.append(
            min(1.0, *(each * n * harmonic / r for each, r in zip(larger, ranks, strict=True)))
            if n > 1
            else p
        )
    return found


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_values_are_those_of_the_step_up_procedure(p_values: list[float]) -> None:
    of_each = np.linspace(0.5, 1.5, len(p_values))
    of_each /= of_each.mean()
    found = adjusted(p_values, of_each)
    assert found == pytest.approx(by_hand(p_values, of_each), abs=1e-9)
    assert (found >= np.minimum(np.array(p_values) / of_each, 1) - 1e-12).all()


def test_when_nothing_drifts_a_discovery_is_as_rare_as_the_level_however_columns_depend() -> None:
    rng = np.random.default_rng(0)
    of_each = weights([*NAMES, "prediction", "label"], {"a": 0.2})
    rounds, level = 2_000, 0.1
    alone = rng.random((rounds, 6))
    together = np.repeat(rng.random((rounds, 1)), 6, axis=1)
    against = np.column_stack([alone[:, :3], 1 - alone[:, :3]])
    for p_values in (alone, together, against):
        found = np.mean([(adjusted(row, of_each) <= level).any() for row in p_values])
        assert found <= level + 3 * np.sqrt(level * (1 - level) / rounds)


def test_no_columns_have_no_values() -> None:
    assert adjusted([], np.empty(0)).size == 0
    assert weights([], {}).size == 0


def test_weights_are_1_on_average_whatever_is_compared() -> None:
    for names in (NAMES, (*NAMES, "prediction"), (*NAMES, "prediction", "label"), ("label",)):
        assert weights(names, {"a": 0.2, "b": -0.1}).mean() == pytest.approx(1)


def test_features_together_count_as_much_as_predictions_and_labels_together() -> None:
    found = weights([*NAMES, "prediction", "label"], {"a": 0.2, "c": 0.1})
    assert found[:4].sum() == pytest.approx(found[4:].sum())
    assert found[4] == found[5]


def test_half_of_the_features_weight_goes_by_importance_and_none_is_without() -> None:
    found = weights(NAMES, {"a": 0.3, "b": 0.1, "c": -0.5})
    assert found.tolist() == pytest.approx([2.0, 1.0, 0.5, 0.5])
    assert weights(NAMES, {}).tolist() == [1.0] * 4
    assert weights(NAMES, {"a": -1.0}).tolist() == [1.0] * 4
