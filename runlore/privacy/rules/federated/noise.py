"""Noise of a federated training: OpenDP's discrete Gaussian, counted in zCDP.

Sums are of whole steps, so that they are exact and no rounding of floating point gives anything
away. Source: Kairouz, Liu and Steinke, "The Distributed Discrete Gaussian Mechanism for Federated
Learning with Secure Aggregation", 2021.
"""

from functools import lru_cache
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.privacy.rules.federated.local_updates import Places, Values

if TYPE_CHECKING:
    from opendp.mod import Measurement

STEPS = 2**20  # in the most that one persona may add
SHAVED = 1 - 1e-6  # of a budget, so that OpenDP's rounding never takes a release above it


def to_steps(values: Values, most: float) -> Places:
    """Whole steps of `most / STEPS`, towards 0: no L2 norm grows by it."""
    return np.trunc(values * (STEPS / most)).astype(np.int64)


def from_steps(steps: NDArray[np.int64], most: float) -> Values:
    return np.asarray(steps * (most / STEPS), dtype=np.float64)


def add_noise(total: Places, sensitivity: float, rho: float) -> Places:
    """A sum of steps, released with Gaussian noise for a zCDP budget.

    sensitivity: what one persona adds at most, in L2 norm; 1 is `STEPS` steps. Raises ValueError
    if OpenDP states a loss above `rho`.
    """
    released, loss = _mechanism(sensitivity, rho)
    if loss > rho:
        raise ValueError(f"a release would cost {loss}, above its budget of {rho}")
    return np.array(released([int(value) for value in total]), dtype=np.int64)


def noise_scale(sensitivity: float, rho: float) -> float:
    """Standard deviation of the noise of each value; 1 is `STEPS` steps."""
    return float(sensitivity / sqrt(2 * rho * SHAVED))


@lru_cache(maxsize=64)
def _mechanism(sensitivity: float, rho: float) -> "tuple[Measurement, float]":
    from opendp import prelude

    prelude.enable_features("contrib")
    space = prelude.vector_domain(prelude.atom_domain(T="i64")), prelude.l2_distance(T=float)
    measured = prelude.m.make_gaussian(*space, scale=noise_scale(sensitivity, rho) * STEPS)
    return measured, float(measured.map(sensitivity * STEPS))  # type: ignore[no-untyped-call]
