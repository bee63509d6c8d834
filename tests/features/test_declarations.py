"""What may be declared, and what a declaration is called."""

import json

import pytest

from runlore.features import fold
from runlore.features.declaration import (
    FeaturePlan,
    FeatureSet,
    HistoryFeatures,
    Vocabulary,
)
from runlore.kernel.errors import BadInput
from runlore.specs.catalog import duration, failure_risk

PLAN = FeaturePlan(
    inputs=("size", "ünï"),
    categories=(Vocabulary("actor", ("ann", "")), Vocabulary("inputs.q", ("1.0", "x"))),
    histories=(
        HistoryFeatures(()),
        HistoryFeatures(("actor", "inputs.size"), ("outcome.cost",), (60, 90.5)),
    ),
    has_calendar=False,
    utc_offset_h=-3.5,
    others=("always",),
)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"keys": ("who",)}, "'who' is none of"),
        ({"keys": ("inputs.",)}, "'inputs.' is none of"),
        ({"keys": "actor"}, "'a' is none of"),
        ({"keys": ("actor", "actor")}, "'actor' is there twice"),
        ({"keys": (), "values": ("cost",)}, "'cost' is none of"),
        ({"keys": (), "values": ("outcome.",)}, "'outcome.' is none of"),
        ({"keys": (), "values": ("failed", "failed")}, "'failed' is there twice"),
        ({"keys": (), "half_lives_s": ()}, "at least one"),
        ({"keys": (), "half_lives_s": (0.0,)}, "above 0"),
        ({"keys": (), "half_lives_s": (10.0, -1.0)}, "above 0"),
        ({"keys": (), "half_lives_s": (float("nan"),)}, "above 0 and finite"),
        ({"keys": (), "half_lives_s": (1.0, float("inf"))}, "finite"),
        ({"keys": (), "half_lives_s": (60.0, 60.0)}, "must ascend"),
    ],
)
def test_a_history_that_cannot_be_is_refused(told, message):
    with pytest.raises(BadInput, match=message):
        HistoryFeatures(**told)


def test_two_histories_of_one_key_are_refused():
    with pytest.raises(BadInput, match="'actor' is there twice"):
        FeatureSet((HistoryFeatures(("actor",)), HistoryFeatures(("actor",), ("failed",))))


def test_a_plan_with_two_features_of_one_name_is_refused():
    with pytest.raises(BadInput, match=r"'inputs\.x' is there twice"):
        FeaturePlan(("x",), (Vocabulary("inputs.x", ("a", "b")),), ())


def test_a_plan_survives_json():
    again = FeaturePlan.from_json(json.loads(json.dumps(PLAN.to_json())))
    assert again == PLAN
    assert again.names == PLAN.names
    assert [h.digest for h in again.histories] == [h.digest for h in PLAN.histories]


def test_the_digest_names_the_numbers_not_how_they_were_written():
    assert HistoryFeatures(("actor",), ("failed",), (60, 3600)) == HistoryFeatures(
        ["actor"], ["failed"], [60.0, 3600.0]
    )
    assert HistoryFeatures(("actor",), ("failed",), (60,)).digest == (
        HistoryFeatures(["actor"], ["failed"], [60.0]).digest
    )


def test_another_history_has_another_digest():
    others = [
        HistoryFeatures(("actor",)),
        HistoryFeatures(("kind",)),
        HistoryFeatures(("actor",), ("failed",)),
        HistoryFeatures(("actor",), half_lives_s=(60.0,)),
        HistoryFeatures(("actor", "kind")),
        HistoryFeatures(("kind", "actor")),
    ]
    assert len({history.digest for history in others}) == len(others)


def test_columns_are_as_many_as_the_fold_writes():
    for history in (*duration.SPEC.features.histories, *PLAN.histories, HistoryFeatures((), ())):
        width = fold.feature_count(len(history.half_lives_s), len(history.values))
        assert len(history.columns) == len(set(history.columns)) == width


def test_names_say_the_half_life_in_its_largest_whole_unit():
    half_lives_s = (0.5, 90.0, 600.0, 5400.0, 7200.0, 86_400.0, 1_234_567.125, 1_234_567.25)
    columns = HistoryFeatures((), (), half_lives_s).columns[3:]
    ages = [column.removeprefix("submissions_") for column in columns]
    assert ages == ["0.5s", "90s", "10min", "90min", "2h", "1d", "1234567.125s", "1234567.25s"]


def test_counts_stand_once_and_the_spread_of_failures_not_at_all():
    history = HistoryFeatures(("actor",), ("failed", "outcome.view_count_a"), (60.0,))
    assert history.feature_names == (
        "actor.in_flight",
        "actor.since_submission_s",
        "actor.since_outcome_s",
        "actor.submissions_1min",
        "actor.failed_last",
        "actor.failed_last2_mean",
        "actor.failed_count_1min",
        "actor.failed_mean_1min",
        "actor.outcome.view_count_a_last",
        "actor.outcome.view_count_a_last2_mean",
        "actor.outcome.view_count_a_mean_1min",
        "actor.outcome.view_count_a_sd_1min",
    )


def test_the_catalog_has_no_feature_twice():
    for spec in (duration.SPEC, failure_risk.SPEC):
        names = [name for history in spec.features.histories for name in history.feature_names]
        assert len(set(names)) == len(names)
        assert spec.baseline in names
