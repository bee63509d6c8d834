"""Figures of how sure a difference became say what is sure, and nothing more."""

import numpy as np
import pytest

from runlore.experiments.plots import IntervalsOverLooks, over_looks


def course(variant: str, middle: float, reach: float) -> IntervalsOverLooks:
    hours = np.arange(1.0, 6.0)
    around = np.full(5, middle)
    return IntervalsOverLooks(variant, hours, hours * 100, around, around - reach, around + reach)


def title(*courses: IntervalsOverLooks) -> str:
    return over_looks("success", "rule", courses).texts[0].get_text()


@pytest.mark.parametrize(
    ("courses", "said"),
    [
        ((course("a", 0.0, 0.1), course("b", 0.3, 0.1)), "b lies above the control, by 0.200 to"),
        ((course("a", -0.3, 0.1),), "a lies below the control, by -0.400 to -0.200"),
        ((course("a", 0.05, 0.1),), "no difference is shown"),
        ((course("a", np.nan, 1.0),), "nothing is known yet"),
    ],
)
def test_the_title_says_what_is_sure(courses: tuple[IntervalsOverLooks, ...], said: str) -> None:
    assert said in title(*courses)


def test_looks_without_bounds_are_left_out_and_the_rest_is_drawn() -> None:
    known = course("a", 0.3, 0.1)
    known.low[0] = known.high[0] = np.nan
    above, _ = over_looks("success", "rule", [known]).axes
    assert [len(line.get_xdata()) for line in above.get_lines()[:3]] == [4, 4, 4]


def test_a_fixed_horizon_does_not_promise_that_every_look_counts() -> None:
    fixed = over_looks("success", "rule", [course("a", 0.3, 0.1)], hold_always=False)
    assert "only the last one decides" in fixed.texts[1].get_text().replace("\n", " ")
