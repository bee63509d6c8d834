"""The gate of a calibration error, and a floor: calibrated models and such that are apart.

`apart` is the true calibration error: every answer is wrong by that much, towards the middle.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from promised.row import Row

from runlore.kernel.durations import DAY_US
from runlore.models.scores import calibration_error
from runlore.performance.rules import floor
from runlore.specs.catalog.failure_risk import SPEC
from runlore.specs.model_spec import Gate
from runlore.training.rules.bootstrap import draw_blocks
from runlore.training.rules.evidence import draw
from runlore.training.rules.gates import GateEvidence, judge

BOUND = 0.05
RATES = (0.15, 0.3)
ROWS = (60, 200, 500, 1500)
PROMISES = {0.0: "2.5 % at most", 0.075: "most from 500 rows on", 0.16: "all from 200 rows on"}
FLOOR_ROWS = 400
SPREAD = 1.5
GATED = replace(SPEC, gates=(Gate("calibration_error", "bound", BOUND),))


def run(worlds: int) -> Iterator[Row]:
    for rate in RATES:
        for rows in ROWS:
            for apart, promise in PROMISES.items():
                yield from _gate(rate, rows, apart, promise, worlds)
    for rate in RATES:
        for apart in (0.0, BOUND, 0.16):
            promise = "all" if apart > BOUND else "2.5 % at most"
            yield _floor(rate, apart, promise, worlds)


def outcomes(
    rng: np.random.Generator, rate: float, rows: int, apart: float
) -> tuple[np.ndarray, np.ndarray]:
    """What came, and the answers: with a mean of about `rate`, `apart` from the true ones."""
    answers = rng.beta(SPREAD, SPREAD * (1 - rate) / rate, rows)
    truth = np.clip(answers + np.where(answers < 1 / 2, apart, -apart), 0, 1)
    return (rng.random(rows) < truth).astype(float), answers


def _gate(rate: float, rows: int, apart: float, promise: str, worlds: int) -> Iterator[Row]:
    rng = np.random.default_rng([1, rows, round(1000 * rate), round(1000 * apart)])
    before, now = 0, 0
    for _ in range(worlds):
        actual, answers = outcomes(rng, rate, rows, apart)
        before += calibration_error(actual, answers) > BOUND
        now += is_refused(actual, answers)
    world = f"gate, rate {rate:g}, {rows:,} rows, error {apart:g}"
    yield Row(world, "before: the error as measured", before / worlds, worlds, promise)
    yield Row(world, "now: beyond chance", now / worlds, worlds, promise)


def is_refused(actual: np.ndarray, answers: np.ndarray) -> bool:
    blocks = draw_blocks(np.arange(len(actual)) * DAY_US)
    measured = draw("calibration_error", blocks, actual, answers).measured
    (result,) = judge(GATED, GateEvidence({"calibration_error": measured}))
    return not result.passed


def _floor(rate: float, apart: float, promise: str, worlds: int) -> Row:
    rng = np.random.default_rng([2, round(1000 * rate), round(1000 * apart)])
    bound, below = floor.Floor("calibration_error", BOUND, "a gate of the spec"), 0
    for _ in range(worlds):
        actual, answers = outcomes(rng, rate, FLOOR_ROWS, apart)
        blocks = draw_blocks(np.sort(rng.integers(0, 7 * DAY_US, FLOOR_ROWS)))
        measured = draw("calibration_error", blocks, actual, answers).measured
        below += floor.judge(bound, measured, FLOOR_ROWS, 100).answer == "below"
    world = f"floor, rate {rate:g}, {FLOOR_ROWS} outcomes, error {apart:g}"
    return Row(world, "now: the interval lies beyond", below / worlds, worlds, promise)
