"""Mergeable histograms: the reference sets the bins of a column, every row is counted.

A column costs at most MOST_BINS counts however many rows it has, and counts of chunks, windows or
machines add up to the counts of the whole.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_BINS = 200
# A number with no more distinct values than this in the reference gets a bin for each.
FEW_VALUES = MOST_BINS // 2 - 1
UNKNOWN_CODE = -1
CHUNK_ROWS = 65_536
BLOCK_COLUMNS = 16


@dataclass(frozen=True, eq=False)
class Bins:
    """Where one column is cut.

    A number is in bin i when ``cuts[i - 1] < value <= cuts[i]``; the first and the last bin are
    open, and empty in the reference itself. A category's bin i holds the code ``cuts[i]``
    (UNKNOWN_CODE among them), its last bin all other codes. What is not finite is counted beside
    the bins, as missing.
    """

    name: str
    is_category: bool
    cuts: Rows

    def __len__(self) -> int:
        return len(self.cuts) + 1


@dataclass(frozen=True)
class ValueMoments:
    """Moments of the known values: count, mean, sum of squared deviations, smallest, largest."""

    n: int = 0
    mean: float = 0.0
    deviations: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    @property
    def sd(self) -> float:
        return math.sqrt(self.deviations / self.n) if self.n else 0.0

    def merged(self, other: "ValueMoments") -> "ValueMoments":
        """Of both together (Chan, Golub & LeVeque, "Updating formulae …", 1979)."""
        n = self.n + other.n
        if not n:
            return self
        apart = other.mean - self.mean
        return ValueMoments(
            n=n,
            mean=self.mean + apart * other.n / n,
            deviations=self.deviations + other.deviations + apart**2 * self.n * other.n / n,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
        )

    def without(self, part: "ValueMoments") -> "ValueMoments":
        """Of the rest, with the ends of the whole."""
        n = self.n - part.n
        if n <= 0:
            return ValueMoments()
        apart = (self.mean - part.mean) * self.n / n
        deviations = self.deviations - part.deviations - apart**2 * n * part.n / self.n
        mean = (self.mean * self.n - part.mean * part.n) / n
        return ValueMoments(n, mean, max(deviations, 0.0), self.low, self.high)


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many rows of one column are in each bin, and how many hold no finite value.

    sums: of the values in each bin of a number; zeros for a category.
    """

    bins: Bins
    counts: Ints
    sums: Floats
    missing: int
    moments: ValueMoments

    @property
    def name(self) -> str:
        return self.bins.name

    @property
    def known(self) -> int:
        return int(self.counts.sum())

    @property
    def rows(self) -> int:
        return self.known + self.missing

    @property
    def missing_share(self) -> float:
        return self.missing / self.rows if self.rows else 0.0

    def merged(self, other: "Histogram") -> "Histogram":
        if self.bins is not other.bins and not np.array_equal(self.bins.cuts, other.bins.cuts):
            raise ValueError(f"histograms of {self.name!r} and {other.name!r}: cut differently")
        return Histogram(
            self.bins,
            self.counts + other.counts,
            self.sums + other.sums,
            self.missing + other.missing,
            self.moments.merged(other.moments),
        )

    def without(self, part: "Histogram") -> "Histogram":
        """What is left when a part is taken away again."""
        return Histogram(
            self.bins,
            self.counts - part.counts,
            self.sums - part.sums,
            self.missing - part.missing,
            self.moments.without(part.moments),
        )


