"""The evidence for a lasting change of level, at each point and for each possible start."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.signals.rules.series.grid import Floats

PRIOR_PRECISION = 0.25  # changes of about two standard deviations of the noise are expected
CORRELATIONS = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.875, 0.95])
MAX_CORRELATION = 0.95
MAX_INNOVATION = 6.0  # in robust standard deviations; larger ones count as that
NEAR = 3  # points around the start of the strongest evidence
TINY = 1e-300
EPSILON = 1e-12


@dataclass(frozen=True)
class ChangeEvidence:
    """log_e: log e-values, shape (starts, seen); 0 before the start. starts, seen: indexes."""

    starts: NDArray[np.int64]
    seen: NDArray[np.int64]
    log_e: Floats


@dataclass(frozen=True)
class MeasuredChange:
    """start: its first index. before: the level before. half_width: of the step's interval."""

    start: int
    before: float
    step: float
    half_width: float


def weigh_changes(values: Floats, least_before: int, begin: int) -> ChangeEvidence:
    """Weigh all starts at the points from `begin` on: is there a change, or only AR(1) noise?

    A change of d adds d to the first innovation and (1 - correlation) d to the others. Level and
    variance are integrated out (right Haar prior), d has a normal prior, and the correlation those
    of CORRELATIONS, as likely as they are without a change: an e-value for each start.

    values: without NaN. Source: Lindon et al., "Anytime-valid linear models and regression adjusted
    causal inference in randomized experiments", 2022; Perez-Ortiz et al., "E-statistics, group
    invariance and anytime-valid testing", 2022.
    """
    starts, seen = np.arange(least_before, len(values)), np.arange(max(begin, 1), len(values))
    noise, deviations = _scaled_innovations(values, begin)
    sums, squares = noise.cumsum(axis=1)[:, seen - 1], (noise**2).cumsum(axis=1)[:, seen - 1]
    rss = np.maximum(squares - sums**2 / seen, TINY)
    weights = _log_weights(rss, deviations, seen)
    since = np.maximum(seen[None, :] - starts[:, None], 0)
    log_e = np.logaddexp.reduce(
        [
            weights[i] + _log_e(noise[i], rss[i], 1 - correlation, (starts, seen, since))
            for i, correlation in enumerate(CORRELATIONS)
        ]
    )
    return ChangeEvidence(starts, seen, np.where(seen[None, :] >= starts[:, None], log_e, 0.0))


def measure_change(values: Floats, start: int, alpha: float) -> MeasuredChange:
    """Place and measure a change that begins near a start, by generalised least squares.

    Of the starts within NEAR points, that with the smallest residuals is taken: here no innovation
    is cut. alpha: the error rate of the interval, at all points at once.
    """
    first = max(start - NEAR, 3)
    phi = _upper_correlation(values[:first] - values[:first].mean())
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


def _scaled_innovations(values: Floats, begin: int) -> tuple[Floats, Floats]:
    """For each correlation: the innovations, robustly standardised by those before `begin`, within
    ± MAX_INNOVATION; and their deviations, shape (correlations, 1).
    """
    innovations = values[None, 1:] - CORRELATIONS[:, None] * values[None, :-1]
    known = innovations[:, : max(begin - 1, 1)]
    middle = np.median(known, axis=1, keepdims=True)
    robust = 1.4826 * np.median(abs(known - middle), axis=1, keepdims=True)
    deviations = np.maximum(np.where(robust > 0, robust, known.std(axis=1, keepdims=True)), TINY)
    cut: Floats = np.clip((innovations - middle) / deviations, -MAX_INNOVATION, MAX_INNOVATION)
    return cut, deviations


def _log_weights(rss: Floats, deviations: Floats, seen: NDArray[np.int64]) -> Floats:
    """How likely each correlation is at each point when nothing has changed.

    None is left out: a change makes a low one unlikely, and its evidence is the strongest then.
    """
    likelihood = -(seen - 1) / 2 * np.log(rss) - (seen - 1) * np.log(deviations)
    weights: Floats = likelihood - np.logaddexp.reduce(likelihood, axis=0)
    return weights


def _log_e(
    noise: Floats, rss: Floats, kept: float, evidence: tuple[NDArray[np.int64], ...]
) -> Floats:
    """noise: the innovations. rss: without a change. kept: 1 - correlation, of a later step."""
    starts, seen, since = evidence
    total = noise.cumsum()
    at_start = noise[starts - 1][:, None]
    later = total[seen - 1][None, :] - total[starts - 1][:, None]
    steps = 1 + kept * since
    spread = np.maximum(1 + kept**2 * since - steps**2 / seen, TINY)
    shared = at_start + kept * later - steps * (total[seen - 1] / seen)
    explained = np.minimum(shared**2 / (spread + PRIOR_PRECISION) / rss, 1 - EPSILON)
    shrink = PRIOR_PRECISION / (PRIOR_PRECISION + spread)
    result: Floats = 0.5 * np.log(shrink) - (seen - 1) / 2 * np.log1p(-explained)
    return result


def _upper_correlation(values: Floats) -> float:
    """The correlation of neighbours, plus its bias and its standard error.

    Source of the bias: Kendall, "Note on bias in the estimation of autocorrelation", 1954.
    """
    now, last = values[1:], values[:-1]
    count = len(now)
    centered = last - last.mean()
    raw = np.clip((now * centered).sum() / max(float((centered**2).sum()), TINY), -1, 1)
    unbiased = np.clip(raw + (1 + 3 * raw) / count, 0.0, MAX_CORRELATION)
    return float(min(unbiased + np.sqrt((1 - unbiased**2) / count), MAX_CORRELATION))


def _critical_ratio(spread: float, free: int, alpha: float) -> float:
    """The ratio at which the e-value is 1 / alpha; infinite when none is."""
    shrink = PRIOR_PRECISION / (PRIOR_PRECISION + spread)
    reached = np.exp(-2 / (free + 1) * (np.log(1 / alpha) - 0.5 * np.log(shrink)))
    return float((1 - reached) / (reached - shrink)) if reached > shrink else np.inf
