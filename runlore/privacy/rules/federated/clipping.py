"""What the server accepts of updates: each is refused or clipped, whoever sent it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.privacy.rules.federated.local_updates import Places, Values
from runlore.privacy.rules.federated.noise import to_steps

BELOW = 1 - 1e-9  # so that rounding leaves no norm above its bound
NOT_FINITE = "a value of its posts, or its update, is NaN, infinite or impossible"
TOO_LARGE = "the update's norm is above {:,.0f}"


@dataclass(frozen=True)
class ClippedUpdates:
    """contributions: (k, d), weight times clipped update, in whole steps; 0 of a refused persona.

    weights: (k,), in [0, 1]. refused: persona -> reason. clipped: how many were shortened.
    """

    contributions: Places
    weights: Values
    refused: Mapping[str, str]
    clipped: int


def client_weights(counts: Places, full_weight_rows: int) -> Values:
    """(k,) weights in [0, 1], by rows up to a cap: so a persona adds at most `max_norm`."""
    return np.minimum(counts, full_weight_rows) / full_weight_rows


def clip_updates(
    personas: tuple[str, ...],
    updates: Values,
    weights: Values,
    max_norm: float,
    refused_norm: float,
) -> ClippedUpdates:
    """Refuse what is not finite or absurdly large; scale the rest into a ball of `max_norm`.

    A contribution depends on its own persona alone, and its L2 norm is at most `max_norm`.
    Source: McMahan et al., "Learning Differentially Private Recurrent Language Models", 2018.
    """
    is_finite: NDArray[np.bool_] = np.all(np.isfinite(updates), axis=1)
    largest = np.abs(np.where(is_finite[:, None], updates, 0)).max(axis=1, initial=0)
    scaled = updates / np.maximum(largest, 1.0)[:, None]  # a norm of 1e300 must not overflow
    norms = np.linalg.norm(np.where(is_finite[:, None], scaled, 0), axis=1)
    norms = norms * np.maximum(largest, 1.0)
    is_kept = is_finite & (norms <= refused_norm)
    factors = np.minimum(1.0, max_norm * BELOW / np.maximum(norms, 1e-300))
    shares = (np.clip(weights, 0.0, 1.0) * factors)[:, None]
    contributions = to_steps(np.where(is_kept[:, None], updates, 0.0) * shares, max_norm)
    too_large = TOO_LARGE.format(refused_norm)
    refused = {
        personas[place]: too_large if is_finite[place] else NOT_FINITE
        for place in np.flatnonzero(~is_kept)
    }
    return ClippedUpdates(contributions, weights, refused, int((is_kept & (factors < 1)).sum()))


def sum_updates(contributions: Places) -> Places:
    """(d,) plain sum; one persona more or less changes it by at most `STEPS` in L2 norm."""
    return np.asarray(contributions.sum(axis=0))


def trimmed_sum(contributions: Places, cut: int) -> Places:
    """(d,) sum without the `cut` largest and smallest values of each coordinate.

    `cut` zeros are added first. So 0 lies within what is kept, and one persona more or less changes
    a coordinate by no more than its own value there: the L2 sensitivity stays `STEPS`, provided
    that `cut` does not depend on the personas. Source of the trimmed mean: Yin et al.,
    "Byzantine-Robust Distributed Learning", 2018.
    """
    padded = np.vstack([contributions, np.zeros((cut, contributions.shape[1]), np.int64)])
    if len(padded) <= 2 * cut:
        return np.zeros(contributions.shape[1], np.int64)
    ordered = np.sort(padded, axis=0)
    return np.asarray(ordered[cut : len(ordered) - cut].sum(axis=0))
