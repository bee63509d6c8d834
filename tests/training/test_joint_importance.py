"""The importance of features that say the same, shuffled together."""

import numpy as np
import pytest

from runlore.models.explain import (
    GroupImportance,
    correlated_groups,
    joint_importance,
    permutation_importance,
)

NAMES = ("copy a", "other", "copy b", "copy c", "noise")


def world(n: int = 900, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three columns that say the same, one that matters by itself, and one that does not."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=n)
    rows = rng.normal(size=(n, 5)).astype(np.float32)
    for column in (0, 2, 3):
        rows[:, column] = signal + 0.1 * rng.normal(size=n)
    return rows, 3 * signal + rows[:, 1]


def median_of_copies(rows: np.ndarray) -> np.ndarray:
    """As a forest that may use any copy: it loses little by one of them."""
    return 3 * np.median(rows[:, [0, 2, 3]], axis=1) + rows[:, 1].astype(np.float64)


def importances(rows, actual, predict=median_of_copies, names=NAMES):
    alone = permutation_importance(predict, rows, actual, names, "mae")
    return alone, joint_importance(predict, rows, actual, alone, names, "mae")


def test_copies_are_one_group_and_nothing_else_is():
    rows, _ = world()
    assert correlated_groups(rows) == [[0, 2, 3]]


def test_copies_that_matter_little_alone_matter_together():
    rows, actual = world()
    alone, (group,) = importances(rows, actual)
    of_feature = {importance.feature: importance.mean for importance in alone}
    assert set(group.features) == {"copy a", "copy b", "copy c"}
    assert group.alone == pytest.approx(sum(of_feature[name] for name in group.features))
    assert group.mean > 2 * group.alone
    assert of_feature[group.features[0]] >= of_feature[group.features[-1]]
    assert group.label == f"{group.features[0]} + 2 more"


def test_the_joint_importance_is_that_of_one_column_that_says_it_all():
    """Oracle: the same model on the same rows, with the copies in one column."""
    rows, actual = world()
    rows[:, [2, 3]] = rows[:, [0]]
    _, (group,) = importances(rows, actual)
    single = permutation_importance(
        lambda two: 3 * two[:, 0] + two[:, 1].astype(np.float64),
        rows[:, :2],
        actual,
        ("copy a", "other"),
        "mae",
    )
    assert group.mean == pytest.approx(single[0].mean, rel=1e-6)


def test_a_group_is_found_by_rank_whatever_the_scale_the_sign_and_the_gaps():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(500, 4)).astype(np.float32)
    rows[:, 1] = -np.exp(rows[:, 0])
    rows[:250, 2], rows[:250, 3] = np.nan, np.nan  # unknown together
    assert correlated_groups(rows) == [[0, 1], [2, 3]]


def test_columns_of_one_value_and_of_nothing_are_in_no_group():
    rows = np.random.default_rng(2).normal(size=(200, 4)).astype(np.float32)
    rows[:, 1], rows[:, 2] = 7.0, np.nan
    assert correlated_groups(rows) == []
    assert correlated_groups(rows[:, 1:3]) == []
    assert correlated_groups(np.ones((1, 3), np.float32)) == []


def test_chains_of_neighbours_are_no_group_when_their_ends_differ():
    """Average linkage: each column resembles the next, the first and the last hardly do."""
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(size=(600, 30)), axis=1).astype(np.float32)
    groups = correlated_groups(walk)
    assert len(groups) > 2
    ranks = walk.argsort(axis=0).argsort(axis=0)
    for group in groups:
        inside = np.abs(np.corrcoef(ranks[:, group], rowvar=False))
        assert inside[np.triu_indices(len(group), 1)].mean() >= 0.7


def test_a_column_of_one_value_matters_nothing_and_costs_no_prediction():
    rows, actual = world(200)
    rows[:, 4] = 1.0
    sizes = []

    def counted(some):
        sizes.append(len(some))
        return median_of_copies(some)

    found = permutation_importance(counted, rows, actual, NAMES, "mae")
    assert {one.feature: (one.mean, one.sd) for one in found}["noise"] == (0.0, 0.0)
    assert sizes == [200, 600, 600, 600, 600]


def test_groups_come_by_importance_and_are_the_same_each_time():
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(700, 4)).astype(np.float32)
    rows[:, 1], rows[:, 3] = rows[:, 0], rows[:, 2]
    actual = rows[:, 0] + 4.0 * rows[:, 2]
    names = ("a", "a again", "b", "b again")

    def predict(some):
        return ((some[:, 0] + some[:, 1]) / 2 + 2 * (some[:, 2] + some[:, 3])).astype(np.float64)

    _, groups = importances(rows, actual, predict, names)
    assert [set(group.features) for group in groups] == [{"b", "b again"}, {"a", "a again"}]
    assert isinstance(groups[0], GroupImportance)
    assert importances(rows, actual, predict, names)[1] == groups
