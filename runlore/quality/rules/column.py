"""What a column held in training: its type, its distribution, its words."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import free_text
from runlore.quality.rules.batch import PARTS, Mask, has_value, numeric

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = Literal["number", "text"]

KNOTS = 64
MOST_WORDS = 1000
TAIL = 0.05
LEAST_FILLED = 0.05  # A column with values in fewer of the rows has no expectations

LEAST_STRETCHES = 8
# Of the windows of training: where the highest value rises so often, something is counted up. Of
# values that come by chance the n-th window holds the highest in one of n cases.
RISING = 2 / 3


@dataclass(frozen=True)
class Column:
    """The distribution of one column of the training data.

    Of kind "number": `knots` ascend from the lowest to the highest value, and `shares[i]` of the
    values are at most `knots[i]`. Of kind "text": `words`, the most frequent first, with their
    `shares`; none where it is free text. is_counted_up: the values are serial numbers, such as user
    ids, and have no maximum.
    """

    name: str
    kind: Kind
    knots: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    words: tuple[str, ...] = ()
    is_counted_up: bool = False

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        fields: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in data.items()
        }
        return cls(**fields)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def middle(self) -> tuple[float, float]:
        """The 5 % and 95 % quantiles."""
        low = np.searchsorted(self.shares, TAIL)
        high = np.searchsorted(self.shares, 1 - TAIL)
        return self.knots[int(low)], self.knots[min(int(high), len(self.knots) - 1)]

    def distance(self, column: "pd.Series[Any]") -> float:
        """The distance between a column's values and those of training, 0 to 1.

        Kolmogorov-Smirnov at the knots for numbers, total variation over the words for text.
        """
        present = column[has_value(column)]
        if not len(present):
            return 1.0
        if self.kind == "number":
            values = np.sort(numeric(present)[np.isfinite(numeric(present))])
            if not values.size:
                return 1.0
            here = np.searchsorted(values, self.knots, side="right") / values.size
            return float(np.abs(here - np.array(self.shares)).max())
        counts = present.astype(str).value_counts(normalize=True)
        shares = counts.reindex(list(self.words)).fillna(0.0).to_numpy()
        rest = abs(shares.sum() - sum(self.shares))
        return float((np.abs(shares - np.array(self.shares)).sum() + rest) / 2)


def learn(name: str, column: "pd.Series[Any]", window: Ints) -> Column | None:
    """Learn a column's distribution; None when fewer than `LEAST_FILLED` of its cells have a value.

    window: (n,), the number of each row's training window, ascending; -1 before the log has begun.
    """
    present = column[has_value(column)]
    if len(present) < max(LEAST_FILLED * len(column), 1):
        return None
    values = np.sort(numeric(present))
    values = values[np.isfinite(values)]
    if 2 * values.size >= len(present):
        knots = np.unique(np.quantile(values, np.linspace(0, 1, KNOTS), method="inverted_cdf"))
        shares = np.searchsorted(values, knots, side="right") / values.size
        counted = _is_counted_up(numeric(column), window)
        return Column(
            name, "number", tuple(knots.tolist()), tuple(shares.tolist()), is_counted_up=counted
        )
    counts = _nameable(name, present)
    words = tuple(str(word) for word in counts.index)
    return Column(name, "text", shares=tuple((counts / len(present)).tolist()), words=words)


def _nameable(name: str, present: "pd.Series[Any]") -> "pd.Series[int]":
    """How often the most frequent words come; none of free text, which no contract may hold."""
    texts = present.astype(str)
    if name not in PARTS and free_text.is_free(texts):
        return pd.Series(dtype=np.int64)
    counts = texts.value_counts()
    words = counts.index.to_series()
    return counts[free_text.nameable(words, counts, is_part=name in PARTS)].head(MOST_WORDS)


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
    """(n,): True where a cell's value is not of this type; text may also hold numbers."""
    if kind == "text":
        return np.zeros(len(column), dtype=bool)
    return has_value(column) & np.isnan(numeric(column))
