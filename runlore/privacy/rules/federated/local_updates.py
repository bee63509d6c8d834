"""What each persona would change of the shared model, from its own rows alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.privacy.rules.federated.policy import Family, FederatedPolicy

Values = NDArray[np.float64]
Places = NDArray[np.int64]

NEWTON_STEPS = 4  # of a logistic model; each starts from the one before


@dataclass(frozen=True)
class ClientRows:
    """Rows of k personas, one after the other.

    features: (n, d), the first is 1, the others are scaled by declared bounds to [-1, 1].
    targets: (n,); 0 or 1 for a logistic model. starts: (k,), where each persona's rows begin;
    every persona has at least one row.
    """

    personas: tuple[str, ...]
    features: Values
    targets: Values
    starts: Places

    @property
    def counts(self) -> Places:
        return np.diff(np.append(self.starts, len(self.targets)))

    def batch(self, first: int, after: int) -> "ClientRows":
        """The personas of these places."""
        ends = np.append(self.starts, len(self.targets))
        begin, end = int(ends[first]), int(ends[after])
        return ClientRows(
            self.personas[first:after],
            self.features[begin:end],
            self.targets[begin:end],
            self.starts[first:after] - begin,
        )


def local_updates(rows: ClientRows, model: Values, policy: FederatedPolicy) -> Values:
    """(k, d) differences between local models and the shared one, not clipped.

    A local model minimises its loss plus a penalty for the distance from the shared model, which
    keeps a persona of few rows near it. Source: Li et al., "Federated Optimization in
    Heterogeneous Networks" (FedProx), 2020.
    """
    penalty = np.full(len(model), policy.shrinkage)
    penalty[0] = policy.intercept_shrinkage
    with np.errstate(all="ignore"):  # what is not finite is refused by `clip_updates`
        return _solve(rows, model, penalty, policy.family)


def mean_updates(rows: ClientRows, model: Values, policy: FederatedPolicy) -> Values:
    """(k, 1) changes of the intercept alone."""
    alone = ClientRows(rows.personas, rows.features[:, :1], rows.targets, rows.starts)
    penalty = np.array([policy.intercept_shrinkage])
    with np.errstate(all="ignore"):
        return _solve(alone, model[:1], penalty, policy.family)


def _solve(rows: ClientRows, model: Values, penalty: Values, family: Family) -> Values:
    if not len(rows.personas):
        return np.zeros((0, len(model)))
    owners = np.repeat(np.arange(len(rows.personas)), rows.counts)
    steps = np.zeros((len(rows.personas), len(model)))
    for _ in range(1 if family == "linear" else NEWTON_STEPS):
        scores = rows.features @ model + np.einsum("nd,nd->n", rows.features, steps[owners])
        fitted = scores if family == "linear" else logistic(scores)
        weights = np.ones_like(scores) if family == "linear" else fitted * (1 - fitted)
        gradient = _sums(rows.features * (rows.targets - fitted)[:, None], rows.starts)
        curvature = _sums(
            rows.features[:, :, None] * (weights[:, None] * rows.features)[:, None, :], rows.starts
        )
        steps += _newton_steps(curvature, gradient - penalty * steps, penalty)
    return steps


def _newton_steps(curvature: Values, gradient: Values, penalty: Values) -> Values:
    """NaN for a persona whose values are not finite; the others are not touched by it."""
    is_finite = np.isfinite(curvature).all((1, 2)) & np.isfinite(gradient).all(1)
    steps = np.full(gradient.shape, np.nan)
    matrices = curvature[is_finite] + np.diag(penalty)
    steps[is_finite] = np.linalg.solve(matrices, gradient[is_finite][..., None])[..., 0]
    return steps


def logistic(scores: Values) -> Values:
    """Probabilities of scores, without overflow."""
    return 0.5 * (1 + np.tanh(scores / 2))


def _sums(values: Values, starts: Places) -> Values:
    return np.add.reduceat(values, starts, axis=0)


def group_rows(
    personas: Sequence[str], features: Values, targets: Values, max_rows: int
) -> ClientRows:
    """Group rows by persona, in the order of their names; the newest rows of each are taken.

    personas: of each row, the oldest row first.
    """
    names, owners = np.unique(np.asarray(personas, dtype=str), return_inverse=True)
    order = np.argsort(owners, kind="stable")
    counts = np.bincount(owners, minlength=len(names))
    ends = np.cumsum(counts)
    from_end = np.repeat(ends, counts) - np.arange(len(order))
    order = order[from_end <= max_rows]
    taken = np.minimum(counts, max_rows)
    starts = np.cumsum(taken) - taken
    return ClientRows(tuple(map(str, names)), features[order], targets[order], starts)
