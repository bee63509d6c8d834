"""Descriptions of tasks as numbers: what small models learn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.planning.rules.task_texts import TaskTexts, is_text, learn_texts

Floats = NDArray[np.float64]
Description = Mapping[str, object]  # an input's name -> a number, a word, true, false or None

LEAST_NUMERIC = 0.9  # of the known values of a column of numbers
MOST_WORDS = 12  # of a column that have an indicator of their own
LEAST_WORD_ROWS = 2


@dataclass(frozen=True)
class NumberColumn:
    """log: whether sign(x) log(1 + |x|) is taken first, for values that span a factor of 10.

    has_unknown: whether the past has tasks without it.
    """

    name: str
    middle: float
    scale: float
    log: bool
    has_unknown: bool = False
    width = 1

    def encode(self, values: "pd.Series[Any]") -> Floats:
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)
        if self.log:
            numbers = np.sign(numbers) * np.log1p(np.abs(numbers))
        scaled: Floats = (np.nan_to_num(numbers, nan=self.middle) - self.middle) / self.scale
        return scaled[:, None]

    @property
    def usual(self) -> float:
        """The median of the past."""
        return float(np.expm1(self.middle)) if self.log else self.middle

    def is_gap(self, value: object) -> bool:
        """The past has no task of which so little is known."""
        return value is None and not self.has_unknown


@dataclass(frozen=True)
class WordColumn:
    """words: the most frequent first. has_unknown: whether the past has tasks with none of them."""

    name: str
    words: tuple[str, ...]
    has_unknown: bool = False

    @property
    def usual(self) -> str:
        return self.words[0]

    @property
    def width(self) -> int:
        return len(self.words)

    def is_gap(self, value: object) -> bool:
        """The past has no task with none of its words."""
        return not self.has_unknown and _text(value) not in self.words

    def encode(self, values: "pd.Series[Any]") -> Floats:
        texts = _texts(values).to_numpy()
        is_word: Floats = (texts[:, None] == np.array(self.words, dtype=object)[None, :]) * 1.0
        return is_word.astype(np.float64)


@dataclass(frozen=True)
class TaskEncoder:
    """texts: the free texts of a task together; None: it has none."""

    columns: tuple[NumberColumn | WordColumn, ...]
    texts: TaskTexts | None = None

    @property
    def names(self) -> tuple[str, ...]:
        texts = () if self.texts is None else self.texts.names
        return (*(column.name for column in self.columns), *texts)

    @property
    def width(self) -> int:
        """Of numbers and words, which stand before the texts."""
        return sum(column.width for column in self.columns)

    def encode(self, tasks: Sequence[Description]) -> Floats:
        """(n, p): numbers about 0 with a spread of 1; words as indicators. Unknown: the middle."""
        parts = [column.encode(_column(tasks, column.name)) for column in self.columns]
        if self.texts is not None:
            parts.append(self.texts.encode(tasks))
        return np.hstack([np.zeros((len(tasks), 0)), *parts])

    def gaps(self, tasks: Sequence[Description]) -> NDArray[np.bool_]:
        """(n, p): the numbers of inputs that a task leaves open, unlike any past task."""
        is_open = np.array(
            [[column.is_gap(task.get(column.name)) for column in self.columns] for task in tasks],
            dtype=np.bool_,
        ).reshape(len(tasks), len(self.columns))
        columns = np.repeat(is_open, [column.width for column in self.columns], axis=1)
        texts = 0 if self.texts is None else len(self.texts.usual)
        return np.hstack([columns, np.zeros((len(tasks), texts), dtype=np.bool_)])

    def with_usual(self, task: Description) -> tuple[tuple[str, float | str, Description], ...]:
        """The task with one of its inputs replaced by the usual value: name, value, task."""
        return tuple(
            (column.name, column.usual, {**task, column.name: column.usual})
            for column in self.columns
            if task.get(column.name) is not None
        )

    def unknown(self, task: Description) -> tuple[str, ...]:
        """Inputs of a task that the past does not have, and words that it has not seen."""
        known = {column.name: column for column in self.columns}
        missing = [name for name in task if name not in self.names]
        for name, column in known.items():
            value = task.get(name)
            if value is None or (
                isinstance(column, WordColumn) and _text(value) not in column.words
            ):
                missing.append(name)
        return tuple(sorted(missing))


def learn_encoder(tasks: Sequence[Description]) -> TaskEncoder:
    """Columns that vary. Of words, the most frequent that occur twice; texts all together."""
    names = sorted({name for task in tasks for name in task})
    texts = [name for name in names if _is_text(_column(tasks, name))]
    made = (_learn_column(name, _column(tasks, name)) for name in names if name not in texts)
    columns = tuple(column for column in made if column is not None)
    return TaskEncoder(columns, learn_texts(tasks, texts) if texts else None)


def _is_text(values: "pd.Series[Any]") -> bool:
    known = [value for value in values if isinstance(value, str) and value]
    return is_text(known)


def _column(tasks: Sequence[Description], name: str) -> "pd.Series[Any]":
    return pd.Series([task.get(name) for task in tasks], dtype=object)


def _learn_column(name: str, values: "pd.Series[Any]") -> NumberColumn | WordColumn | None:
    known = values[values.notna()]
    is_number = known.map(lambda value: isinstance(value, int | float))
    if len(known) and is_number.mean() >= LEAST_NUMERIC:
        return _learn_numbers(name, known, has_unknown=len(known) < len(values))
    counts = _texts(known).value_counts()
    words = counts[counts >= LEAST_WORD_ROWS].index[:MOST_WORDS].tolist()
    has_unknown = bool(counts[words].sum() < len(values))
    return WordColumn(name, tuple(words), has_unknown) if len(counts) > 1 and words else None


def _learn_numbers(
    name: str, values: "pd.Series[Any]", *, has_unknown: bool
) -> NumberColumn | None:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return None
    log = bool(numbers.min() >= 0 and numbers.max() > 10 * max(np.median(numbers), 1e-9) / 3)
    if log:
        numbers = np.log1p(numbers)
    scale = float(numbers.std())
    middle = float(np.median(numbers))
    return NumberColumn(name, middle, scale, log, has_unknown) if scale > 1e-12 else None


def _texts(values: "pd.Series[Any]") -> "pd.Series[str]":
    return values.map(_text)


def _text(value: object) -> str:
    return "" if value is None else str(value)
