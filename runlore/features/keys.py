"""Keys of histories: they decide which earlier executions an execution is compared with."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import mapped_arrays
from runlore.features.columns import word
from runlore.features.declaration import HistoryFeatures
from runlore.features.log import Log
from runlore.records.execution import Scalar

Codes = NDArray[np.int64]

SEPARATOR = "\x1f"
LONGEST_KEY = 200
ESCAPES = str.maketrans({"\x1d": "\x1d0", SEPARATOR: "\x1d1", "\x1e": "\x1d2"})
# Separators are escaped within a part, so that two different keys never look the same.
ESCAPES_IN_NAME = {**ESCAPES, ord("="): "\x1d3"}


@dataclass(frozen=True)
class KeyParts:
    """The parts of an execution that can make up a key."""

    actor: str
    kind: str
    scope: str
    inputs: Mapping[str, Scalar]


def key_of(history: HistoryFeatures, subject: KeyParts) -> str:
    """The key as the store knows it.

    >>> key_of(HistoryFeatures(("actor", "inputs.size")), KeyParts("ann", "", "", {"size": 4}))
    'ann\\x1f4.0'
    """
    key = SEPARATOR.join(_part(name, subject, history.without) for name in history.keys)
    if len(key) <= LONGEST_KEY:
        return key
    return hashlib.sha256(key.encode()).hexdigest()


def _part(name: str, subject: KeyParts, without: Collection[str]) -> str:
    if name == "inputs":
        known = sorted((k, word(v)) for k, v in subject.inputs.items() if k not in without)
        pairs = (f"{k.translate(ESCAPES_IN_NAME)}={v.translate(ESCAPES)}" for k, v in known if v)
        return "\x1e".join(pairs)
    if name.startswith("inputs."):
        return word(subject.inputs.get(name.removeprefix("inputs."))).translate(ESCAPES)
    return str(getattr(subject, name)).translate(ESCAPES)


@dataclass(frozen=True)
class KeyGroups:
    """Executions grouped by the key of one history.

    codes: (executions,), the number of each execution's key. representative: (keys,), the position
    of one execution of each key.
    """

    codes: Codes
    representative: Codes

    def __len__(self) -> int:
        return len(self.representative)


def group(history: HistoryFeatures, log: Log) -> KeyGroups:
    """Group executions by the history's key without writing a key for each row."""
    codes = np.zeros(len(log.executions), dtype=np.int64)
    for name in _parts(history, log):
        words = log.numbered(name)
        codes = pd.factorize(codes * (words.max(initial=0) + 1) + words)[0].astype(np.int64)
    is_new = np.diff(np.maximum.accumulate(codes), prepend=-1) > 0
    return KeyGroups(mapped_arrays.moved(codes), np.flatnonzero(is_new))


def _parts(history: HistoryFeatures, log: Log) -> Iterator[str]:
    for name in history.keys:
        if name == "inputs":
            names = (column for column in log.inputs.columns if column not in history.without)
            yield from (f"inputs.{column}" for column in names)
        else:
            yield name
