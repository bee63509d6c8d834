"""Levels of metrics as causes: named where failures go with them, silent where they do not."""

from dataclasses import replace

import numpy as np
import pytest

from runlore.advice.rules.causes.expected import FailureTable
from runlore.advice.rules.causes.metric_levels import (
    BIN_S,
    DAY_BINS,
    LevelSeries,
    MetricKey,
    MetricLevels,
    level_columns,
    moved_metrics,
)
from runlore.advice.rules.causes.search import find_cause

DAYS = 28
WINDOW_S = 12 * 3600.0
FIRST = DAYS * DAY_BINS
BINS = FIRST + int(WINDOW_S / BIN_S)
START_S = -FIRST * BIN_S


def rhythmic(rng: np.random.Generator) -> np.ndarray:
    """Day and night, and noise that lasts for hours."""
    steps = rng.normal(0, 0.3, BINS)
    for place in range(1, BINS):
        steps[place] += 0.95 * steps[place - 1]
    return 10 + 3 * np.sin(np.arange(BINS) * 2 * np.pi / DAY_BINS) + steps


def levels_of(*rows: np.ndarray) -> MetricLevels:
    keys = [MetricKey("s", f"m{place}", "") for place in range(len(rows))]
    return MetricLevels(START_S, [LevelSeries(*one) for one in zip(keys, rows, strict=True)])


def test_failures_that_go_with_a_level_are_laid_to_it() -> None:
    """It comes and goes in the incident; noise metrics beside it are never named."""
    rng = np.random.default_rng(5)
    rows = 12_000
    at = np.sort(rng.uniform(START_S, WINDOW_S, rows))
    scope = rng.choice(["a", "b", "c"], rows)
    load = [rhythmic(rng) for _ in "abc"]
    high = rng.random((3, BINS - FIRST)) < 0.4
    for one, flags in zip(load, high, strict=True):
        one[FIRST:][flags] += 30
    number = np.floor((at - START_S) / BIN_S).astype(int)
    place = np.unique(scope, return_inverse=True)[1]
    is_high = np.array(load)[place, number] > 30
    failed = rng.random(rows) < np.where(is_high, 0.6, 0.05)
    table = FailureTable(failed, np.zeros(rows, int), (at // 3600 % 24).astype(int), at)
    series = [
        LevelSeries(MetricKey("s", "load", name), one)
        for name, one in zip("abc", load, strict=True)
    ]
    series += [LevelSeries(MetricKey("s", f"noise{k}", ""), rhythmic(rng)) for k in range(20)]
    levels = MetricLevels(START_S, series)
    found = find_cause(table, list(level_columns(levels, at, scope, 0.0)))
    assert found.answer == "cause"
    assert [(one.name, one.value) for one in found.causes] == [("load", "above its usual range")]
    shuffled = replace(table, failed=rng.permutation(table.failed))
    assert find_cause(shuffled, list(level_columns(levels, at, scope, 0.0))).answer != "cause"


def test_a_metric_that_moved_is_seen_and_noise_is_not() -> None:
    """Of 30 worlds of 10 metrics without a change at most 5 % and three sigma more name one."""
    rng = np.random.default_rng(3)
    named = 0
    for _ in range(30):
        moved, compared = moved_metrics(
            levels_of(*(rhythmic(rng) for _ in range(10))), 0, WINDOW_S, 0.05
        )
        named += bool(moved)
        assert compared == 10
    assert named <= 5
    raised = rhythmic(rng)
    raised[FIRST:] += 12
    [one], _ = moved_metrics(levels_of(rhythmic(rng), raised), 0, WINDOW_S, 0.05)
    assert (one.key.name, one.low < one.usual < one.high < one.level) == ("m1", True)


@pytest.mark.parametrize("value", [np.nan, 7.0])
def test_a_metric_without_points_or_movement_says_nothing(value: float) -> None:
    moved, _ = moved_metrics(levels_of(np.full(BINS, value)), 0, WINDOW_S, 0.05)
    assert moved == ()
