"""What training data was like, so that the next batch can be held against it.

Derived from the training data itself: every bound is what the weeks of training reached among
themselves, and a margin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.kernel.durations import DAY_US
from runlore.quality.rules import rhythm
from runlore.quality.rules.batch import ExecutionBatch, Mask
from runlore.quality.rules.column import Column, learn
from runlore.quality.rules.portrait import ALL, BatchNovelty, Key, Portrait, portray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

WINDOW_US = 7 * DAY_US
LEAST_WINDOWS = 4
MOST_WINDOWS = 26
LEAST_ROWS = 50  # a training window with fewer rows does not count as usual

STRAYS = 0.01  # The oldest part of the rows is left out: a wrong clock writes 1970

BURN_IN = 0.3  # share of the windows in which new words are natural


@dataclass(frozen=True)
class UsualRange:
    """The lowest and the highest value that a measure reached in the windows of training."""

    low: float
    high: float


@dataclass(frozen=True)
class Contract:
    """What a batch of data must look like, learned from the training data.

    rows: number of training executions. first_us, last_us: the first and the last submission.
    until_seq: the latest fact that was known. gap_us: the longest pause between submissions, once
    the log has begun. window_rows: rows of the smallest window. rhythm: (168,), submissions in each
    hour of the week. usual: the range of each measure over the windows of training.
    """

    rows: int
    first_us: int
    last_us: int
    until_seq: int
    gap_us: int
    window_rows: int
    rhythm: tuple[float, ...]
    columns: tuple[Column, ...]
    usual: Mapping[Key, UsualRange]

    def to_json(self) -> dict[str, Any]:
        usual = [[check, subject, u.low, u.high] for (check, subject), u in self.usual.items()]
        return {
            **{k: v for k, v in vars(self).items() if k not in ("columns", "usual")},
            "columns": [column.to_json() for column in self.columns],
            "usual": usual,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        usual = {
            (check, subject): UsualRange(low, high) for check, subject, low, high in data["usual"]
        }
        columns = tuple(Column.from_json(column) for column in data["columns"])
        fields = {**data, "columns": columns, "usual": usual, "rhythm": tuple(data["rhythm"])}
        return cls(**fields)


def derive(batch: ExecutionBatch, until_seq: int) -> Contract | None:
    """Learn the contract of a training batch; None below `LEAST_ROWS` rows."""
    if len(batch) < LEAST_ROWS:
        return None
    begun = batch.submitted_us >= batch.submitted_us[int(STRAYS * len(batch))]
    number = _windows(batch.submitted_us, begun)
    columns = tuple(
        column for name in batch.table.columns if (column := learn(name, batch.table[name], number))
    )
    pace = rhythm.learn(batch.submitted_us[begun])
    seen = _seen_between(batch, columns, number)
    portraits = []
    sizes = []
    for window in range(max(0, number.max() - MOST_WINDOWS + 1), number.max() + 1):
        where = number == window
        if where.sum() >= LEAST_ROWS:
            portraits.append(_portray(batch.take(where), columns, seen.take(where), pace))
            sizes.append(int(where.sum()))
    return Contract(
        rows=len(batch),
        first_us=int(batch.submitted_us[0]),
        last_us=int(batch.submitted_us[-1]),
        until_seq=until_seq,
        gap_us=int(np.diff(batch.submitted_us[begun]).max(initial=0)),
        window_rows=min(sizes, default=0),
        rhythm=pace,
        columns=columns,
        usual=_usual(portraits),
    )


def seen_by(
    batch: ExecutionBatch, columns: Sequence[Column], earlier: ExecutionBatch
) -> BatchNovelty:
    """Mark what is new or repeated in a batch, compared with the executions before it."""
    new = {}
    for column in columns:
        if column.kind == "text" and column.name in batch.table:
            words = batch.table[column.name].astype(str)
            new[column.name] = ~words.isin(column.words).to_numpy()
    repeated = np.isin(batch.content, earlier.content[earlier.content != 0])
    twins = np.isin(batch.twin, earlier.twin) | pd.Series(batch.twin).duplicated().to_numpy()
    return BatchNovelty(new, repeated, twins)


def _windows(submitted_us: Ints, begun: Mask) -> Ints:
    """The number of each training row's window: a week, or a quarter of a log of under four weeks.

    Windows count from 0, where the log has begun; rows before that get -1.
    """
    span = int(submitted_us[-1] - submitted_us[begun][0]) + 1
    length = min(WINDOW_US, -(-span // LEAST_WINDOWS))
    back: Ints = (submitted_us[-1] - submitted_us) // length
    return np.where(begun, back[begun].max() - back, -1)


def _seen_between(batch: ExecutionBatch, columns: Sequence[Column], number: Ints) -> BatchNovelty:
    """Mark what was new at each row of training, and what an earlier window had already."""
    is_early = number <= BURN_IN * number.max()
    new = {}
    for column in columns:
        if column.kind == "text":
            words = batch.table[column.name].astype(str)
            is_known = _first_window(pd.factorize(words)[0], number) < number
            new[column.name] = ~(is_known & words.isin(column.words).to_numpy()) & ~is_early
    repeated = _first_window(pd.factorize(batch.content)[0], number) < number
    twins = pd.Series(batch.twin).duplicated().to_numpy()
    return BatchNovelty(new, repeated & (batch.content != 0), twins)


def _first_window(codes: NDArray[np.integer[Any]], number: Ints) -> Ints:
    """(n,): the window in which each row's code appears first."""
    first = np.full(int(codes.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, codes, number)
    of_row: Ints = first[codes]
    return of_row


def _portray(
    batch: ExecutionBatch, columns: Sequence[Column], seen: BatchNovelty, pace: Sequence[float]
) -> Portrait:
    portrait = dict(portray(batch, columns, seen))
    first, last = int(batch.submitted_us[0]), int(batch.submitted_us[-1])
    portrait[("volume", ALL)] = len(batch) / max(rhythm.expected(pace, first, last), 1e-9)
    portrait[("clock", ALL)] = rhythm.shift(pace, batch.submitted_us).gain
    return portrait


def _usual(portraits: Sequence[Portrait]) -> dict[Key, UsualRange]:
    observed: dict[Key, list[float]] = {}
    for portrait in portraits:
        for key, value in portrait.items():
            if np.isfinite(value):
                observed.setdefault(key, []).append(value)
    return {key: UsualRange(min(values), max(values)) for key, values in observed.items()}
