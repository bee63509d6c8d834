"""Rows that are unlike the training withdraw an estimate, words that training did not know too."""

import numpy as np
import pytest

from runlore.performance.rules.feature_support import is_supported

NAMES, CATEGORIES = ("size", "kind", "actor"), ("kind", "actor")


def rows(seed: int, n: int, unknown: float = 0.0, kinds: int = 4) -> np.ndarray:
    """A number and the codes of two categories; a share of the kinds is unknown, exactly."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, kinds, n).astype(float)
    kind[: round(n * unknown)] = -1
    made = np.column_stack([rng.normal(size=n), kind, rng.integers(0, 30, n)])
    return made.astype(np.float32)


def test_rows_outside_of_the_training_are_not_supported() -> None:
    rng = np.random.default_rng(0)
    taught = rng.normal(0, 1, (2_000, 3)).astype(np.float32)
    names = ["a", "b", "c"]
    assert is_supported(taught[:500], taught, names).holds
    moved = taught[:500] + np.array([0, 6, 0], dtype=np.float32)
    found = is_supported(moved, taught, names)
    assert found.holds is False
    assert "most often by b" in found.reason
    assert is_supported(-moved, taught, names).holds is False
    unknown = taught[:500].copy()
    unknown[:, 2] = np.nan
    assert is_supported(unknown, taught, names).holds is False


@pytest.mark.parametrize(
    ("unknown", "holds"), [(0.0, True), (0.09, True), (0.2, False), (1.0, False)]
)
def test_words_that_training_did_not_know_lie_outside_of_it(unknown: float, holds: bool) -> None:
    found = is_supported(rows(1, 500, unknown), rows(0, 2_000), NAMES, CATEGORIES)
    assert found.holds is holds
    assert found.reason.startswith(f"{unknown:.1%} of the answers")
    assert ("by kind, whose words are unknown in training" in found.reason) is (unknown > 0)


def test_words_too_rare_for_a_code_may_come_as_often_as_in_training() -> None:
    taught = rows(0, 2_000, 0.3)
    assert is_supported(rows(1, 500, 0.35), taught, NAMES, CATEGORIES).holds
    assert is_supported(rows(1, 500, 0.9), taught, NAMES, CATEGORIES).holds is False
    almost_all = rows(0, 2_000, 1.0)
    assert is_supported(rows(1, 500, 1.0), almost_all, NAMES, CATEGORIES).holds


def test_a_known_word_is_inside_whatever_its_code() -> None:
    few_of_many = rows(1, 500, kinds=900)
    found = is_supported(few_of_many, rows(0, 2_000), NAMES, CATEGORIES)
    assert found.holds, "the sample of the training need not hold each word that it knew"
    assert is_supported(few_of_many, rows(0, 2_000), NAMES).holds is False, "as numbers"