@dataclass(frozen=True, eq=False)
class Profile:
    """One histogram per column, of the same rows."""

    columns: tuple[Histogram, ...]

    @property
    def rows(self) -> int:
        return self.columns[0].rows if self.columns else 0

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def bins(self) -> tuple[Bins, ...]:
        return tuple(column.bins for column in self.columns)

    def only(self, names: Collection[str]) -> "Profile":
        return Profile(tuple(column for column in self.columns if column.name in names))

    def merged(self, other: "Profile") -> "Profile":
        pairs = zip(self.columns, other.columns, strict=True)
        return Profile(tuple(mine.merged(theirs) for mine, theirs in pairs))

    def without(self, part: "Profile") -> "Profile":
        pairs = zip(self.columns, part.columns, strict=True)
        return Profile(tuple(mine.without(theirs) for mine, theirs in pairs))

    def to_json(self) -> dict[str, Any]:
        return {"columns": [_to_json(column) for column in self.columns]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Profile":
        return cls(tuple(_from_json(histogram) for histogram in data["columns"]))


def reference_profile(
    rows: NDArray[Any], names: Sequence[str], categorical: Collection[str] = ()
) -> Profile:
    """Cut each column of a reference by what it holds, and count it.

    rows: (N, F), read as float32 as features are; a memory map will do. categorical: the names of
    the columns that hold codes.
    """
    if rows.shape[1] != len(names):
        raise ValueError(f"{rows.shape[1]} columns, {len(names)} names")
    columns = []
    for name, ordered in zip(names, _sorted_columns(rows), strict=True):
        known = _known(ordered)
        cuts = _codes(known) if name in categorical else _cuts(known)
        columns.append(_count(Bins(name, name in categorical, cuts), ordered))
    return Profile(tuple(columns))


def count(bins: Sequence[Bins], rows: NDArray[Any]) -> Profile:
    """Count rows, (N, F), in the reference's bins, a chunk at a time."""
    starts = range(0, max(len(rows), 1), CHUNK_ROWS)
    return count_chunks(bins, (rows[start : start + CHUNK_ROWS] for start in starts))


def count_chunks(bins: Sequence[Bins], chunks: Iterable[NDArray[Any]]) -> Profile:
    """Count rows that come in chunks, each (n, F), of which one is held at a time."""
    total = Profile(tuple(_count(column, np.empty(0, np.float32)) for column in bins))
    for rows in chunks:
        if rows.shape[1] != len(bins):
            raise ValueError(f"{rows.shape[1]} columns, bins of {len(bins)}")
        counted = zip(bins, _sorted_columns(rows), strict=True)
        total = total.merged(Profile(tuple(_count(bins_of, column) for bins_of, column in counted)))
    return total


def _sorted_columns(rows: NDArray[Any]) -> Iterator[Rows]:
    """Each column in order, NaN last; a few columns are copied at a time."""
    for start in range(0, rows.shape[1], BLOCK_COLUMNS):
        block = np.array(rows[:, start : start + BLOCK_COLUMNS].T, dtype=np.float32, order="C")
        block.sort(axis=1)
        yield from block


def _known(ordered: Rows) -> Rows:
    """The finite values of a sorted column."""
    first = np.searchsorted(ordered, np.float32(-np.inf), side="right")
    return ordered[first : np.searchsorted(ordered, np.float32(np.inf))]


def _count(bins: Bins, ordered: Rows) -> Histogram:
    known = _known(ordered)
    missing = ordered.size - known.size
    upto = np.searchsorted(known, bins.cuts, side="right")
    if bins.is_category:
        held = upto - np.searchsorted(known, bins.cuts, side="left")
        counts = np.r_[held, known.size - held.sum()].astype(np.int64)
        return Histogram(bins, counts, np.zeros(len(bins)), missing, ValueMoments())
    upto = np.r_[0, upto, known.size]
    values = known.astype(np.float64)
    sums = np.r_[0.0, np.cumsum(values)][upto]
    counts = np.diff(upto).astype(np.int64)
    return Histogram(bins, counts, np.diff(sums), missing, _moments(values))


def _moments(ordered: Floats) -> ValueMoments:
    if not ordered.size:
        return ValueMoments()
    mean = float(ordered.mean())
    apart = ordered - mean
    low, high = float(ordered[0]), float(ordered[-1])
    deviations = float(np.square(apart, out=apart).sum())
    return ValueMoments(ordered.size, mean, deviations, low, high)


def _cuts(known: Rows) -> Rows:
    """Cuts of a number: around every value where they are few, else at distinct quantiles.

    A value that takes up more than one quantile is cut off on both sides, so that a column that
    is 0 in most rows keeps its zeros in a bin of their own. The outermost cuts leave all of the
    reference between them.
    """
    if not known.size:
        return np.empty(0, np.float32)
    values = known[np.r_[True, known[1:] != known[:-1]]]
    if values.size <= FEW_VALUES:
        return np.unique(np.r_[values, _below(values)])
    places = np.linspace(0, known.size - 1, MOST_BINS - 1).round().astype(np.int64)
    quantiles, times = np.unique(known[places[1:-1]], return_counts=True)
    return np.unique(np.r_[_below(values[:1]), quantiles, _below(quantiles[times > 1]), values[-1]])


def _below(values: Rows) -> Rows:
    return np.nextafter(values, np.float32(-np.inf))


def _codes(known: Rows) -> Rows:
    """The most frequent codes, in order, and the code of words that training never saw."""
    codes, times = np.unique(known, return_counts=True)
    frequent = np.argsort(-times, kind="stable")[: MOST_BINS - 2]
    return np.union1d(codes[frequent], np.array([UNKNOWN_CODE], np.float32))


def _to_json(column: Histogram) -> dict[str, Any]:
    moments = column.moments
    return {
        "name": column.name,
        "is_category": column.bins.is_category,
        "cuts": [float(cut) for cut in column.bins.cuts],
        "counts": column.counts.tolist(),
        "sums": column.sums.tolist(),
        "missing": column.missing,
        "moments": [moments.n, moments.mean, moments.deviations, moments.low, moments.high]
        if moments.n
        else None,
    }


def _from_json(data: dict[str, Any]) -> Histogram:
    bins = Bins(data["name"], data["is_category"], np.array(data["cuts"], dtype=np.float32))
    moments = ValueMoments(*data["moments"]) if data["moments"] else ValueMoments()
    counts = np.array(data["counts"], dtype=np.int64)
    sums = np.array(data["sums"], dtype=np.float64)
    return Histogram(bins, counts, sums, data["missing"], moments)
