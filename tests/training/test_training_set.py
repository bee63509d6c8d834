from dataclasses import replace

import numpy as np
import pytest

from runlore.kernel.errors import BadInput
from runlore.training.rules.training_set import TrainingSet


def changed(data: TrainingSet, name: str) -> TrainingSet:
    values = getattr(data, name).copy()
    values.flat[-1] += 1
    return replace(data, **{name: values})


def test_equal_content_has_an_equal_digest(risk_data):
    assert replace(risk_data, rows=risk_data.rows.copy()).digest() == risk_data.digest()


@pytest.mark.parametrize("name", ["rows", "target", "as_of_us", "known_us"])
def test_one_other_value_gives_another_digest(risk_data, name):
    assert changed(risk_data, name).digest() != risk_data.digest()


def test_other_feature_names_give_another_digest(risk_data):
    renamed = replace(risk_data, names=("other", *risk_data.names[1:]))
    assert renamed.digest() != risk_data.digest()


def test_rows_out_of_order_are_refused(risk_data):
    with pytest.raises(BadInput, match="ordered"):
        replace(risk_data, as_of_us=risk_data.as_of_us[::-1])


def test_a_column_of_another_length_is_named(risk_data):
    with pytest.raises(BadInput, match="actors has 5 values"):
        replace(risk_data, actors=risk_data.actors[:5])


def test_a_target_that_is_not_known_is_refused(risk_data):
    target = risk_data.target.copy()
    target[3] = np.nan
    with pytest.raises(BadInput, match="target"):
        replace(risk_data, target=target)
