"""What a column held in training: its type, its distribution, its words."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.quality.rules.batch import Mask, is_told, numeric

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = Literal["number", "text"]

KNOTS = 64
MOST_WORDS = 1000
TAIL = 0.05
LEAST_TOLD = 0.05  # A column with values in fewer of the rows has no expectations

LEAST_STRETCHES = 8
# Of the windows of training: where the highest value rises so often, something is counted up. Of
# values that come by chance the n-th window holds the highest in one of n cases.
RISING = 2 / 3


@dataclass(frozen=True)
class Column:
    """One column of the training data.

    number: knots ascend, shares are of the values up to each; the first and the last knot are the
    lowest and the highest value. text: words, the most frequent first, with their shares.
    is_counted_up: whole numbers given out one after the other, as to users; they have no highest.
    """

    name: str
    kind: Kind
    knots: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    words: tuple[str, ...] = ()
    is_counted_up: bool = False

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**told)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def middle(self) -> tuple[float, float]:
        """Between which all but the lowest and the highest twentieth lie."""
        low = np.searchsorted(self.shares, TAIL)
        high = np.searchsorted(self.shares, 1 - TAIL)
        return self.knots[int(low)], self.knots[min(int(high), len(self.knots) - 1)]

    def distance(self, column: "pd.Series[Any]") -> float:
        """How far the told values are from training's, 0 .. 1.

        Kolmogorov-Smirnov at the knots for numbers, total variation over the words for text.
        """
        told = column[is_told(column)]
        if not len(told):
            return 1.0
        if self.kind == "number":
            values = np.sort(numeric(told)[np.isfinite(numeric(told))])
            if not values.size:
                return 1.0
            here = np.searchsorted(values, self.knots, side="right") / values.size
            return float(np.abs(here - np.array(self.shares)).max())
        counts = told.astype(str).value_counts(normalize=True)
        shares = counts.reindex(list(self.words)).fillna(0.0).to_numpy()
        rest = abs(shares.sum() - sum(self.shares))
        return float((np.abs(shares - np.array(self.shares)).sum() + rest) / 2)


def learn(name: str, column: "pd.Series[Any]", window: Ints) -> Column | None:
    """None for a column that hardly ever says anything.

    window: of each row, ascending; -1 before the log has begun.
    """
    told = column[is_told(column)]
    if len(told) < max(LEAST_TOLD * len(column), 1):
        return None
    values = np.sort(numeric(told))
    values = values[np.isfinite(values)]
    if 2 * values.size >= len(told):
        knots = np.unique(np.quantile(values, np.linspace(0, 1, KNOTS), method="inverted_cdf"))
        shares = np.searchsorted(values, knots, side="right") / values.size
        counted = _is_counted_up(numeric(column), window)
        return Column(
            name, "number", tuple(knots.tolist()), tuple(shares.tolist()), is_counted_up=counted
        )
    counts = told.astype(str).value_counts(normalize=True).head(MOST_WORDS)
    words = tuple(str(word) for word in counts.index)
    return Column(name, "text", shares=tuple(counts.tolist()), words=words)


def _is_counted_up(values: Floats, window: Ints) -> bool:
    known = np.isfinite(values)
    values, window = values[known], window[known]
    begins = np.flatnonzero(np.diff(window, prepend=-1))
    if len(begins) < LEAST_STRETCHES or (values != np.floor(values)).any():
        return False
    highest = np.maximum.reduceat(values, begins)
    rises = highest[1:] > np.maximum.accumulate(highest)[:-1]
    return bool(rises.mean() >= RISING)


def other_type(kind: Kind, column: "pd.Series[Any]") -> Mask:
    """Where something is told that is not of this type; numbers pass as words."""
    if kind == "text":
        return np.zeros(len(column), dtype=bool)
    return is_told(column) & np.isnan(numeric(column))
