"""A bounded part of many rows that a person can look at: the same one every time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.monitoring.rules.histogram import UNKNOWN_CODE, Floats, Ints, Rows
from runlore.monitoring.rules.verdict import Words

MOST_WORDS = 12
OTHER_WORDS = "other values"
UNKNOWN_WORDS = "unknown in training"
EDGE = 0.01
ROOM = 0.25


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of a whole: values is (n, F) of `of` rows. at_us: (n,), when each was submitted."""

    values: Rows
    of: int
    at_us: Ints | None = None


def places(rows: int, most: int) -> Ints:
    """Positions of at most `most` of so many rows, evenly spread, first and last included."""
    if rows <= most:
        return np.arange(rows, dtype=np.int64)
    return np.linspace(0, rows - 1, most).round().astype(np.int64)


def readable(
    reference: Sample, current: Sample, names: Sequence[str], words: Words
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two frames to draw: codes as their words, numbers without far outliers.

    Rare words are drawn as one. A number that lies beyond both samples' 1st and 99th percentiles
    by more than a quarter of the range between them is drawn at that edge.
    """
    columns: tuple[dict[str, object], dict[str, object]] = {}, {}
    for at, name in enumerate(names):
        pair = (reference.values[:, at], current.values[:, at])
        drawn = _worded(*pair, words[name]) if name in words else _within_edges(*pair)
        for column, values in zip(columns, drawn, strict=True):
            column[name] = values
    index = _instants(current)
    return pd.DataFrame(columns[0]), pd.DataFrame(columns[1], index=index)


def _instants(sample: Sample) -> pd.Index | None:
    if sample.at_us is None:
        return None
    return pd.DatetimeIndex(sample.at_us.astype("datetime64[us]"), name="submitted (UTC)")


def _within_edges(reference: Rows, current: Rows) -> tuple[Floats, Floats]:
    one, other = reference.astype(np.float64), current.astype(np.float64)
    known = [values[np.isfinite(values)] for values in (one, other)]
    edges = [np.quantile(values, [EDGE, 1 - EDGE]) for values in known if values.size]
    low = min((pair[0] for pair in edges), default=-np.inf)
    high = max((pair[1] for pair in edges), default=np.inf)
    room = ROOM * (high - low) or np.inf
    return np.clip(one, low - room, high + room), np.clip(other, low - room, high + room)


def _worded(
    reference: Rows, current: Rows, words: Sequence[str]
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    shares = [_shares(codes, len(words)) for codes in (reference, current)]
    frequent = np.argsort(-np.maximum(*shares), kind="stable")[:MOST_WORDS]
    names = np.full(len(words) + 1, OTHER_WORDS, dtype=object)
    for code in frequent:
        names[code] = words[code] or "(none)"
    names[UNKNOWN_CODE] = UNKNOWN_WORDS
    return _named(reference, names), _named(current, names)


def _shares(codes: Rows, words: int) -> Floats:
    known = codes[np.isfinite(codes) & (codes >= 0)].astype(np.int64)
    return np.bincount(known, minlength=words)[:words] / max(codes.size, 1)


def _named(codes: Rows, names: NDArray[np.object_]) -> NDArray[np.object_]:
    known = np.isfinite(codes)
    named = np.full(codes.size, None, dtype=object)
    named[known] = names[codes[known].astype(np.int64)]
    return named
