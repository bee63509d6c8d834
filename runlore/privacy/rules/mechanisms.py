"""Noise, by OpenDP alone. One persona more or less is what an answer must not tell.

All values are whole numbers, so that no rounding of floating point gives anything away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt
from statistics import NormalDist
from types import ModuleType
from typing import Generic, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.privacy.rules.accounting import PrivacyLoss, charged

Ints = NDArray[np.int64]
Noise = Literal["discrete Laplace", "discrete Gaussian", "discrete Gaussian with threshold"]
SHAVED = 1 - 1e-6  # of the loss asked for, so that rounding never takes it above
Query = TypeVar("Query")
Noisy = TypeVar("Noisy")
Wholes = list[int]
Votes = Sequence[int] | Ints  # one whole number of each persona
Counts = dict[str, int]


@dataclass(frozen=True, eq=False)
class Mechanism(Generic[Query, Noisy]):
    """Noise with a known loss.

    scale: of Laplace noise b; of Gaussian noise the standard deviation.
    sensitivity: what one persona changes, as a sentence for a report.
    loss: of one release, as OpenDP's map says.
    """

    noise: Noise
    scale: float
    sensitivity: str
    loss: PrivacyLoss
    measurement: Callable[[Query], Noisy] = field(repr=False)
    threshold: int = 0

    def release(self, values: Query) -> Noisy:
        return self.measurement(values)


def vote_counts(categories: int, rho: float) -> Mechanism[Votes, Wholes]:
    """Personas by category 0 .. categories - 1; each is in one of them, others count nowhere.

    Releases from categories, one of each persona: one vector with noise for all its cells.
    """
    prelude = _opendp()
    scale = 1 / sqrt(2 * rho * SHAVED)
    cells = prelude.vector_domain(prelude.atom_domain(T="i64")), prelude.l1_distance(T="i64")
    measurement = prelude.m.make_laplace(*cells, scale=scale)
    loss = charged(prelude.c.make_pureDP_to_zCDP(measurement).map(1))

    def release(votes: Votes) -> Wholes:
        chosen = np.asarray(votes, np.int64)
        chosen = chosen[(chosen >= 0) & (chosen < categories)]
        noisy: Wholes = measurement(np.bincount(chosen, minlength=categories).tolist())
        return noisy

    return Mechanism("discrete Laplace", scale, "one vote", loss, release)


def clamped_sum(bound: int, rho: float) -> Mechanism[Votes, int]:
    """The sum of one whole number per persona; those beyond ± bound count as the bound."""
    prelude = _opendp()
    scale = bound / sqrt(2 * rho * SHAVED)
    total = prelude.atom_domain(T="i64"), prelude.absolute_distance(T="i64")
    measurement = prelude.m.make_gaussian(*total, scale=scale)

    def release(numbers: Votes) -> int:
        return int(measurement(int(np.clip(np.asarray(numbers, np.int64), -bound, bound).sum())))

    loss = charged(measurement.map(bound))
    return Mechanism("discrete Gaussian", scale, f"at most ± {bound}", loss, release)


def key_counts(each: int, rho: float, delta: float, least: int) -> Mechanism[Counts, Counts]:
    """Personas by key, for keys that enough of them have; a persona counts with `each` keys.

    Keys below the threshold are left out, so that rare ones are not told: with probability `delta`
    at most, one that a single persona has is. least: no threshold is below it.

    Source: Rogers, "A unifying privacy analysis framework for unknown domain algorithms", 2023.
    """
    prelude = _opendp()
    scale = sqrt(each) / sqrt(2 * rho * SHAVED)
    space = (
        prelude.map_domain(prelude.atom_domain(T=str), prelude.atom_domain(T="i64")),
        _metrics().l02inf_distance(prelude.absolute_distance(T="i64")),
    )
    tail = NormalDist().inv_cdf(1 - delta / each)
    threshold = max(least, ceil(1 + tail * scale))
    while True:
        measurement = prelude.m.make_gaussian_threshold(*space, scale=scale, threshold=threshold)
        loss = measurement.map((each, each, 1))
        if loss[1] <= delta:
            break
        threshold += max(1, threshold // 500)
    told = f"1 for at most {each} keys"
    noise: Noise = "discrete Gaussian with threshold"
    return Mechanism(noise, scale, told, charged(*loss), measurement, threshold)


def key_sums(each: int, bound: int, rho: float) -> Mechanism[Wholes, Wholes]:
    """Sums by known keys; a persona adds at most ± bound to each of at most `each` keys."""
    prelude = _opendp()
    reach = bound * sqrt(each)
    scale = reach / sqrt(2 * rho * SHAVED)
    space = prelude.vector_domain(prelude.atom_domain(T="i64")), prelude.l2_distance(T=float)
    measurement = prelude.m.make_gaussian(*space, scale=scale)
    told = f"at most ± {bound} for at most {each} keys"
    loss = charged(measurement.map(reach))
    return Mechanism("discrete Gaussian", scale, told, loss, measurement)


def sum_by_key(
    persona: Ints, key: Sequence[str], value: Ints, keys: Sequence[str], each: int, bound: int
) -> Ints:
    """(len(keys),) sums; a persona adds to at most `each` keys, once, and at most ± bound."""
    codes, names = pd.factorize(np.array(key, dtype=object))
    kept = _first_keys(persona, codes, each)
    sums = np.zeros(len(names), np.int64)
    np.add.at(sums, codes[kept], np.clip(value[kept], -bound, bound))
    by_name = dict(zip(names.tolist(), sums.tolist(), strict=True))
    return np.array([by_name.get(name, 0) for name in keys], np.int64)


def count_keys(persona: Ints, key: Sequence[str], each: int) -> Counts:
    """Personas by key, each with its first `each` keys."""
    codes, names = pd.factorize(np.array(key, dtype=object))
    counts = np.bincount(codes[_first_keys(persona, codes, each)], minlength=len(names))
    by_name = zip(names.tolist(), counts.tolist(), strict=True)
    return {name: count for name, count in by_name if count}


def _first_keys(persona: Ints, codes: NDArray[np.intp], each: int) -> Ints:
    """Rows of the first `each` different keys of every persona, in their order."""
    pairs = np.asarray(persona, np.int64) * (codes.max(initial=0) + 1) + codes
    once = np.sort(np.unique(pairs, return_index=True)[1])
    order = once[np.argsort(persona[once], kind="stable")]
    owner = persona[order]
    starts = np.searchsorted(owner, owner, side="left")
    kept: Ints = np.sort(order[np.arange(len(order)) - starts < each]).astype(np.int64)
    return kept


def _opendp() -> ModuleType:
    from opendp import prelude

    prelude.enable_features("contrib")
    return prelude


def _metrics() -> ModuleType:
    import opendp.metrics

    return opendp.metrics
