from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from runlore.monitoring.rules.histogram import Profile, count, reference_profile
from runlore.monitoring.rules.measures import DriftMeasure
from runlore.monitoring.rules.usual import UsualColumn, UsualDistances
from runlore.monitoring.rules.verdict import (
    Answer,
    ColumnVerdict,
    VerdictContext,
    believed,
    conclude,
    judge,
    judge_column,
)
from runlore.specs.model_spec import DriftPolicy

NAMES = ("steady", "shifting", "kind", "missing")
POLICY = DriftPolicy(drifted_share=0.3)
WORDS = {"kind": ("etl", "train", "report")}
WORDED = VerdictContext(WORDS)


def block(
    rows: int, shift: float = 0.0, missing: float = 0.0, new: float = 0.0, seed: int = 0
) -> np.ndarray:
    """Rows of which a share lacks a value or has a new kind, exactly."""
    rng = np.random.default_rng([rows, seed])
    kind = rng.choice(3, rows, p=[0.6, 0.3, 0.1]).astype(float)
    kind[: int(rows * new)] = -1
    lost = rng.normal(size=rows)
    lost[: int(rows * missing)] = np.nan
    columns = [rng.normal(size=rows), rng.normal(shift, 1, rows), kind, lost]
    return np.column_stack(columns).astype(np.float32)


REFERENCE = reference_profile(block(20_000), NAMES, ["kind"])


def current(rows: int = 5_000, **change: Any) -> Profile:
    return count(REFERENCE.bins, block(rows, **change))


def column(found: tuple[ColumnVerdict, ...], name: str) -> ColumnVerdict:
    return next(each for each in found if each.name == name)


def test_rows_like_the_reference_are_no_drift() -> None:
    verdict = judge(REFERENCE, current(), POLICY)
    assert verdict.answer == "no drift"
    assert verdict.reasons == ("0 of 4 features drifted (0% by weight; 30% make a drift)",)
    assert (verdict.rows_reference, verdict.rows_current) == (20_000, 5_000)


def test_enough_drifted_columns_are_a_drift_and_the_reasons_name_them() -> None:
    verdict = judge(REFERENCE, current(shift=2, missing=0.4), POLICY, WORDED)
    assert verdict.answer == "drift"
    assert verdict.drifted_share == 0.5
    assert {each.name for each in verdict.drifted} == {"shifting", "missing"}
    assert verdict.columns[0].name == "shifting", "the most drifted first"
    assert verdict.reasons[0] == "2 of 4 features drifted (50% by weight; 30% make a drift)"
    assert verdict.reasons[1].startswith("shifting: median ")
    assert verdict.reasons[2].startswith("missing: missing in 40% of rows, before in 0% (PSI")


def test_too_few_drifted_columns_are_no_drift_but_are_told() -> None:
    verdict = judge(REFERENCE, current(shift=2), POLICY)
    assert verdict.answer == "no drift"
    assert [each.name for each in verdict.drifted] == ["shifting"]
    assert len(verdict.reasons) == 2


@pytest.mark.parametrize(("reference", "window"), [(20_000, 99), (99, 5_000), (0, 0)])
def test_too_few_rows_on_either_side_are_not_enough_data(reference: int, window: int) -> None:
    few = reference_profile(block(reference), NAMES, ["kind"])
    verdict = judge(few, count(few.bins, block(window, shift=3)), POLICY)
    assert verdict.answer == "not enough data"
    assert verdict.columns == ()
    assert "needs 100" in verdict.reasons[0]


def test_as_many_rows_as_the_policy_asks_are_enough() -> None:
    assert judge(REFERENCE, current(100), POLICY).answer != "not enough data"


def test_words_unknown_in_training_are_named() -> None:
    kind = column(judge(REFERENCE, current(new=0.2), POLICY, WORDED).columns, "kind")
    assert kind.is_drifted
    assert kind.change == "values unknown in training 0% → 20%"


def test_a_category_is_named_by_its_word_and_without_one_by_its_code() -> None:
    less = REFERENCE.columns[2]
    moved = count([less.bins], np.full((200, 1), 1, np.float32)).columns[0]
    assert judge_column(less, moved, POLICY, WORDS["kind"]).change == "'train' 30% → 100%"
    assert judge_column(less, moved, POLICY).change == "code 1 30% → 100%"


