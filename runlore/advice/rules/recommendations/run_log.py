"""Finished runs as arrays, and columns of them with few values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
DAY_S = 86_400.0
OTHER = "(any other)"


@dataclass(frozen=True, eq=False)
class RunLog:
    """(n,) finished runs in the order of their submission.

    submitted_s, finished_s: seconds since 1970, UTC. failed: 0 or 1. duration_s: NaN unless it
    succeeded. inputs: a column for each input, with text, numbers or None.
    """

    actor: NDArray[np.object_]
    kind: NDArray[np.object_]
    scope: NDArray[np.object_]
    submitted_s: Floats
    finished_s: Floats
    failed: Floats
    duration_s: Floats
    inputs: pd.DataFrame

    def __len__(self) -> int:
        return len(self.failed)

    def take(self, rows: Integers) -> "RunLog":
        return RunLog(
            self.actor[rows],
            self.kind[rows],
            self.scope[rows],
            self.submitted_s[rows],
            self.finished_s[rows],
            self.failed[rows],
            self.duration_s[rows],
            self.inputs.iloc[rows].reset_index(drop=True),
        )

    @property
    def hour(self) -> Floats:
        return self.submitted_s % DAY_S / 3600

    @property
    def weekday(self) -> Integers:
        """0: Monday (1970 began on a Thursday)."""
        return ((self.submitted_s // DAY_S + 3) % 7).astype(np.int64)


@dataclass(frozen=True, eq=False)
class CodedColumn:
    """codes: (n,) places in `labels`; -1: the run has no value."""

    name: str
    codes: Integers
    labels: tuple[str, ...]


def code_column(
    name: str, values: Sequence[object] | NDArray[np.object_], most: int
) -> CodedColumn:
    """The `most` frequent values, sorted by name; rarer ones share the label OTHER."""
    codes, found = pd.factorize(np.asarray(values, dtype=object), use_na_sentinel=True)
    names = [label_of(one) for one in found]
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    kept = sorted(np.argsort(-counts, kind="stable")[:most], key=lambda at: names[at])
    is_cut = len(names) > len(kept)
    place = np.full(len(names) + 1, len(kept) if is_cut else -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    place[-1] = -1
    labels = tuple(names[at] for at in kept) + ((OTHER,) if is_cut else ())
    return CodedColumn(name, place[codes], labels)


def label_of(value: object) -> str:
    """As JSON writes it: true, 8, text."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def group_codes(*columns: Integers) -> Integers:
    """(n,) one code for each combination that occurs."""
    joint = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        _, codes = np.unique(column, return_inverse=True)
        _, joint = np.unique(joint * (int(codes.max(initial=0)) + 1) + codes, return_inverse=True)
    return joint


def previous_ended(log: RunLog, group: Integers) -> Integers:
    """(n,) the run of the same group that ended last before this one's submission; -1: none."""
    n = len(log)
    if not n:
        return np.empty(0, dtype=np.int64)
    begin = min(log.submitted_s.min(), log.finished_s.min())
    span = max(log.submitted_s.max(), log.finished_s.max()) - begin + 1
    ends = group * span + (log.finished_s - begin)
    order = np.argsort(ends, kind="stable")
    at = np.searchsorted(ends[order], group * span + (log.submitted_s - begin), side="right") - 1
    found = np.where(at >= 0, order[np.maximum(at, 0)], -1)
    same = (found >= 0) & (group[np.maximum(found, 0)] == group) & (found != np.arange(n))
    return np.where(same, found, -1).astype(np.int64)


def log_durations(log: RunLog) -> Floats:
    """NaN where there is none, or it is not positive."""
    known = log.duration_s > 0
    return np.where(known, np.log(np.where(known, log.duration_s, 1.0)), np.nan)
