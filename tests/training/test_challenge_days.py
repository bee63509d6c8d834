"""A new version takes the champion's place by a gain that is sure, over a week at least."""

from dataclasses import replace

import numpy as np
import pytest

from runlore.kernel.durations import DAY_US
from runlore.training.actions.challenge import compare_versions
from runlore.training.rules.trained import TestPart
from tests.training.small import RISK


def part(days: float, *, better: bool = True) -> TestPart:
    rng = np.random.default_rng(1)
    truth = rng.beta(0.5, 1, 600)
    guess = np.full(600, 1 / 3)
    return TestPart(
        as_of_us=np.linspace(0, days * DAY_US, 600).astype(np.int64),
        rows=np.empty((600, 1), np.float32),
        target=(rng.random(600) < truth).astype(float),
        prediction=truth if better else guess,
        baseline=guess if better else truth,
    )


def test_a_sure_gain_over_a_week_wins() -> None:
    result = compare_versions(RISK, "1", part(7), 0)
    assert result.passed
    assert result.rows == 600
    assert "that interval must lie above 0: yes" in result.reason


def test_fewer_days_have_to_wait_however_large_the_gain() -> None:
    result = compare_versions(RISK, "1", part(6.9), 0)
    assert result.gain.low > 0
    assert not result.passed
    assert result.reason == (
        "too early to compare with champion 1: the 600 executions that neither has learned from"
        " span 6.9 days; train again once they span 7, with executions on 5 of these days"
    )


def test_a_gain_that_may_be_nothing_does_not_win() -> None:
    changing = np.where(np.arange(600) // 60 % 2, 0.55, 0.4)
    even = np.full(600, 0.5)
    doubtful = replace(part(30), target=np.zeros(600), prediction=changing, baseline=even)
    result = compare_versions(replace(RISK, select_by="brier"), "1", doubtful, 0)
    assert result.gain.low < 0 < result.gain.value
    assert not result.passed


def test_a_worse_version_does_not_win() -> None:
    result = compare_versions(RISK, "1", part(30, better=False), 0)
    assert not result.passed
    assert "that interval must lie above 0: no" in result.reason


@pytest.mark.parametrize("least_gain", [-10.0, 10.0])
def test_the_gain_must_exceed_what_the_spec_demands(least_gain: float) -> None:
    spec = replace(RISK, retraining=replace(RISK.retraining, least_gain=least_gain))
    worse = compare_versions(spec, "1", part(30, better=least_gain > 0), 0)
    assert worse.passed is (least_gain < 0)


def test_too_few_executions_in_common_win_nothing() -> None:
    result = compare_versions(RISK, "1", None, 0)
    assert not result.passed
    assert result.reason.startswith("could not be compared with champion 1: fewer than 100")
