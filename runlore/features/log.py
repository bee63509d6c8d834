"""A prepared log: facts in sequence, their order in time, and their columns on demand."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features.columns import expand, number_words
from runlore.features.events import Timeline, timeline

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Log:
    """A log's facts with everything that extractions need, computed once.

    facts: all facts in sequence. executions: the first fact of each execution (N rows).
    """

    facts: pd.DataFrame
    events: Timeline
    executions: pd.DataFrame
    _numbered: dict[str, Ints] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def inputs(self) -> pd.DataFrame:
        """The inputs of the executions, a column each: see `columns.expand`."""
        return expand(self.executions["inputs"])

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
            self._numbered[name] = nothing if column is None else number_words(column)
        return self._numbered[name]


def prepare(facts: pd.DataFrame) -> Log:
    """Prepare facts with EXECUTION_COLUMNS, `seq` and `revision`, in any sequence."""
    seq = facts["seq"].to_numpy(dtype=np.int64)
    if (np.diff(seq) <= 0).any():
        facts = facts.iloc[np.argsort(seq, kind="stable")]
    facts = facts.copy(deep=False)
    facts.index = pd.RangeIndex(len(facts))
    events = timeline(facts)
    return Log(facts, events, _take(facts, events.first))


def _take(facts: pd.DataFrame, rows: Ints) -> pd.DataFrame:
    if rows.size == len(facts):
        return facts
    columns = {name: facts[name].to_numpy()[rows] for name in facts.columns}
    return pd.DataFrame(columns, copy=False)
