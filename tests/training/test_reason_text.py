"""Reasons as sentences: every kind of feature, known or not, without private names."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.features.declaration import FeaturePlan, HistoryFeatures, TextWeights, Vocabulary
from runlore.models.explain import FeatureEffect
from runlore.models.reason_text import ReasonText
from runlore.specs.model_spec import Probability, Quantity

VALUES = ("failed", "log_duration", "duration_s", "wait_s", "outcome.cost")
KEYS = (
    ("actor",),
    ("kind",),
    ("scope",),
    ("actor", "inputs"),
    ("actor", "kind", "inputs.gpus"),
    (),
)
PLAN = FeaturePlan(
    inputs=("gpus", "requested_time_s", "size_gb"),
    categories=(
        Vocabulary("actor", ("bob", "ann")),
        Vocabulary("inputs.queue", ("night\nrun", "x" * 300, "4.0", "")),
    ),
    histories=tuple(
        HistoryFeatures(keys, VALUES, (600.0, 864_000.0), last=(5, 100)) for keys in KEYS
    ),
    texts=(TextWeights("title", (1.0, 1.0)),),
)
RISK = ReasonText(PLAN, Probability("failed"))
DURATION = ReasonText(PLAN, Quantity("duration_s", "s"))


def sentence(
    feature: str, value: float | None, usual: float | None, effect: float = 0.21, **others: float
) -> str:
    row = np.full(len(PLAN.names), np.nan, dtype=np.float32)
    for name, known in others.items():
        row[PLAN.names.index(name.replace("__", "."))] = known
    return RISK.sentence(FeatureEffect(feature, value, usual, effect), row)


@pytest.mark.parametrize(
    ("feature", "value", "usual", "expected"),
    [
        ("inputs.gpus", 4, 1, "gpus 4 (usually 1)"),
        ("inputs.gpus", None, 1, "gpus not given (usually 1)"),
        ("inputs.requested_time_s", 7200, 900, "requested time 2 h (usually 15 min)"),
        ("inputs.size_gb", 1.5, None, "size 1.5 GiB (usually not given)"),
        ("actor", 1, 0, "actor ann (most often bob)"),
        ("actor", -1, 0, "actor never seen in training (most often bob)"),
        ("inputs.queue", 2, 0, "queue 4 (most often night run)"),
        ("inputs.queue", 3, 0, "queue not given (most often night run)"),
        ("hour", 14.5, 11, "submitted at 14:30 UTC (compared with 11:00)"),
        ("weekday", 6, 2, "submitted on Sunday (compared with Wednesday)"),
        (
            "hour_of_week",
            6 * 24 + 9.25,
            59,
            "submitted on Sunday at 09:15 UTC (compared with Wednesday at 11:00)",
        ),
        ("inputs.title#01", 0.3, 0, "words in title"),
        ("inputs.title#01", 0, 0.2, "words missing from title"),
        ("actor.in_flight", 3, 0, "3 runs of this actor in flight (usually 0)"),
        (
            "kind.since_submission_s",
            7200,
            600,
            "last submission of runs of this kind 2 h before (usually 10 min)",
        ),
        (
            "kind.since_outcome_s",
            None,
            600,
            "no earlier outcome of runs of this kind (usually 10 min before)",
        ),
        (
            "scope.submissions_10d",
            12.4,
            3,
            "about 12 runs in this scope submitted lately (half-life 10 d; usually 3)",
        ),
        ("actor.failed_last", 1, 0, "the last of the runs of this actor failed"),
        (
            "actor.failed_last2_mean",
            0.5,
            0,
            "50 % of the last two of the runs of this actor failed",
        ),
        ("all.duration_s_last", 4260, 60, "the last of all runs took 71 min (usually 60 s)"),
        (
            "actor+inputs.failed_mean_10d",
            None,
            0.1,
            "no earlier outcome of runs of this actor with the same inputs",
        ),
        (
            "actor+kind+inputs.gpus.log_duration_mean_10d",
            math.log1p(4260),
            math.log1p(60),
            "runs of this actor and kind with the same gpus took 71 min on average"
            " (half-life 10 d; usually 60 s)",
        ),
        (
            "kind.wait_s_mean_10d",
            30,
            None,
            "runs of this kind waited 30 s on average (half-life 10 d; usually unknown)",
        ),
        (
            "kind.outcome.cost_mean_10d",
            2.5,
            1,
            "runs of this kind had cost 2.5 on average (half-life 10 d; usually 1)",
        ),
        (
            "kind.log_duration_sd_10d",
            math.log(3),
            math.log(2),
            "durations of runs of this kind vary by a factor of 3 (usually 2)",
        ),
        ("kind.wait_s_sd_10d", 90, 30, "wait of runs of this kind varies by 90 s (usually 30 s)"),
        (
            "actor.failed_mean_last5",
            0.2,
            0.1,
            "about 20 % of the last 5 runs of this actor failed (usually 10 %)",
        ),
        (
            "all.duration_s_mean_last100",
            4260,
            None,
            "the last 100 runs took 71 min on average (usually unknown)",
        ),
        (
            "actor.failed_count_10d",
            7.6,
            2,
            "about 8 outcomes of runs of this actor known (half-life 10 d; usually 2)",
        ),
    ],
)
def test_a_feature_is_described_in_words(feature, value, usual, expected):
    assert sentence(feature, value, usual) == f"{expected}: +21 points"


def test_a_failure_rate_comes_with_the_counts_that_the_row_knows():
    said = sentence("kind.failed_mean_10d", 0.4357, 0.12, kind__failed_count_10d=140.2)
    assert said == (
        "about 61 of 140 runs of this kind failed (half-life 10 d; usually 12 %): +21 points"
    )


def test_no_failures_are_none():
    said = sentence("kind.failed_mean_10d", 0.0, 0.07, -0.05, kind__failed_count_10d=9.9)
    assert said.startswith("none of about 10 runs of this kind failed (")


def test_a_failure_rate_without_weight_makes_no_claim_about_counts():
    said = sentence("kind.failed_mean_10d", 0.4, 0.1, kind__failed_count_10d=0.001)
    assert said.startswith("40 % of runs of this kind failed, long ago (")


@pytest.mark.parametrize(
    ("effect", "expected"), [(4260, "+71 min"), (-0.5, "-0.5 s"), (11_500, "+3.2 h")]
)
def test_the_effect_on_a_quantity_has_its_unit(effect, expected):
    row = np.zeros(len(PLAN.names), dtype=np.float32)
    said = DURATION.sentence(FeatureEffect("inputs.gpus", 4, 1, effect), row)
    assert said == f"gpus 4 (usually 1): {expected}"


def test_a_small_effect_is_no_zero():
    assert sentence("inputs.gpus", 4, 1, -0.0004).endswith(": -0.04 points")


cells = st.none() | st.floats(-1e38, 1e38) | st.floats(0, 200) | st.integers(-1, 400).map(float)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(PLAN.names),
    cells,
    cells,
    st.floats(-1e30, 1e30),
    st.floats(0, 1e6, width=32) | st.just(math.nan),
)
def test_no_sentence_has_private_names_or_reprs(feature, value, usual, effect, elsewhere):
    row = np.full(len(PLAN.names), elsewhere, dtype=np.float32)
    for writer in (RISK, DURATION):
        said = writer.sentence(FeatureEffect(feature, value, usual, effect), row)
        assert not re.search(r"_|None|\bnan\b|\binf\b|inputs\.|#\d|\n", said), said
        assert len(said) < 250
