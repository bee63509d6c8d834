"""The evidence for a lasting change of level, at each point and for each possible start."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.signals.rules.grid import Floats

PRIOR_PRECISION = 0.25  # changes of about two standard deviations of the noise are expected
MAX_CORRELATION = 0.95
MAX_INNOVATION = 4.0  # in standard deviations; larger ones count as that
NEAR = 3  # points around the start of the strongest evidence
TINY = 1e-300


@dataclass(frozen=True)
class ChangeEvidence:
    """log_e: log e-values, shape (starts, points); 0 before the start."""

    starts: NDArray[np.int64]
    log_e: Floats


@dataclass(frozen=True)
class MeasuredChange:
    """start: its first index. before: the level before. half_width: of the step's interval."""

    start: int
    before: float
    step: float
    half_width: float


def weigh_changes(values: Floats, least_before: int) -> ChangeEvidence:
    """Weigh all starts at all points: is there a change, or only AR(1) noise?

    The correlation is estimated before each start, from the upper side. A change of d adds d to the
    first innovation and (1 - correlation) d to the others. Level and variance are integrated out
    (right Haar prior), and d has a normal prior: an e-value for each start, valid at all points.

    values: without NaN. Source: Lindon et al., "Anytime-valid linear models and regression adjusted
    causal inference in randomized experiments", 2022; Perez-Ortiz et al., "E-statistics, group
    invariance and anytime-valid testing", 2022.
    """
    count = len(values)
    starts = np.arange(least_before, count)
    phi = _correlation_before(values - values.mean(), starts)[:, None]
    innovations = values[1:] - phi * values[:-1]
    scaled = _standardised(innovations, starts)
    since = np.arange(1, count)[None, :] - starts[:, None]
    effect = np.where(since < 0, 0.0, np.where(since == 0, 1.0, 1.0 - phi))
    points = np.arange(1, count)[None, :]
    effects = effect.cumsum(axis=1)
    total = scaled.cumsum(axis=1)
    spread = np.maximum((effect**2).cumsum(axis=1) - effects**2 / points, TINY)
    slope = ((effect * scaled).cumsum(axis=1) - effects * total / points) / spread
    free = np.maximum(points - 2, 1)
    rss = (scaled**2).cumsum(axis=1) - total**2 / points - slope**2 * spread
    ratio = slope**2 * spread / np.maximum(rss, TINY)
    log_e = _log_e(ratio, spread, free)
    return ChangeEvidence(starts, np.pad(np.where(since >= 0, log_e, 0.0), ((0, 0), (1, 0))))


def measure_change(values: Floats, start: int, alpha: float) -> MeasuredChange:
    """Place and measure a change that begins near a start, by generalised least squares.

    Of the starts within NEAR points, that with the smallest residuals is taken: here no innovation
    is cut. alpha: the error rate of the interval, at all points at once.
    """
    first = max(start - NEAR, 3)
    phi = float(_correlation_before(values - values.mean(), np.array([first]))[0])
    innovations = values[1:] - phi * values[:-1]
    centered = innovations - innovations.mean()
    starts = np.arange(first, min(start + NEAR + 1, len(values)))
    since = np.arange(1, len(values))[None, :] - starts[:, None]
    effect = np.where(since < 0, 0.0, np.where(since == 0, 1.0, 1.0 - phi))
    design = effect - effect.mean(axis=1, keepdims=True)
    spreads = np.maximum((design**2).sum(axis=1), TINY)
    steps = design @ centered / spreads
    best = int((steps**2 * spreads).argmax())
    step, spread = float(steps[best]), float(spreads[best])
    before = float((innovations - step * effect[best]).mean()) / (1 - phi)
    rest = centered - step * design[best]
    ratio = _critical_ratio(spread, max(len(innovations) - 2, 1), alpha)
    half_width = float(np.sqrt(ratio * (rest @ rest) / spread))
    return MeasuredChange(int(starts[best]), before, step, half_width)


def _standardised(innovations: Floats, starts: NDArray[np.int64]) -> Floats:
    """By their mean and deviation before the start, within ± MAX_INNOVATION."""
    rows, counts = np.arange(len(starts)), starts - 1
    mean = innovations.cumsum(axis=1)[rows, starts - 2] / counts
    square = (innovations**2).cumsum(axis=1)[rows, starts - 2] / counts
    deviation = np.sqrt(np.maximum(square - mean**2, TINY))
    scaled: Floats = (innovations - mean[:, None]) / deviation[:, None]
    cut: Floats = np.clip(scaled, -MAX_INNOVATION, MAX_INNOVATION)
    return cut


def _correlation_before(values: Floats, starts: NDArray[np.int64]) -> Floats:
    """The correlation of neighbours before each start, plus its bias and its standard error.

    Source of the bias: Kendall, "Note on bias in the estimation of autocorrelation", 1954.
    """
    now, last, count = values[1:], values[:-1], starts - 1
    products = np.stack([now, last, now * last, last * last]).cumsum(axis=1)
    y, x, xy, xx = products[:, starts - 2]
    raw = np.clip((xy - x * y / count) / np.maximum(xx - x**2 / count, TINY), -1, 1)
    unbiased = np.clip(raw + (1 + 3 * raw) / count, 0.0, MAX_CORRELATION)
    upper: Floats = np.clip(unbiased + np.sqrt((1 - unbiased**2) / count), 0.0, MAX_CORRELATION)
    return upper


def _log_e(ratio: Floats, spread: Floats, free: NDArray[np.int64]) -> Floats:
    """ratio: t² by degrees of freedom."""
    shrink = PRIOR_PRECISION / (PRIOR_PRECISION + spread)
    gain = np.log1p(ratio) - np.log1p(shrink * ratio)
    result: Floats = 0.5 * np.log(shrink) + (free + 1) / 2 * gain
    return result


def _critical_ratio(spread: float, free: int, alpha: float) -> float:
    """The ratio at which the e-value is 1 / alpha; infinite when none is."""
    shrink = PRIOR_PRECISION / (PRIOR_PRECISION + spread)
    reached = np.exp(-2 / (free + 1) * (np.log(1 / alpha) - 0.5 * np.log(shrink)))
    return float((1 - reached) / (reached - shrink)) if reached > shrink else np.inf
