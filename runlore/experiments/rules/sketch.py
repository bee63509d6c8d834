"""Counts of values in buckets a hundredth wide: mergeable, and enough for any quantile.

Masson, Rim & Lee, DDSketch: a fast and fully-mergeable quantile sketch with relative-error
guarantees, VLDB 2019. Buckets are fixed in advance, so parts of the units add up.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from runlore.kernel.errors import BadInput

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

GROWTH = 1.01  # the ratio of a bucket's upper edge to its lower edge
MIDDLE = 100_000  # Larger than any exponent of a double: it keeps positive and negative codes apart


@dataclass(frozen=True)
class Sketch:
    """How many units have a value in each bucket.

    codes: rising; 0 holds the value 0, code c > 0 values in (GROWTH^(c-1-MIDDLE),
    GROWTH^(c-MIDDLE)], negative codes mirror it. missing: units whose value is no number.
    """

    codes: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    missing: int = 0

    def __post_init__(self) -> None:
        rising = all(one < other for one, other in zip(self.codes, self.codes[1:], strict=False))
        if len(self.codes) != len(self.counts) or not rising or min(self.counts, default=1) < 1:
            raise BadInput("sketch: needs rising codes, each with a count of 1 or more")

    @property
    def n(self) -> int:
        return sum(self.counts)

    @property
    def is_finite(self) -> bool:
        return self.missing == 0

    @property
    def is_all_zero(self) -> bool:
        return self.codes == (0,)

    def merged(self, other: "Sketch") -> "Sketch":
        total = dict(zip(self.codes, self.counts, strict=True))
        for code, count in zip(other.codes, other.counts, strict=True):
            total[code] = total.get(code, 0) + count
        return _of(total, self.missing + other.missing)

    def quantile(self, share: float) -> float:
        """The value that a share of units stay at or below, to half a bucket; NaN of nothing."""
        if not self.counts:
            return math.nan
        upto = np.cumsum(self.counts)
        at = int(np.searchsorted(upto, share * upto[-1] * (1 - 1e-12)))
        low, high = edges(np.array(self.codes[at : at + 1]))
        return float((low[0] + high[0]) / 2)

    def to_json(self) -> dict[str, Any]:
        codes, counts = list(self.codes), list(self.counts)
        return {"codes": codes, "counts": counts, "missing": self.missing}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Sketch":
        return cls(tuple(data["codes"]), tuple(data["counts"]), data["missing"])


def sketch_of(values: ArrayLike) -> Sketch:
    """Of an array with a value per unit, (n,).

    >>> sketch_of([3.0, 1.0, 2.0]).quantile(0.5)
    1.9968288962746157
    """
    numbers = np.asarray(values, dtype=np.float64)
    known = numbers[np.isfinite(numbers)]
    codes, counts = np.unique(code_of(known), return_counts=True)
    return Sketch(tuple(codes.tolist()), tuple(counts.tolist()), int(numbers.size - known.size))


def code_of(values: Floats) -> Ints:
    sizes = np.abs(values)
    exponents = np.ceil(np.log(np.where(sizes > 0, sizes, 1.0)) / math.log(GROWTH))
    return np.asarray(np.sign(values) * (exponents + MIDDLE), dtype=np.int64)


def edges(codes: Ints) -> tuple[Floats, Floats]:
    """The smallest and the largest value that each bucket may hold."""
    exponents = (np.abs(codes) - MIDDLE).astype(np.float64)
    outer = np.where(codes == 0, 0.0, GROWTH**exponents)
    inner = np.where(codes == 0, 0.0, GROWTH ** (exponents - 1))
    is_negative = codes < 0
    return np.where(is_negative, -outer, inner), np.where(is_negative, -inner, outer)


def _of(total: dict[int, int], missing: int) -> Sketch:
    codes = sorted(total)
    return Sketch(tuple(codes), tuple(total[code] for code in codes), missing)
