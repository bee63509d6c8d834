"""What a FeatureSet leaves open is closed by the training executions alone."""

import numpy as np
import pytest

from runlore.features import matrix
from runlore.features.declaration import FeaturePlan, FeatureSet, Vocabulary
from runlore.features.keys import KeyParts
from runlore.features.known import UNKNOWN_WORD
from tests.features.logs import fact, frame


def log_of(*inputs: dict, **told: str) -> matrix.Log:
    return matrix.prepare(frame([fact(str(i), i, inputs=e, **told) for i, e in enumerate(inputs)]))


def resolved(log: matrix.Log, training: list[int] | None = None, **told) -> FeaturePlan:
    mask = np.ones(len(log.executions), dtype=bool)
    if training is not None:
        mask = np.isin(np.arange(len(log.executions)), training)
    return matrix.resolve(FeatureSet((), **told), log, mask)


def test_numbers_and_truth_values_are_inputs_and_text_is_a_category():
    log = log_of({"n": 1, "b": True, "t": "x"}, {"n": None, "t": "y"}, {"b": False})
    plan = resolved(log)
    assert plan.inputs == ("b", "n")
    assert plan.categories == (Vocabulary("inputs.t", ("", "x", "y")),)


def test_rows_outside_training_shape_nothing():
    rows = [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}]
    later = [{"n": "text", "t": 5, "new": 1}, {"n": "more", "t": "z"}, {"n": "and more"}]
    assert resolved(log_of(*rows, *later), [0, 1]) == resolved(log_of(*rows))


def test_an_input_that_is_mostly_numbers_is_a_number():
    mixed = [{"n": 1}, {"n": 2}, {"n": "N/A"}]
    log = log_of(*mixed)
    plan = resolved(log)
    assert (plan.inputs, plan.categories) == (("n",), ())
    rows, _ = matrix.extract(log, plan)
    np.testing.assert_array_equal(rows[:, 0], [1, 2, np.nan])


def test_an_input_that_is_mostly_text_is_a_category():
    log = log_of({"n": "a"}, {"n": "b"}, {"n": "b"}, {"n": 2})
    assert resolved(log).categories == (Vocabulary("inputs.n", ("b", "2.0", "a")),)


def test_an_input_is_a_number_or_a_category_but_not_both():
    log = log_of({"n": 1, "t": "x"}, {"n": 2, "t": "y"})
    chosen = resolved(log, categories=("inputs.n",))
    assert (chosen.inputs, chosen.categories) == ((), (Vocabulary("inputs.n", ("1.0", "2.0")),))
    chosen = resolved(log, inputs=("t",))
    assert (chosen.inputs, chosen.categories, chosen.others) == (("t",), (), ("n",))


def test_a_category_may_be_named_with_or_without_its_prefix():
    log = log_of({"t": "x"}, {"t": "y"})
    assert resolved(log, categories=("t",)) == resolved(log, categories=("inputs.t",))


def test_what_never_varies_is_no_category_but_may_be_part_of_a_key():
    plan = resolved(log_of({"t": "x"}, {"t": "x"}, actor="ann"))
    assert plan.categories == ()
    assert plan.others == ("t",)


def test_words_are_ordered_by_how_often_they_come_then_by_name():
    log = log_of(*({"t": word} for word in "cbbaacd"))
    assert resolved(log).categories[0].words == ("a", "b", "c", "d")


@pytest.mark.parametrize("inputs", [{}, {"t": "new"}, {"t": None}, {"t": 5}])
def test_a_word_that_training_did_not_have_is_unknown(inputs):
    plan = FeaturePlan((), (Vocabulary("inputs.t", ("x", "y")),), (), has_calendar=False)
    row = matrix.RowReader(plan).row(KeyParts("", "", "", inputs), 0, {})
    rows, _ = matrix.extract(log_of(inputs), plan)
    assert row.tolist() == rows[0].tolist() == [UNKNOWN_WORD]


def test_nothing_trains_on_an_empty_log():
    plan = resolved(log_of())
    assert (plan.inputs, plan.categories, plan.others) == ((), (), ())
    assert matrix.extract(log_of(), plan)[0].shape == (0, 3)
