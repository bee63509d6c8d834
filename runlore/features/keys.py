"""Keys of histories: whose past a piece of work belongs to."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features.columns import number
from runlore.features.declaration import History
from runlore.records.execution import Scalar

Codes = NDArray[np.int64]

SEPARATOR = "\x1f"
LONGEST_KEY = 200
ESCAPES = str.maketrans({"\x1d": "\x1d0", SEPARATOR: "\x1d1", "\x1e": "\x1d2"})
ESCAPES_IN_NAME = {**ESCAPES, ord("="): "\x1d3"}
"""What holds parts together cannot be part of a part: no two subjects share a key by accident."""


@dataclass(frozen=True)
class Subject:
    """The parts of an execution that can make up a key."""

    actor: str
    kind: str
    scope: str
    inputs: Mapping[str, Scalar]


def key_of(history: History, subject: Subject) -> str:
    """The key as the store knows it.

    >>> key_of(History(("actor", "inputs.size")), Subject("ann", "", "", {"size": 4}))
    'ann\\x1f4.0'
    """
    key = SEPARATOR.join(_part(name, subject) for name in history.keys)
    if len(key) <= LONGEST_KEY:
        return key
    return hashlib.sha256(key.encode()).hexdigest()


def _part(name: str, subject: Subject) -> str:
    if name == "inputs":
        known = sorted((k, word(v)) for k, v in subject.inputs.items())
        told = (f"{k.translate(ESCAPES_IN_NAME)}={v.translate(ESCAPES)}" for k, v in known if v)
        return "\x1e".join(told)
    if name.startswith("inputs."):
        return word(subject.inputs.get(name.removeprefix("inputs."))).translate(ESCAPES)
    return str(getattr(subject, name)).translate(ESCAPES)


def word(value: Scalar) -> str:
    """A value as text, the same for numbers that are equal; nothing is the empty text.

    >>> word(4), word(4.0), word(True), word(None)
    ('4.0', '4.0', '1.0', '')
    """
    if value is None or isinstance(value, str):
        return value or ""
    known = number(value)
    return "" if math.isnan(known) else repr(known)


@dataclass(frozen=True)
class Keyed:
    """Executions grouped by the key of one history.

    codes: (executions,), which of the keys each has. representative: (keys,), an execution of
    each, by position.
    """

    codes: Codes
    representative: Codes

    def __len__(self) -> int:
        return len(self.representative)


@dataclass(frozen=True)
class Parts:
    """The columns that keys are made of; each is numbered once, however many keys it is in."""

    executions: pd.DataFrame
    inputs: pd.DataFrame
    _numbered: dict[str, Codes] = field(default_factory=dict, init=False, repr=False)

    def codes(self, name: str) -> Iterator[Codes]:
        """The columns of one part of a key, as numbers: 0 for nothing, equal for equal words."""
        if name == "inputs":
            for column in self.inputs.columns:
                yield self._codes(f"inputs.{column}", self.inputs[column])
        elif not name.startswith("inputs."):
            yield self._codes(name, self.executions[name])
        elif (column := name.removeprefix("inputs.")) in self.inputs:
            yield self._codes(name, self.inputs[column])

    def _codes(self, name: str, column: "pd.Series[Any]") -> Codes:
        if name not in self._numbered:
            self._numbered[name] = number_words(column)
        return self._numbered[name]


def number_words(column: "pd.Series[Any]") -> Codes:
    """(rows,): 0 where there is nothing, else a number that only rows with the same word share."""
    codes, values = pd.factorize(column)
    if values.dtype != object:
        return codes.astype(np.int64) + 1
    words = pd.factorize(np.array([word(value) for value in values], dtype=object))
    numbers = np.where(words[1] == "", 0, np.arange(1, len(words[1]) + 1))
    return np.append(numbers[words[0]], 0)[codes].astype(np.int64)


def group(history: History, parts: Parts) -> Keyed:
    """Group rows by the history's key without writing a key for each row."""
    codes = np.zeros(len(parts.executions), dtype=np.int64)
    for name in history.keys:
        for words in parts.codes(name):
            codes = pd.factorize(codes * (words.max(initial=0) + 1) + words)[0]
    is_new = np.diff(np.maximum.accumulate(codes), prepend=-1) > 0
    return Keyed(codes.astype(np.int64), np.flatnonzero(is_new).astype(np.int64))