def test_numbers_and_categories_have_their_own_statistics() -> None:
    found = judge(REFERENCE, current(), POLICY).columns
    names = {each.name: [m.statistic for m in each.measures] for each in found}
    assert names["steady"] == ["psi", "ks", "wasserstein"]
    assert names["kind"] == ["psi", "jensen_shannon", "chi_square"]


def test_a_column_that_nothing_is_known_of_has_not_drifted() -> None:
    empty = reference_profile(np.full((500, 1), np.nan, np.float32), ["x"])
    verdict = judge(empty, empty, POLICY)
    assert (verdict.answer, verdict.columns[0].psi.value) == ("no drift", 0.0)
    known = count(empty.bins, np.ones((500, 1), np.float32))
    appeared = judge(empty, known, POLICY)
    assert appeared.answer == "drift"
    assert appeared.columns[0].change == "missing in 0% of rows, before in 100%"


def test_the_policys_psi_is_the_threshold_unless_chance_reaches_further() -> None:
    many = column(judge(REFERENCE, current(20_000), POLICY).columns, "steady").psi
    few = column(judge(REFERENCE, current(100), POLICY).columns, "steady").psi
    assert many.threshold == POLICY.psi
    assert few.threshold > POLICY.psi
    strict = replace(POLICY, psi=0.5)
    assert column(judge(REFERENCE, current(), strict).columns, "steady").psi.threshold == 0.5


def test_what_is_usual_raises_a_threshold_and_never_lowers_it() -> None:
    window = current(shift=1)
    plain = column(judge(REFERENCE, window, POLICY).columns, "shifting")
    assert plain.is_drifted

    def seen(**limits: float) -> VerdictContext:
        wide = UsualColumn(limits, mean=0.0)
        return VerdictContext(usual=UsualDistances({"shifting": wide}))

    beyond = seen(psi=plain.psi.value + 0.01, ks=0.0)
    raised = column(judge(REFERENCE, window, POLICY, beyond).columns, "shifting")
    assert not raised.is_drifted
    assert [m.threshold for m in raised.measures[1:]] == [m.threshold for m in plain.measures[1:]]
    below = column(judge(REFERENCE, window, POLICY, seen(psi=0.01)).columns, "shifting")
    assert below.measures == plain.measures


def test_small_quiet_windows_hardly_ever_hold_a_drifted_column() -> None:
    found = [judge(REFERENCE, current(120, seed=n), POLICY).drifted for n in range(300)]
    assert sum(len(each) for each in found) <= 6, "of 1,200 columns, 1 in 1,000 by chance"


def a_column(name: str, value: float, threshold: float = 0.2) -> ColumnVerdict:
    return ColumnVerdict(name, (DriftMeasure("psi", value, threshold),))


@pytest.mark.parametrize(
    ("drifted", "answer"), [(0, "no drift"), (2, "no drift"), (3, "drift"), (10, "drift")]
)
def test_the_share_of_drifted_columns_decides(drifted: int, answer: Answer) -> None:
    columns = [a_column(f"c{i}", 0.2 if i < drifted else 0.19999) for i in range(10)]
    verdict = conclude(columns, 1000, 1000, 0.3)
    assert verdict.answer == answer
    assert verdict.drifted_share == drifted / 10


def test_a_drifted_prediction_makes_a_drift_by_itself_and_is_told() -> None:
    others = [a_column(f"c{i}", 0.1) for i in range(9)]
    quiet = conclude([*others, a_column("prediction", 0.1)], 1000, 1000, 0.3)
    other = conclude([*others, a_column("feature", 0.9)], 1000, 1000, 0.3)
    moved = conclude([*others, a_column("prediction", 0.9)], 1000, 1000, 0.3)
    assert [quiet.answer, other.answer, moved.answer] == ["no drift", "no drift", "drift"]
    assert "prediction" not in quiet.reasons[0]
    assert moved.reasons[0].endswith("; the prediction has, which makes one by itself")


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ((1, 1), (6, 1), "median 0.974 → 6"),
        ((0, 1), (0, 4), "sd "),
    ],
)
def test_the_change_told_is_the_one_that_is_largest(
    before: tuple[float, float], now: tuple[float, float], told: str
) -> None:
    rng = np.random.default_rng(1)
    rows = [rng.normal(*each, size=(5000, 1)).astype(np.float32) for each in (before, now)]
    reference = reference_profile(rows[0], ["x"])
    (found,) = judge(reference, count(reference.bins, rows[1]), POLICY).columns
    assert found.change.startswith(told)


