"""Which survival model to use: the constant hazard, unless another one beats it on held-out scopes.

The score is the log likelihood of held-out lifetimes: of a failure, that it falls between two
edges of a grid; of a censored one, that it lives as long. So all models are scored alike.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from runlore.advice.rules.maintenance.accelerated_life import NotFitted
from runlore.advice.rules.maintenance.lifetimes import Floats, Ints, Lifetimes
from runlore.advice.rules.maintenance.survival import (
    FITTERS,
    SurvivalModel,
    fit_constant,
    survival,
)

LEAST_FAILURES = 5  # of fewer, nothing is said
LEAST_COMPARED = 20  # of fewer, the constant hazard is used
FOLDS = 3
EDGES = 20
FLOOR = 1e-6
Z = 1.645  # one-sided 95 %
SEED = 30
MOST_LIVES = 4_000  # that models are compared on


@dataclass(frozen=True)
class SurvivalScore:
    """gain: of log likelihood for each lifetime beside the constant hazard; low: its lower bound
    of 95 %, by scope. reason: why it could not be fitted; else empty."""

    name: str
    gain: float | None
    low: float | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class SurvivalChoice:
    """model: None: too few failures. reason: in a sentence."""

    model: SurvivalModel | None
    reason: str
    scores: tuple[SurvivalScore, ...] = ()


def choose_survival(lives: Lifetimes) -> SurvivalChoice:
    """The model that predicts held-out scopes best; the constant hazard without a clear gain."""
    failures = int(lives.is_failure.sum())
    if failures < LEAST_FAILURES:
        said = "1 failure is" if failures == 1 else f"{failures} failures are"
        reason = f"{said} known; at least {LEAST_FAILURES} are needed"
        return SurvivalChoice(None, reason)
    constant = fit_constant(lives)
    if failures < LEAST_COMPARED:
        reason = f"constant hazard: {failures} failures, fewer than {LEAST_COMPARED}, to compare on"
        return SurvivalChoice(constant, reason)
    scores = compare_models(_sample(lives))
    known = [one for one in scores if one.gain is not None]
    best = max(known, key=lambda one: one.gain or 0.0, default=None)
    if best is None or best.low is None or best.low <= 0:
        return SurvivalChoice(constant, f"constant hazard: {_no_gain(best)}", tuple(scores))
    try:
        model = FITTERS[best.name](lives)
    except NotFitted as error:
        return SurvivalChoice(constant, f"constant hazard: {best.name}: {error}", tuple(scores))
    reason = f"{best.name}: beats the constant hazard on held-out scopes"
    return SurvivalChoice(model, reason, tuple(scores))


def compare_models(lives: Lifetimes) -> list[SurvivalScore]:
    """Each beside the constant hazard, cross-validated: a scope is never on both sides."""
    groups = _groups(lives)
    folds = _folds(groups)
    base = held_out(fit_constant, lives, folds)
    scores: list[SurvivalScore] = []
    for name, fit in FITTERS.items():
        try:
            gains = held_out(fit, lives, folds) - base
        except NotFitted as error:
            scores.append(SurvivalScore(name, None, None, str(error)))
            continue
        scores.append(SurvivalScore(name, float(gains.mean()), _lower_bound(gains, groups)))
    return scores


def held_out(fit: Callable[[Lifetimes], SurvivalModel], lives: Lifetimes, folds: Ints) -> Floats:
    """(n,): log likelihood of each lifetime by a model that has not seen its fold."""
    edges, scores = _edges(lives), np.empty(len(lives))
    for fold in range(folds.max() + 1):
        inside = folds == fold
        scores[inside] = log_likelihood(fit(lives.take(~inside)), lives.take(inside), edges)
    return scores


def log_likelihood(model: SurvivalModel, lives: Lifetimes, edges: Floats) -> Floats:
    """(n,). edges: ascending, from 0; failures are known to lie between two of them."""
    at = np.searchsorted(edges, lives.days, side="left")
    lower = edges[at - 1]
    upper = np.where(at < len(edges), edges[np.minimum(at, len(edges) - 1)], np.inf)
    days = np.column_stack([lower, np.where(np.isfinite(upper), upper, 1e12), lives.days])
    alive = survival(model, np.zeros(len(lives)), days, lives.covariates)
    failed = np.maximum(alive[:, 0] - np.where(np.isfinite(upper), alive[:, 1], 0.0), FLOOR)
    return np.asarray(np.log(np.where(lives.is_failure, failed, np.maximum(alive[:, 2], FLOOR))))


def _edges(lives: Lifetimes) -> Floats:
    failed = lives.days[lives.is_failure]
    return np.unique(np.append(0.0, np.quantile(failed, np.linspace(0, 1, EDGES + 1)[1:-1])))


def _groups(lives: Lifetimes) -> Ints:
    """Scopes; of too few scopes, each lifetime is its own."""
    _, groups = np.unique(lives.scope, return_inverse=True)
    return groups if groups.max() >= 9 else np.arange(len(lives))


def _folds(groups: Ints) -> Ints:
    order = np.random.default_rng(SEED).permutation(groups.max() + 1)
    return np.asarray(order[groups] % FOLDS)


def _sample(lives: Lifetimes) -> Lifetimes:
    """Whole scopes, so that a comparison takes seconds."""
    if len(lives) <= MOST_LIVES:
        return lives
    scopes = np.random.default_rng(SEED).permutation(lives.scope.max() + 1)
    counts = np.bincount(lives.scope, minlength=len(scopes))[scopes]
    most = max(int(np.searchsorted(np.cumsum(counts), MOST_LIVES)), 1)
    return lives.take(np.isin(lives.scope, scopes[:most]))


def _lower_bound(gains: Floats, groups: Ints) -> float:
    sums = np.bincount(groups, weights=gains - gains.mean())
    error = np.sqrt((sums**2).sum() * len(sums) / max(len(sums) - 1, 1)) / len(gains)
    return float(gains.mean() - Z * error)


def _no_gain(best: SurvivalScore | None) -> str:
    if best is None:
        return "no other model could be fitted"
    return f"the best of {len(FITTERS)} models, {best.name}, does not clearly beat it"
