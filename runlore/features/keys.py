"""Keys of histories: whose past a piece of work belongs to."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features.declaration import History
from runlore.records.execution import Scalar

Codes = NDArray[np.int64]

SEPARATOR = "\x1f"
LONGEST_KEY = 200


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
    parts = [_part(name, subject) for name in history.keys]
    key = SEPARATOR.join(parts)
    if len(key) <= LONGEST_KEY:
        return key
    return hashlib.sha256(key.encode()).hexdigest()


def _part(name: str, subject: Subject) -> str:
    if name == "inputs":
        known = sorted((k, _word(v)) for k, v in subject.inputs.items() if v is not None)
        return SEPARATOR.join(f"{k}={v}" for k, v in known)
    if name.startswith("inputs."):
        return _word(subject.inputs.get(name.removeprefix("inputs.")))
    return str(getattr(subject, name))


def _word(value: Scalar) -> str:
    if value is None or value != value:  # noqa: PLR0124  (NaN is the only value unlike itself)
        return ""
    if isinstance(value, bool):
        return str(float(value))
    return repr(float(value)) if isinstance(value, int | float) else value


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


def group(history: History, executions: pd.DataFrame, inputs: pd.DataFrame) -> Keyed:
    """Group rows by the history's key without writing a key for each row."""
    codes = np.zeros(len(executions), dtype=np.int64)
    for column in _columns(history.keys, executions, inputs):
        words = pd.factorize(column)[0] + 1
        codes = pd.factorize(codes * (words.max(initial=0) + 1) + words)[0]
    _, representative = np.unique(codes, return_index=True)
    return Keyed(codes.astype(np.int64), representative.astype(np.int64))


def _columns(
    keys: Sequence[str], executions: pd.DataFrame, inputs: pd.DataFrame
) -> list["pd.Series[object]"]:
    chosen = []
    for name in keys:
        if name == "inputs":
            chosen += [inputs[column] for column in sorted(inputs.columns)]
        elif name.startswith("inputs."):
            column = name.removeprefix("inputs.")
            chosen += [inputs[column]] if column in inputs else []
        else:
            chosen.append(executions[name])
    return chosen