def test_what_is_next_to_nothing_reads_as_0() -> None:
    tiny = np.r_[np.full(300, 1e-40), np.ones(200)].astype(np.float32)[:, np.newaxis]
    reference = reference_profile(tiny, ["x"])
    (found,) = judge(reference, count(reference.bins, 1 - tiny), POLICY).columns
    assert found.change == "median 0 → 1"


def test_no_drifted_column_is_never_a_drift_whatever_the_policy() -> None:
    assert conclude([a_column("a", 0.1)], 1000, 1000, 0.0).answer == "no drift"
    assert conclude([], 1000, 1000, 0.0).answer == "no drift"


def test_the_most_drifted_is_the_furthest_beyond_its_own_threshold() -> None:
    columns = [a_column("b", 0.5, 0.5), a_column("a", 0.4, 0.2), a_column("c", 0.4, 0.2)]
    assert [each.name for each in conclude(columns, 9, 9, 0.3).columns] == ["a", "c", "b"]


def test_labels_and_predictions_count_by_ks_too_and_features_by_their_psi_alone() -> None:
    ks = DriftMeasure("ks", 0.15, 0.1)
    small = DriftMeasure("psi", 0.1, 0.2)
    assert ColumnVerdict("label", (small, ks)).is_drifted
    assert ColumnVerdict("prediction", (small, ks)).is_drifted
    assert not ColumnVerdict("inputs.size", (small, ks)).is_drifted
    far = DriftMeasure("wasserstein", 9.0, 0.1)
    assert not ColumnVerdict("prediction", (small, far)).is_drifted, "a few outliers"
    assert "(KS 0.150, at least 0.100)" in ColumnVerdict("label", (small, ks)).reason


def test_every_column_has_its_kind() -> None:
    names = ("inputs.size", "prediction", "label")
    assert [a_column(name, 1).kind for name in names] == ["feature", "prediction", "label"]


def test_a_drifted_label_makes_a_drift_by_itself() -> None:
    found = conclude([a_column("x", 0.1), a_column("label", 0.9)], 1000, 1000, 0.3)
    assert found.answer == "drift"
    assert found.reasons[0].endswith("; the label has, which makes one by itself")


def test_a_large_change_that_may_be_chance_is_no_drift() -> None:
    columns = [replace(a_column(f"c{at}", 0.9), p_value=0.01) for at in range(20)]
    assert not any(each.is_drifted for each in believed(columns[:1], {}, 0.005))
    assert all(each.is_drifted for each in believed(columns[:1], {}, 0.05))
    lone = [columns[0], *(replace(each, p_value=0.9) for each in columns[1:])]
    assert not any(each.is_drifted for each in believed(lone, {}, 0.05)), "one of twenty looks"


def test_the_share_of_drifted_features_is_by_what_they_are_worth_to_the_model() -> None:
    names = ("telling", "idle", "idler", "idlest")
    columns = [a_column(name, 0.9 if name == "telling" else 0.1) for name in names]
    weighed = believed(columns, {"telling": 0.3, "idle": 0.0}, 0.05)
    assert conclude(columns, 1000, 1000, 0.5).answer == "no drift"
    found = conclude(weighed, 1000, 1000, 0.5)
    assert (found.answer, found.drifted_share) == ("drift", pytest.approx(0.625))
    assert found.reasons[0] == "1 of 4 features drifted (62% by weight; 50% make a drift)"


def test_a_label_of_too_few_rows_is_left_out_and_the_rest_judged() -> None:
    reference = reference_profile(block(20_000)[:, :2], ("x", "label"))
    window = count(reference.bins, block(500)[:, :2])
    few = count(reference.bins[1:], block(99)[:, 1:2])
    verdict = judge(reference, Profile((window.columns[0], *few.columns)), POLICY)
    assert [each.name for each in verdict.columns] == ["x"]
