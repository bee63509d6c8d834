"""What borrowing would have done in past projects: how much to borrow, or that it hurts.

Each past project is taken as new in turn: `n` rows of it are known, and the rows after them are
estimated. The errors of every strength and focus stand beside those of the own mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.transfer.pooling import OWN_ALONE, Pooling, pool, prior_mean

Floats = NDArray[np.float64]

LEVELS = (0, 5, 10, 20, 50)  # rows that are known of a new project
STRENGTHS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
FOCUSES = (0.0, 2.0, 6.0)
AHEAD = 50  # rows that are estimated after those known
LEAST_AHEAD = 10
MOST_STARTS = 40  # of one project
LEAST_PROJECTS = 3
MOST_HURT = 0.1  # of past projects
LEAST_GAIN = 0.001
HURT = 0.01  # of the own mean's error: less is no harm


@dataclass(frozen=True)
class Level:
    """What to do with `rows` known rows. errors: mean over past projects, of the same rows.

    hurt: the share of past projects in which borrowing had the larger error. reason: why so.
    """

    rows: int
    pooling: Pooling
    own: float | None
    pooled: float
    ours: float
    hurt: float
    reason: str


@dataclass(frozen=True)
class BorrowingRules:
    """levels: by rows. projects: that were replayed. spread: of one row within a project."""

    levels: Mapping[int, Level]
    projects: int
    spread: float

    def level(self, rows: int) -> Level:
        """That of the largest count of rows that is not above."""
        return self.levels[max(count for count in self.levels if count <= rows)]


def learn_borrowing(
    projects: Sequence[Floats], likeness: Floats, *, is_rate: bool
) -> BorrowingRules | None:
    """Replay (n,) values of each project, in order; likeness: (P, P). None: too few projects."""
    if len(projects) < LEAST_PROJECTS:
        return None
    spread = within_spread(projects)
    means = np.array([values.mean() for values in projects])
    priors = np.array([_priors(means, likeness, at) for at in range(len(projects))])
    levels = {}
    for rows in LEVELS:
        errors = [
            replay_errors(values, rows, prior, spread, is_rate=is_rate)
            for values, prior in zip(projects, priors, strict=True)
        ]
        kept = [error.mean(axis=0) for error in errors if len(error)]
        if len(kept) >= LEAST_PROJECTS:
            levels[rows] = _choose(rows, np.array(kept))
    return BorrowingRules(levels, len(projects), spread) if 0 in levels else None


def within_spread(projects: Sequence[Floats]) -> float:
    """The standard deviation of one row about the mean of its project."""
    return float(np.sqrt(np.mean([values.var() for values in projects])))


def _priors(means: Floats, likeness: Floats, at: int) -> list[float]:
    others = np.arange(len(means)) != at
    return [prior_mean(means[others], likeness[at][others], focus) for focus in FOCUSES]


def starts_of(count: int, rows: int) -> NDArray[np.int64]:
    """Where a project of `count` rows is taken to begin."""
    last = count - rows - LEAST_AHEAD
    if last < 0:
        return np.array([], dtype=np.int64)
    return np.unique(np.linspace(0, last, min(MOST_STARTS, last + 1)).astype(np.int64))


def replay_errors(
    values: Floats, rows: int, priors: Sequence[float], spread: float, *, is_rate: bool
) -> Floats:
    """(starts, focuses, strengths): mean error of the rows ahead.

    Squared for rates; absolute, in the amount's own unit, for logs of amounts.
    """
    starts = starts_of(len(values), rows)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    own = (sums[starts + rows] - sums[starts]) / max(rows, 1)
    made = np.stack(
        [
            [pool(own, rows, spread, np.full_like(own, prior), strength) for strength in STRENGTHS]
            for prior in priors
        ]
    )  # (focuses, strengths, starts)
    errors = np.empty((len(starts), *made.shape[:2]))
    for at, start in enumerate(starts):
        ahead = values[start + rows : start + rows + AHEAD]
        errors[at] = mean_error(ahead, made[:, :, at], is_rate=is_rate)
    return errors


def mean_error(truth: Floats, made: Floats, *, is_rate: bool) -> Floats:
    if is_rate:
        squares: Floats = ((truth[:, None, None] - made[None]) ** 2).mean(axis=0)
        return squares
    distances: Floats = np.abs(np.exp(truth)[:, None, None] - np.exp(made)[None]).mean(axis=0)
    return distances


def _choose(rows: int, errors: Floats) -> Level:
    """errors: (projects, focuses, strengths). The best mean of errors relative to the own mean's.

    Nearness to other projects counts only where it is better than without by one standard error.
    """
    if rows == 0:
        focus = _focus(errors[:, :, 0] / errors[:, :1, 0])
        ours, pooled = errors[:, focus, 0].mean(), errors[:, 0, 0].mean()
        reason = "no row is known: the mean of other projects is a guess"
        pooling = Pooling(STRENGTHS[-1], FOCUSES[focus])
        return Level(0, pooling, None, float(pooled), float(ours), 0.0, reason)
    ratios = errors / errors[:, :1, :1]
    hurt = (ratios > 1 + HURT).mean(axis=0)
    focus = _focus(ratios.min(axis=2))
    allowed = np.where(hurt[focus] <= MOST_HURT, ratios[:, focus].mean(axis=0), np.inf)
    strength = int(allowed.argmin())
    best = int(ratios[:, focus].mean(axis=0).argmin())
    gain = 1 - float(allowed[strength])
    if gain < LEAST_GAIN:
        return Level(rows, OWN_ALONE, *_means(errors, 0, 0), 0.0, _refusal(hurt[focus], best))
    return Level(
        rows,
        Pooling(STRENGTHS[strength], FOCUSES[focus]),
        *_means(errors, focus, strength),
        float(hurt[focus, strength]),
        f"borrowed: with {rows} rows, past projects had {gain:.1%} less error",
    )


def _means(errors: Floats, focus: int, strength: int) -> tuple[float, float, float]:
    """Of the own mean, the pooled mean, and the choice."""
    own, pooled = errors[:, 0, 0].mean(), errors[:, 0, -1].mean()
    return float(own), float(pooled), float(errors[:, focus, strength].mean())


def _refusal(hurt: Floats, best: int) -> str:
    if best == 0:
        return "refused: past projects would not have gained from borrowing"
    return f"refused: borrowing had the larger error in {hurt[best]:.0%} of past projects"


def _focus(ratios: Floats) -> int:
    """ratios: (projects, focuses)."""
    best = int(ratios.mean(axis=0).argmin())
    gain = ratios[:, 0] - ratios[:, best]
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return best if best and gain.mean() > error else 0
