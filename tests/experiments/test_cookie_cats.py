"""A public A/B test: its published result, and the warning that it should have carried."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("PUBLIC_DATA", ROOT / "data")) / "abtest" / "cookie_cats.csv.gz"
pytestmark = pytest.mark.skipif(
    not DATA.exists(), reason="needs abtest/cookie_cats.csv.gz in the folder that PUBLIC_DATA names"
)


def test_the_published_result_comes_out_and_the_uneven_split_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    from trials.cookie_cats import analysed

    found = analysed(DATA)
    day_7, day_1 = found.comparisons
    assert (round(day_7.control_value, 4), round(day_7.variant_value, 4)) == (0.1902, 0.1820)
    assert round(day_7.p_value, 4) == 0.0016
    assert (round(day_1.control_value, 4), round(day_1.variant_value, 4)) == (0.4482, 0.4423)
    assert round(day_1.p_value, 3) == 0.074
    assert (day_7.answer, day_1.answer) == ("worse", "no difference shown")
    assert round(found.sample_ratio.p_value, 4) == 0.0086
    assert (found.answer, found.winner) == ("invalid", None)
    assert "did not get their shares" in found.reasons[0]
    sys.modules.pop("trials.cookie_cats")
