"""All values of a lever at once, among posts that are alike.

Residuals of outcome and of values, after models of other posts and after the means of strata, are
regressed on each other, as `like_with_like` does for one value (Robinson 1988; Chernozhukov et al.
2018). The other values of a lever count by how often they occur, so the effect of a value is that
of taking it instead of what is done now. Errors: leave-one-block-out jackknife over stretches of
time (MacKinnon, Nielsen & Webb 2023), times what the means of small strata take away.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.recommendations.like_with_like import ArmEffect
from runlore.advice.rules.recommendations.run_log import Floats, Integers

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LeverRows:
    """Posts that have a value of a lever. outcome, stratum, block, chooses: (n,). use: (n, V).

    guess: (n, 1 + V) what models of other posts predict of the outcome and of use. chooses: posts
    whose stretch of time chooses what is suggested.
    """

    outcome: Floats
    use: Floats
    guess: Floats
    stratum: Integers
    block: Integers
    chooses: Bools

    def residuals(self, rows: Bools) -> tuple[Floats, Floats]:
        """Of the outcome and of use of all values but the last, inside strata."""
        targets = np.column_stack([self.outcome, self.use])[rows] - self.guess[rows]
        inside = np.column_stack([_within(one, self.stratum[rows]) for one in targets.T])
        return inside[:, 0], inside[:, 1:-1]


@dataclass(frozen=True)
class ValueEffect:
    """whole: of all posts. choosing: the effect in those that choose; share: their information.

    levels: (V,) of all values, the last one at 0.
    """

    whole: ArmEffect
    choosing: float
    share: float
    levels: tuple[float, ...]


def compare_lever(rows: LeverRows) -> Iterator[tuple[int, ValueEffect]]:
    """Each value's effect beside the other values, where it can be told."""
    y, t = rows.residuals(np.ones(len(rows.outcome), dtype=np.bool_))
    y_part, t_part = rows.residuals(rows.chooses)
    slopes, part = _slopes(t, y), _slopes(t_part, y_part)
    if slopes is None or part is None:
        return
    shares = rows.use.mean(axis=0)
    for at in range(rows.use.shape[1]):
        contrast = -shares / (1 - shares[at])
        contrast[at] = 1.0
        contrast = contrast[:-1]
        whole = _arm_effect(rows, (y, t, slopes), contrast, at)
        if whole is not None:
            share = _variance(t, contrast) / _variance(t_part, contrast)
            yield at, ValueEffect(whole, float(contrast @ part), share, (*map(float, slopes), 0.0))


def _arm_effect(
    rows: LeverRows, fit: tuple[Floats, Floats, Floats], contrast: Floats, at: int
) -> ArmEffect | None:
    _, t, slopes = fit
    influence = t @ np.linalg.solve(t.T @ t, contrast)
    moved = _without_blocks(rows.block, fit, contrast)
    if moved is None or len(moved) < 2:
        return None
    weight = np.bincount(rows.block, influence**2)
    freedom = weight.sum() ** 2 / (weight**2).sum() - 1
    error = float(np.sqrt((len(moved) - 1) / len(moved) * (moved**2).sum()))
    alike = _alike(rows.use[:, at], rows.stratum)
    used = float(rows.use[alike, at].sum())
    return ArmEffect(
        effect=float(contrast @ slopes),
        error=error * _lost_freedom(influence, rows.stratum),
        freedom=max(float(freedom), 1.0),
        used=used,
        other=float(alike.sum() - used),
        base=np.nan,
        overlap=float(alike.mean()),
    )


def _without_blocks(
    block: Integers, fit: tuple[Floats, Floats, Floats], contrast: Floats
) -> Floats | None:
    """(B,) how far the effect moves without each block; None: one block alone carries it."""
    y, t, slopes = fit
    gram, rest = t.T @ t, y - t @ slopes
    moved = []
    for one in np.unique(block):
        mine = t[block == one]
        left = gram - mine.T @ mine
        if np.linalg.cond(left) > 1e10:
            return None
        moved.append(contrast @ np.linalg.solve(left, mine.T @ rest[block == one]))
    return np.array(moved, dtype=np.float64)


def _slopes(t: Floats, y: Floats) -> Floats | None:
    gram = t.T @ t
    if not len(t) or not np.isfinite(gram).all() or np.linalg.cond(gram) > 1e10:
        return None
    return np.asarray(np.linalg.solve(gram, t.T @ y), dtype=np.float64)


def _variance(t: Floats, contrast: Floats) -> float:
    return float(contrast @ np.linalg.solve(t.T @ t, contrast))


def _within(values: Floats, strata: Integers) -> Floats:
    count = np.maximum(np.bincount(strata), 1)
    return np.asarray(values - (np.bincount(strata, values) / count)[strata], dtype=np.float64)


def _alike(used: Floats, strata: Integers) -> Bools:
    """(n,) whether the stratum has the value and others."""
    total = np.bincount(strata)
    with_value = np.bincount(strata, used, len(total))
    return np.asarray(((with_value > 0) & (with_value < total))[strata], dtype=np.bool_)


def _lost_freedom(influence: Floats, strata: Integers) -> float:
    """By what an error grows because each stratum's mean is taken out of its few posts."""
    count, weight = np.bincount(strata)[strata], influence**2
    return float(np.sqrt(weight.sum() / max((weight * (1 - 1 / count)).sum(), 1e-12)))
