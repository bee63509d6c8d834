"""A spec that cannot work is refused where it is written."""

from dataclasses import replace

import pytest

from runlore.kernel.errors import BadInput
from runlore.specs.model_spec import Split
from tests.training.small import RISK


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"name": "Risk of failure"}, "use a-z, 0-9 and -"),
        ({"baseline": "actor.shoe_size"}, "'actor.shoe_size' is no history feature"),
        ({"candidates": ("linear",)}, "needs `baseline` and at least one candidate more"),
        ({"candidates": ("baseline",)}, "needs `baseline` and at least one candidate more"),
        ({"split": Split(test_share=0.01)}, "test_share 0.01 not in .05 .. .5"),
        ({"split": Split(retest_rows=99)}, "retest_rows 99 are too few"),
    ],
)
def test_a_spec_that_cannot_work_is_refused_with_the_value(wrong, reason):
    with pytest.raises(BadInput, match="spec") as refused:
        replace(RISK, **wrong)
    assert reason in str(refused.value)
