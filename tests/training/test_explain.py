import numpy as np

from runlore.models.explain import permutation_importance, reasons, reference_row, replaced

NAMES = ("a", "b", "c")


def predict(rows: np.ndarray) -> np.ndarray:
    return np.nan_to_num(3 * rows[:, 0] - rows[:, 1], nan=-9).astype(np.float64)


def test_each_feature_in_turn_is_at_its_reference():
    row, reference = np.array([1, 2, 3], np.float32), np.array([0, 0, 0], np.float32)
    assert replaced(row, reference).tolist() == [[1, 2, 3], [0, 2, 3], [1, 0, 3], [1, 2, 0]]


def test_an_effect_is_what_the_answer_owes_to_the_value():
    row, reference = np.array([1, 2, 3], np.float32), np.zeros(3, np.float32)
    found = reasons(NAMES, row, reference, predict(replaced(row, reference)), k=3)
    assert [(each.feature, each.effect) for each in found] == [("a", 3), ("b", -2)]


def test_an_unknown_value_is_no_number():
    row = np.array([np.nan, 2, 3], np.float32)
    reference = np.array([0, np.nan, 0], np.float32)
    found = reasons(NAMES, row, reference, predict(replaced(row, reference)), k=1)
    assert (found[0].feature, found[0].value, found[0].reference) == ("a", None, 0.0)


def test_importance_equals_a_plain_loop_in_order_and_roughly_in_size():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(900, 3)).astype(np.float32)
    found = permutation_importance(predict, rows, predict(rows), NAMES, "mae")
    assert [each.feature for each in found] == ["a", "b", "c"]
    assert found[2].mean == 0
    shuffled = rows.copy()
    shuffled[:, 0] = rng.permutation(shuffled[:, 0])
    plain = np.abs(predict(shuffled) - predict(rows)).mean()
    assert abs(found[0].mean - plain) < 0.3


def test_a_feature_that_is_mostly_unknown_has_no_reference():
    rows = np.array([[1, 5, np.nan], [3, 6, np.nan], [2, 7, 1]], np.float32)
    found = reference_row(rows, categories=1, first=1)
    np.testing.assert_array_equal(found, np.array([2, 0, np.nan], np.float32))


def test_a_feature_without_a_number_at_its_reference_is_no_reason():
    answers = np.array([0.5, np.nan, 0.2, np.inf])
    row = np.zeros(3, dtype=np.float32)
    [found] = reasons(("a", "b", "c"), row, row, answers, 3)
    assert (found.feature, found.effect) == ("b", 0.3)
