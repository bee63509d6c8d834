"""Partial pooling: the mean of few rows, drawn towards the means of other projects.

Means are of logs for amounts, and of 0 and 1 for failures. With `strength` k the other projects
count like k rows: the posterior mean of a normal mean (amounts) and of a beta-binomial rate
(failures). The own mean is never moved by more than `REACH` of its standard errors: limited
translation (Efron & Morris, JASA 67, 1972), which bounds the harm to a project unlike the others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REACH = 0.75  # standard errors of the own mean


@dataclass(frozen=True)
class Pooling:
    """strength: rows that the other projects count for; 0: nothing is borrowed.

    focus: the power of likeness by which they are weighed; 0: all alike.
    """

    strength: float
    focus: float


OWN_ALONE = Pooling(0.0, 0.0)


def prior_mean(means: Floats, likeness: Floats, focus: float) -> float:
    """The mean of (P,) means of projects; an unknown likeness counts like the mean of the known."""
    if focus == 0:
        return float(means.mean())
    weights = filled_likeness(likeness) ** focus
    total = weights.sum()
    return float(weights @ means / total) if total > 0 else float(means.mean())


def filled_likeness(likeness: Floats) -> Floats:
    known = ~np.isnan(likeness)
    middle = likeness[known].mean() if known.any() else 1.0
    filled: Floats = np.where(known, likeness, middle)
    return filled


def pool(own: Floats, rows: int, spread: float, prior: Floats, strength: float) -> Floats:
    """Pooled means, of own means of `rows` rows each. spread: standard deviation of one row."""
    if rows == 0:
        return prior
    drawn = (rows * own + strength * prior) / (rows + strength)
    reach = REACH * spread / np.sqrt(rows)
    pooled: Floats = own + np.clip(drawn - own, -reach, reach)
    return pooled
