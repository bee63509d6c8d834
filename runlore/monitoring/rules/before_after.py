"""A column before and after, as few bars as a person compares: shares of rows in both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.readable import readable_number
from runlore.monitoring.rules.histogram import UNKNOWN_CODE, Histogram

Floats = NDArray[np.float64]

MOST_BARS = 12
OTHERS, UNKNOWN_WORD, MISSING = "others", "unknown in training", "no value"


@dataclass(frozen=True)
class BeforeAfter:
    """Shares of rows by bar, in the training and in a window. labels: of the bars."""

    name: str
    labels: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]


def before_after(before: Histogram, after: Histogram, words: Sequence[str] = ()) -> BeforeAfter:
    """Compare two histograms with the same bins; missing values are a bar where there are any.

    words: of a category, by its codes.
    """
    bars = _words(before, after, words) if before.bins.is_category else _ranges(before, after)
    labels = [label for label, _ in bars]
    shares = [_shares(side, [bins for _, bins in bars]) for side in (before, after)]
    if before.missing or after.missing:
        labels.append(MISSING)
        shares = [(*s, side.missing_share) for s, side in zip(shares, (before, after), strict=True)]
    return BeforeAfter(before.name, tuple(labels), shares[0], shares[1])


def _shares(side: Histogram, bars: Sequence[Sequence[int]]) -> tuple[float, ...]:
    rows = max(side.rows, 1)
    return tuple(float(side.counts[list(bins)].sum()) / rows for bins in bars)


def _words(
    before: Histogram, after: Histogram, words: Sequence[str]
) -> list[tuple[str, list[int]]]:
    """The most frequent words of either side, the rest together."""
    codes = [int(code) for code in before.bins.cuts]
    weight = _portion(before) + _portion(after)
    order = [int(place) for place in np.argsort(-weight[: len(codes)], kind="stable")]
    shown = order[: MOST_BARS - 1]
    bars = [(_word(codes[place], words), [place]) for place in shown if weight[place]]
    rest = [*order[MOST_BARS - 1 :], len(codes)]
    return bars if not weight[rest].sum() else [*bars, (OTHERS, rest)]


def _word(code: int, words: Sequence[str]) -> str:
    if code == UNKNOWN_CODE:
        return UNKNOWN_WORD
    return words[code] if 0 <= code < len(words) else f"word {code}"


def _ranges(before: Histogram, after: Histogram) -> list[tuple[str, list[int]]]:
    """Neighbouring bins, in ranges of about equal size in the training; both ends are open.

    A range without rows on either side is left out.
    """
    cuts, count = before.bins.cuts, len(before.bins)
    upto = np.cumsum(before.counts) / max(before.known, 1)
    part = np.minimum((upto * MOST_BARS - 1e-9).astype(int), MOST_BARS - 1)
    part[-1] = part[-2] if count > 1 and not before.counts[-1] else part[-1]
    # Cuts of whole numbers lie at one or just below it.
    above = np.nextafter(cuts, np.float32(np.inf))
    is_whole = bool(np.all((cuts == np.round(cuts)) | (above == np.round(above))))
    begins = np.floor(cuts) + np.float32(1)
    bars = []
    for number in np.unique(part):
        bins = [int(place) for place in np.flatnonzero(part == number)]
        if before.counts[bins].sum() or after.counts[bins].sum():
            name = _whole_range if is_whole else _range
            bars.append((name(begins if is_whole else cuts, bins[0], bins[-1]), bins))
    return bars


def _range(cuts: NDArray[np.float32], first: int, last: int) -> str:
    low = readable_number(float(cuts[first - 1])) if first else ""
    high = readable_number(float(cuts[last])) if last < len(cuts) else ""
    if low and high:
        return f"{low} to {high}"
    return f"up to {high}" if high else f"above {low}" if low else "all"


def _whole_range(begins: NDArray[np.float32], first: int, last: int) -> str:
    low = readable_number(float(begins[first - 1])) if first else ""
    high = readable_number(float(begins[last]) - 1) if last < len(begins) else ""
    if low and high:
        return low if low == high else f"{low} to {high}"
    return f"{high} or less" if high else f"{low} or more" if low else "all"


def _portion(side: Histogram) -> Floats:
    return side.counts / max(side.rows, 1)
