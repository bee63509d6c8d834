"""The cells of one input as numbers and levels."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features.columns import numbers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

MOST_BINS = 64


@dataclass(frozen=True, eq=False)
class InputCells:
    """The cells of one input in n executions."""

    name: str
    column: "pd.Series[Any]"

    @property
    def is_text(self) -> bool:
        return self.column.dtype == object

    @cached_property
    def filled(self) -> Mask:
        """(n,): True where there is a value; the empty text is none."""
        codes, distinct = self._factorized
        has_value = np.array([*(value != "" for value in distinct), False])
        mask: Mask = has_value[codes] if self.is_text else codes >= 0
        return mask

    @cached_property
    def values(self) -> Floats:
        """(n,): the numbers; NaN for text and where there is none."""
        return numbers(self.column)

    @cached_property
    def levels(self) -> Ints:
        """(n,): the number of the cell's value, -1 for none; numbers are in ascending order."""
        return np.where(self.filled, self._factorized[0], -1).astype(np.int64)

    @cached_property
    def count(self) -> int:
        return int(self.levels.max(initial=-1)) + 1

    @cached_property
    def words(self) -> list[str]:
        """The text of each level."""
        return [str(value) for value in self._factorized[1]]

    @cached_property
    def bins(self) -> Ints:
        """(n,): levels, put together by rank where numbers have too many; -1 for none."""
        if self.is_text or self.count <= MOST_BINS:
            return self.levels
        sizes = np.bincount(self.levels[self.filled], minlength=self.count)
        rank = (np.cumsum(sizes) - sizes) * MOST_BINS // max(int(sizes.sum()), 1)
        return np.where(self.filled, rank[self.levels], -1)

    @cached_property
    def _factorized(self) -> tuple[NDArray[np.intp], Any]:
        return pd.factorize(self.column, sort=not self.is_text)
