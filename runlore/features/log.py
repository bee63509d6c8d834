"""A prepared log: facts in sequence, their order in time, and their columns on demand."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import mapped_arrays
from runlore.features.columns import expand, hash_text, number_words
from runlore.features.events import Timeline, timeline

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Log:
    """A log's facts with everything that extractions need, computed once.

    facts: all facts in sequence. executions: the first fact of each execution (N rows).
    """

    facts: pd.DataFrame
    events: Timeline
    executions: "ExecutionColumns"
    _numbered: dict[str, Ints] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def inputs(self) -> pd.DataFrame:
        """The inputs of the executions, a column each: see `columns.expand`."""
        return expand(self.facts["inputs"], self.events.first)

    @cached_property
    def input_hashes(self) -> NDArray[np.uint64]:
        """(N,): equal where the inputs of two executions are the same text."""
        return hash_text(self.facts["inputs"], self.events.first)

    @property
    def as_of_us(self) -> Ints:
        """(N,): the instant at which each execution's features are read: its submission."""
        at_us: Ints = self.events.submissions[0]
        return at_us

    def numbered(self, name: str) -> Ints:
        """(N,): the words of `actor`, `kind`, `scope` or `inputs.NAME` as numbers, 0: nothing."""
        if name not in self._numbered:
            key = name.removeprefix("inputs.")
            column = self.executions[name] if key == name else self.inputs.get(key)
            nothing = np.zeros(len(self.executions), dtype=np.int64)
            numbered = nothing if column is None else number_words(column)
            self._numbered[name] = mapped_arrays.moved(numbered)
        return self._numbered[name]


def prepare(facts: pd.DataFrame) -> Log:
    """Prepare facts with EXECUTION_COLUMNS, `seq` and `revision`, in any sequence."""
    seq = facts["seq"].to_numpy(dtype=np.int64)
    if (np.diff(seq) <= 0).any():
        facts = facts.iloc[np.argsort(seq, kind="stable")]
    facts = facts.copy(deep=False)
    facts.index = pd.RangeIndex(len(facts))
    events = timeline(facts)
    mapped_arrays.trim()
    return Log(facts, events, ExecutionColumns(facts, events.first))


@dataclass(frozen=True)
class ExecutionColumns:
    """The first fact of each execution of a log; a column is taken when it is used."""

    facts: pd.DataFrame
    first: Ints
    _columns: dict[str, "pd.Series[Any]"] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, name: str) -> "pd.Series[Any]":
        """(N,): one column of EXECUTION_COLUMNS, `seq` or `revision`."""
        if self.first.size == len(self.facts):
            return self.facts[name]
        if name not in self._columns:
            column = self.facts[name]
            is_arrow = isinstance(column.dtype, pd.ArrowDtype)
            values = column.array if is_arrow else column.to_numpy()
            taken = values[self.first]
            self._columns[name] = pd.Series(taken if is_arrow else mapped_arrays.moved(taken))
        return self._columns[name]

    def take(self, chosen: Ints) -> pd.DataFrame:
        """The whole facts of some executions, for those who need few."""
        return self.facts.iloc[self.first[chosen]]
