"""Sufficient statistics of units: counts, means and products of deviations, which add up.

A unit is counted once, with its own values, when they are known. Two parts of the units, from
two windows, chunks or machines, add up to the statistics of both.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from runlore.kernel.errors import BadInput

Floats = NDArray[np.float64]
Row = tuple[float, ...]


@dataclass(frozen=True)
class Moments:
    """Of n units with k values each (a value; a denominator; a value from before the test).

    means: (k,). products: (k, k), sums of products of deviations from the means. thirds: sums of
    products of three deviations, in the order of `triples`; empty where nobody has summed them up.
    """

    n: int
    means: Row
    products: tuple[Row, ...]
    thirds: Row = ()

    def __post_init__(self) -> None:
        k = len(self.means)
        if self.n < 0 or len(self.products) != k or any(len(row) != k for row in self.products):
            raise BadInput(f"moments of {self.n} units: {k} means need {k} x {k} products")
        if self.thirds and len(self.thirds) != len(triples(k)):
            raise BadInput(f"moments of {self.n} units: {k} means need {len(triples(k))} thirds")

    @property
    def is_finite(self) -> bool:
        rows = (self.means, *self.products, self.thirds)
        return all(math.isfinite(value) for row in rows for value in row)

    @property
    def is_all_zero(self) -> bool:
        """Whether every unit's value is 0."""
        return self.n > 0 and self.means[0] == 0 and self.products[0][0] == 0

    def covariance(self, one: int, other: int) -> float:
        """The unbiased covariance of two of the k values over units; NaN below two units."""
        return self.products[one][other] / (self.n - 1) if self.n > 1 else math.nan

    def merged(self, other: "Moments") -> "Moments":
        """The moments of both groups (Chan, Golub & LeVeque, "Updating formulae …", 1979).

        Thirds: Pébay, Formulas for robust, one-pass parallel computation of covariances and
        arbitrary-order statistical moments, Sandia report SAND2008-6212.
        """
        if not other.n:
            return self
        if not self.n:
            return other
        n = self.n + other.n
        apart = [theirs - mine for mine, theirs in zip(self.means, other.means, strict=True)]
        scale = self.n * other.n / n
        means = tuple(m + d * other.n / n for m, d in zip(self.means, apart, strict=True))
        products = tuple(
            tuple(
                mine + theirs + scale * apart[i] * apart[j]
                for j, (mine, theirs) in enumerate(zip(*rows, strict=True))
            )
            for i, rows in enumerate(zip(self.products, other.products, strict=True))
        )
        thirds = tuple(self._merged_thirds(other, apart)) if self.thirds and other.thirds else ()
        return Moments(n, means, products, thirds)

    def _merged_thirds(self, other: "Moments", apart: list[float]) -> Iterator[float]:
        n = self.n + other.n
        scale = self.n * other.n * (self.n - other.n) / n**2
        places = triples(len(self.means))
        for (i, j, k), mine, theirs in zip(places, self.thirds, other.thirds, strict=True):
            moved = sum(
                (self.n * other.products[a][b] - other.n * self.products[a][b]) * apart[c]
                for a, b, c in ((i, j, k), (i, k, j), (j, k, i))
            )
            yield mine + theirs + scale * apart[i] * apart[j] * apart[k] + moved / n

    def to_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "means": list(self.means),
            "products": [list(r) for r in self.products],
            "thirds": list(self.thirds),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Moments":
        products = tuple(tuple(row) for row in data["products"])
        return cls(data["n"], tuple(data["means"]), products, tuple(data.get("thirds", ())))


def triples(k: int) -> list[tuple[int, int, int]]:
    """The places of three of k values, whatever their order.

    >>> triples(2)
    [(0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1)]
    """
    return [(one, two, three) for one, two, three in combinations_with_replacement(range(k), 3)]


def moments_of(values: ArrayLike, *beside: ArrayLike) -> Moments:
    """The moments of n units from arrays of shape (n,): values, denominators, CUPED covariates.

    >>> moments_of([1.0, 0.0, 1.0, 0.0]).means
    (0.5,)
    """
    columns = np.array([values, *beside], dtype=np.float64)
    if columns.ndim != 2:
        raise BadInput("moments: need one number per unit in each array")
    n = columns.shape[1]
    if not n:
        return no_moments(len(columns))
    means = columns.mean(axis=1)
    apart = columns - means[:, np.newaxis]
    products = apart @ apart.T
    thirds = tuple(float(apart[i] @ (apart[j] * apart[k])) for i, j, k in triples(len(columns)))
    return Moments(n, tuple(means.tolist()), tuple(map(tuple, products.tolist())), thirds)


def moments_of_counts(units: int, successes: int) -> Moments:
    """The moments of a proportion, from its counts.

    >>> moments_of_counts(4, 2) == moments_of([1, 1, 0, 0])
    True
    """
    if not 0 <= successes <= units:
        raise BadInput(f"successes: {successes} of {units} units")
    share = successes / units if units else 0.0
    spread = units * share * (1 - share)
    return Moments(units, (share,), ((spread,),), (spread * (1 - 2 * share),))


def no_moments(values: int = 1) -> Moments:
    row = (0.0,) * values
    return Moments(0, row, (row,) * values, (0.0,) * len(triples(values)))
