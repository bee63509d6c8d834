"""How often intervals held in each group of work."""

import numpy as np
import pytest

from runlore.features.declaration import FeaturePlan, Vocabulary
from runlore.performance.rules.groups import UNKNOWN, group_coverage, group_labels
from runlore.performance.rules.maturity import MatchedPredictions
from runlore.training.rules.evidence import WIDTHS, width_labels

HOUR_US = 3_600_000_000
PLAN = FeaturePlan(
    inputs=("size",),
    categories=(Vocabulary("kind", ("build", "sweep")), Vocabulary("inputs.queue", ("long",))),
    histories=(),
    has_calendar=False,
)


def answered(n: int = 3000, seed: int = 0, known: float = 1.0) -> MatchedPredictions:
    """The odd rows scatter three times as much as their intervals think."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=n) * np.where(np.arange(n) % 2, 0.9, 0.3)
    actual = np.exp(6 + noise)
    actual[rng.random(n) >= known] = np.nan
    return MatchedPredictions(
        as_of_us=np.arange(n) * HOUR_US,
        prediction=np.full(n, np.exp(6.0)),
        actual=actual,
        low=np.full(n, np.exp(6 - 0.3 * 1.645)),
        high=np.full(n, np.exp(6 + 0.3 * 1.645)),
        age_s=np.full(n, 1e7),
        delay_s=np.where(np.isfinite(actual), 60.0, np.nan),
    )


def kinds(n: int = 3000) -> dict[str, np.ndarray]:
    return {"kind": np.array(["build", "sweep"])[np.arange(n) % 2]}


def test_the_group_whose_intervals_are_too_narrow_is_off_and_the_other_is_not():
    by_label = {group.label: group for group in group_coverage(answered(), kinds(), 0.9)}
    assert by_label["build"].share.value == pytest.approx(0.9, abs=0.02)
    assert not by_label["build"].is_off
    assert by_label["sweep"].share.value == pytest.approx(0.42, abs=0.03)
    assert by_label["sweep"].is_off
    assert by_label["sweep"].rows == 1500


def test_intervals_that_are_too_wide_are_off_as_well():
    rows = answered()
    wide = MatchedPredictions(
        **{**vars(rows), "low": rows.low / 100, "high": rows.high * 100},
    )
    assert all(group.is_off for group in group_coverage(wide, kinds(), 0.9))


@pytest.mark.parametrize("known", [1.0, 0.5])
def test_only_known_outcomes_count(known):
    groups = group_coverage(answered(known=known), kinds(), 0.9)
    by_kind = [group.rows for group in groups if group.slice == "kind"]
    assert sum(by_kind) == pytest.approx(3000 * known, rel=0.05)


def test_groups_with_too_few_outcomes_say_nothing():
    labels = {"kind": np.array(["build"] * 2951 + ["sweep"] * 49)}
    found = group_coverage(answered(), labels, 0.9)
    assert [group.label for group in found if group.slice == "kind"] == ["build"]
    assert group_coverage(answered(40), {"kind": np.full(40, "build")}, 0.9) == ()


def test_answers_without_an_interval_are_in_no_group():
    rows = answered(200)
    bare = MatchedPredictions(**{**vars(rows), "low": np.full(200, np.nan)})
    assert group_coverage(bare, kinds(200), 0.9) == ()


def test_thirds_by_width_are_groups_too():
    low, high = np.ones(9), np.exp(np.arange(9.0))
    assert width_labels(low, high).tolist() == [label for label in WIDTHS for _ in range(3)]
    assert {group.slice for group in group_coverage(answered(), {}, 0.9)} == {"interval width"}


def test_labels_are_the_words_behind_the_codes_of_actor_kind_and_scope():
    rows = np.zeros((4, len(PLAN.names)), np.float32)
    rows[:, PLAN.names.index("kind")] = [0, 1, -1, np.nan]
    labels = group_labels(PLAN, rows)
    assert list(labels) == ["kind"]
    assert labels["kind"].tolist() == ["build", "sweep", UNKNOWN, UNKNOWN]
