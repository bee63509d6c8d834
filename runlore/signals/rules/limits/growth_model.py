"""What is known of a growing series' level and slope, from all that its noise could be."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from runlore.signals.rules.limits.growth_jumps import GrowthJumps
from runlore.signals.rules.series.grid import Floats

CORRELATIONS = (0.0, 0.5, 0.8, 0.95)  # of neighbouring steps, of noise around the level
WANDERING = (0.0, 0.003, 0.03, 0.2, 0.6)  # share of the noise's variance that the level keeps
NOISES: tuple[tuple[float, float], ...] = (*product(CORRELATIONS, WANDERING), (0.0, 1.0))
JITTER = 1e-8
WIDER = 1.3  # of what wanders: jumps too small to be told from noise make it skewed
LEAST_ERROR = 1e-7  # of the range of the values, per step


@dataclass(frozen=True)
class GrowthDraws:
    """One draw of all that is unknown per path, in units of the series and of steps.

    level, noise: at the last step; together they are about the last value. slope: per step.
    wander, shock: standard deviations of what is new in level and noise at each step.
    """

    level: Floats
    slope: Floats
    noise: Floats
    correlation: Floats
    wander: Floats
    shock: Floats


@dataclass(frozen=True)
class _Fit:
    """Under one noise: of the coefficients, mean and root of the covariance (for variance 1).

    noise_mean, noise_of: the last noise is noise_mean - noise_of @ coefficients on average.
    """

    likelihood: float
    error: float  # residual sum of squares
    mean: Floats
    root: Floats
    noise_mean: float
    noise_of: Floats
    noise_sd: float


def draw_growth(
    values: Floats, jumps: GrowthJumps, paths: int, rng: np.random.Generator
) -> tuple[GrowthDraws, Floats]:
    """Draw level, slope and noise from their joint posterior; with the mean size of each jump.

    values: without gaps, one a step. The model: a line, a step for each jump, a random walk, and
    AR(1) noise. Each of NOISES is as likely before; coefficients and the logarithm of the variance
    have flat priors (generalised least squares with restricted likelihood: Harville, "Maximum
    likelihood approaches to variance component estimation", JASA 1977). What makes dates uncertain
    is then widened by WIDER, which was chosen on growths of bench/crossings.py.
    """
    unit = float(np.ptp(values)) or 1.0
    scaled, design = (values - values[-1]) / unit, _design(len(values), jumps)
    fits = [_fit(scaled, design, *noise) for noise in NOISES]
    weights = np.exp([fit.likelihood - max(one.likelihood for one in fits) for fit in fits])
    chosen = rng.choice(len(fits), paths, p=weights / weights.sum())
    draws = np.empty((6, paths))
    sizes = np.zeros(len(jumps.at))
    for index in np.unique(chosen):
        taken = chosen == index
        draws[:, taken] = _draw(fits[index], NOISES[index], len(values), int(taken.sum()), rng)
        sizes += fits[index].mean[2:] * taken.mean()
    level, slope, noise, correlation, wander, shock = draws
    return (
        GrowthDraws(
            values[-1] + unit * level,
            unit * (np.median(slope) + WIDER * (slope - np.median(slope))),
            unit * noise,
            correlation,
            unit * WIDER * wander,
            unit * shock,
        ),
        unit * sizes,
    )


def _design(count: int, jumps: GrowthJumps) -> Floats:
    """Columns: the level at the last step, the slope, and what lies before each jump, negative."""
    steps = np.arange(count)
    before = -(steps[:, None] < jumps.at[None, :]).astype(float)
    return np.column_stack([np.ones(count), steps - (count - 1.0), before])


def _fit(scaled: Floats, design: Floats, correlation: float, wandering: float) -> _Fit:
    count, width = design.shape
    back = np.arange(count - 1.0, -1.0, -1.0)
    spread = (1 - wandering) / (1 - correlation**2)  # variance of the noise
    apart = np.abs(back[:, None] - back[None, :])
    covariance = wandering * np.minimum(back[:, None], back[None, :])
    covariance += spread * np.power(correlation, apart)
    covariance.flat[:: count + 1] += JITTER
    root = cholesky(covariance, lower=True, check_finite=False)
    last = spread * np.power(correlation, back)
    white = solve_triangular(
        root, np.column_stack([design, scaled, last]), lower=True, check_finite=False
    )
    x, y, c = white[:, :width], white[:, width], white[:, width + 1]
    orthogonal, upper = np.linalg.qr(x)
    inverse = solve_triangular(upper, np.eye(width), check_finite=False)
    mean = inverse @ (orthogonal.T @ y)
    rest = y - x @ mean
    error = max(float(rest @ rest), (count - width) * LEAST_ERROR**2)
    likelihood = (
        -np.log(np.diagonal(root)).sum()
        - np.log(np.abs(np.diagonal(upper))).sum()
        - (count - width) / 2 * np.log(error)
    )
    return _Fit(
        float(likelihood),
        error,
        mean,
        inverse,
        float(c @ y),
        c @ x,
        float(np.sqrt(max(spread - c @ c, 0.0))),
    )


def _draw(
    fit: _Fit,
    noise_kind: tuple[float, float],
    count: int,
    paths: int,
    rng: np.random.Generator,
) -> Floats:
    correlation, wandering = noise_kind
    width = len(fit.mean)
    sd = np.sqrt(fit.error / rng.chisquare(count - width, paths))
    coefficients = fit.mean[:, None] + (fit.root @ rng.normal(size=(width, paths))) * sd
    noise = fit.noise_mean - fit.noise_of @ coefficients
    noise += fit.noise_sd * sd * rng.normal(size=paths)
    return np.array(
        [
            coefficients[0],
            coefficients[1],
            noise,
            np.full(paths, correlation),
            np.sqrt(wandering) * sd,
            np.sqrt(1 - wandering) * sd,
        ]
    )
