"""Records that span lines inside quotes, and quotes that nothing closes, found by whole columns.

A run of quotes changes the state "inside quotes" as the CSV parser sees it: an even run never does;
an odd one after a delimiter or line end toggles it; an odd one amid a field closes it, or is text
(5'6" tall) when nothing is open.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

NEWLINE, RETURN, QUOTE = 10, 13, 34
LONGEST_RECORD_BYTES = 1 << 20  # A quote that is not closed within this is taken for a stray one


@dataclass(frozen=True, slots=True)
class Quoting:
    """Records may span lines inside quotes; one has `columns` fields."""

    delimiter: str
    columns: int


@dataclass(frozen=True)
class _Runs:
    """Odd runs of quotes. at: (R,) offsets, ascending; is_toggle: else it closes."""

    at: Ints
    is_toggle: Mask
    ends_field: Mask

    def state(self, offsets: Ints) -> Ints:
        """0 or 1 before each offset: toggles since the last closing run, modulo 2."""
        toggles = np.concatenate([[0], np.cumsum(self.is_toggle)])
        closing = np.where(self.is_toggle, 0, np.arange(1, self.at.size + 1))
        since = np.concatenate([[0], np.maximum.accumulate(closing)])
        before = np.searchsorted(self.at, offsets)
        state: Ints = (toggles[before] - toggles[since[before]]) % 2
        return state

    def first_closing(self, offsets: Ints, default: int) -> Ints:
        """The offset of the first closing run from each offset on."""
        closing = np.append(self.at[~self.is_toggle], default)
        return closing[np.searchsorted(closing[:-1], offsets)]


def spans(data: bytes, starts: Ints, quoting: Quoting) -> tuple[NDArray[Any], Ints]:
    """(first, last) lines of records that span several; lines whose open quote is no record's.

    starts: offsets of each line's first byte and of the end. A quote belongs to a record when the
    line that closes it makes one with as many fields as there are columns.
    """
    none = np.zeros(0, dtype=np.int64)
    if b'"' not in data:
        return none.reshape(0, 2), none
    runs = _runs(data, ord(quoting.delimiter))
    opens, closes = _openers(runs, starts)
    if not opens.size:
        return none.reshape(0, 2), none
    after = np.searchsorted(closes, opens, side="right")
    last = np.append(closes, -1)[after]
    is_record = (last >= 0) & _is_record(data, starts, runs, opens, last, quoting)
    taken = _from_the_left(opens, last, is_record)
    pairs = np.stack([opens[taken], last[taken]], axis=1)
    covered = np.searchsorted(pairs[:, 0], opens, side="right") - 1
    inside = (covered >= 0) & (opens <= np.append(pairs[:, 1], -1)[covered])
    return pairs, opens[~inside]


def _runs(data: bytes, delimiter: int) -> _Runs:
    content = np.frombuffer(data, dtype=np.uint8)
    at = np.flatnonzero(content == QUOTE)
    is_first = np.concatenate([[True], np.diff(at) > 1])
    first = at[is_first]
    length = np.diff(np.append(np.flatnonzero(is_first), at.size))
    odd = length % 2 == 1
    first, end = first[odd], first[odd] + length[odd]
    before = content[np.maximum(first - 1, 0)]
    after = content[np.minimum(end, content.size - 1)]
    starts_field = (first == 0) | (before == delimiter) | (before == NEWLINE)
    ends_field = (end == content.size) | np.isin(after, (delimiter, NEWLINE, RETURN))
    return _Runs(first.astype(np.int64), starts_field, ends_field)


def _openers(runs: _Runs, starts: Ints) -> tuple[Ints, Ints]:
    """Lines that end inside quotes if they begin outside; lines that end outside if they begin
    inside.
    """
    first, end = starts[:-1], starts[1:]
    begins, ends = runs.state(first), runs.state(end)
    has_closing = runs.first_closing(first, int(starts[-1])) < end
    flips = np.where(has_closing, ends, (ends - begins) % 2)
    closes = np.where(has_closing, ends == 0, flips == 1)
    return np.flatnonzero(flips == 1).astype(np.int64), np.flatnonzero(closes).astype(np.int64)


def _is_record(
    data: bytes, starts: Ints, runs: _Runs, first: Ints, last: Ints, quoting: Quoting
) -> Mask:
    """Would the lines from `first` to `last` be one record: all its fields, and its quote closed
    where the field ends?
    """
    delimiters = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord(quoting.delimiter))
    state = runs.state(delimiters)
    begin, end = starts[first], starts[last + 1]
    closing = np.minimum(runs.first_closing(begin, int(starts[-1])), end)
    outside = {parity: delimiters[state == parity] for parity in (0, 1)}
    count = np.searchsorted(outside[0], end) - np.searchsorted(outside[0], closing)
    begins = runs.state(begin)
    for parity, there in outside.items():
        until = np.searchsorted(there, closing) - np.searchsorted(there, begin)
        count += np.where(begins == parity, until, 0)
    closes_cleanly = np.append(runs.ends_field, False)[np.searchsorted(runs.at, starts[last])]
    is_short = end - begin <= LONGEST_RECORD_BYTES
    is_record: Mask = (count + 1 == quoting.columns) & is_short & closes_cleanly
    return is_record


def _from_the_left(first: Ints, last: Ints, is_record: Mask) -> Ints:
    """Positions of the records that do not overlap one that began earlier."""
    candidates = np.flatnonzero(is_record)
    size = candidates.size
    if not size:
        return candidates
    follower = np.append(np.searchsorted(first[candidates], last[candidates], side="right"), size)
    is_taken = np.zeros(size + 1, dtype=np.bool_)
    is_taken[0] = True
    for _ in range(size.bit_length()):
        is_taken[follower[is_taken]] = True
        follower = follower[follower]
    return candidates[is_taken[:size]]
