"""Executions that came in together, as columns: what the checks look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import mapped_arrays
from runlore.features.columns import expand, measure, numbers
from runlore.features.log import Log
from runlore.features.mapped_arrays import moved
from runlore.records.execution import NO_INSTANT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Hashes = NDArray[np.uint64]

PARTS = ("actor", "kind", "scope")
LATEST = ("status", "submitted", "started", "finished", "outcome")  # of the latest fact
MEASURED = ("duration_s", "wait_s")
HASHED_AT_ONCE = 100_000
HOUR_US = 3_600_000_000
WEEK_HOURS = 168
MONDAY_HOURS = 3 * 24  # from a Monday to 1970-01-01, a Thursday


@dataclass(frozen=True, eq=False)
class ExecutionBatch:
    """n executions in the order of their submission.

    table: the columns `actor`, `kind`, `scope`, `inputs.NAME`, `outcome.NAME`, `duration_s` and
    `wait_s`: float64, where NaN means no value, or objects, where None or "" does.
    submitted_us, started_us, finished_us, known_us: (n,), NO_INSTANT where there is none.
    failed: (n,) 1 or 0, NaN while the work is open.
    twin: (n,) hash of an execution's content and submission, without its name.
    content: (n,) hash of an execution without its name and instants; 0 while the work is open.
    request: (n,) hash of actor, kind and inputs: equal where the same work was requested.
    """

    table: pd.DataFrame
    submitted_us: Ints
    started_us: Ints
    finished_us: Ints
    known_us: Ints
    failed: Floats
    twin: Hashes
    content: Hashes
    request: Ints

    def __len__(self) -> int:
        return len(self.submitted_us)

    def take(self, mask: Mask) -> "ExecutionBatch":
        """The rows where an (n,) mask is True, in their order."""
        parts: Mapping[str, Any] = vars(self)
        names = [name for name in self.__dataclass_fields__ if name != "table"]
        table = self.table.loc[mask].reset_index(drop=True)
        return ExecutionBatch(table, **{name: parts[name][mask] for name in names})


def gather(log: Log, chosen: Ints, until_us: int | None = None) -> ExecutionBatch:
    """The executions at these positions of a log, each with its latest outcome.

    chosen: positions in `log.executions`. until_us: outcomes that became known later are left out.
    """
    submitted = log.executions["submitted"].to_numpy(dtype=np.int64)
    chosen = chosen[np.argsort(submitted[chosen], kind="stable")]
    submitted = moved(submitted[chosen])
    final = log.events.final[chosen]
    known_at = log.facts["known_at"].to_numpy(dtype=np.int64)
    is_known = (final >= 0) & (until_us is None or known_at[final] <= until_us)
    latest = np.where(is_known, final, log.events.first[chosen])
    facts = log.facts[[*LATEST]].iloc[latest]
    mapped_arrays.release()
    table = _table(log, chosen, facts, is_known)
    mapped_arrays.release()
    for name, values in _outcomes(log, latest).items():
        table[name] = values
    failed = np.where(is_known, measure(facts, ["failed"]).table[:, 0], np.nan)
    started, finished = (facts[name].to_numpy(dtype=np.int64) for name in ("started", "finished"))
    if until_us is not None:
        started = np.where(started <= until_us, started, NO_INSTANT)
    finished = np.where(is_known, finished, NO_INSTANT)
    mapped_arrays.release()
    inputs = moved(log.input_hashes[chosen])
    measured = (table["wait_s"], table["duration_s"])
    content = _hashes(*(table[name] for name in PARTS), inputs, facts["status"], *measured)
    is_whole = is_known & (finished != NO_INSTANT)
    return ExecutionBatch(
        table=table,
        submitted_us=submitted,
        started_us=moved(started),
        finished_us=moved(finished),
        known_us=moved(np.where(is_known, known_at[final], NO_INSTANT)),
        failed=moved(failed),
        twin=_hashes(content, submitted),
        content=moved(np.where(is_whole, content, np.uint64(0))),
        request=_hashes(table["actor"], table["kind"], inputs).view(np.int64),
    )


def _table(log: Log, chosen: Ints, facts: pd.DataFrame, is_known: Mask) -> pd.DataFrame:
    """The columns of a batch but for `outcome.NAME`."""
    columns: dict[str, Any] = {name: log.executions[name].to_numpy()[chosen] for name in PARTS}
    inputs = log.inputs
    columns |= {f"inputs.{name}": moved(inputs[name].to_numpy()[chosen]) for name in inputs.columns}
    measured = measure(facts, MEASURED).table
    columns |= {
        name: moved(np.where(is_known, measured[:, at], np.nan)) for at, name in enumerate(MEASURED)
    }
    return pd.DataFrame(columns, copy=False)


def _outcomes(log: Log, latest: Ints) -> dict[str, NDArray[Any]]:
    outcome = expand(log.facts["outcome"], latest)
    return {f"outcome.{name}": outcome[name].to_numpy() for name in outcome.columns}


def _hashes(*columns: "pd.Series[Any] | NDArray[Any]") -> Hashes:
    """(n,): a number for each row of columns; the same for equal rows."""
    arrays = [np.asarray(column) for column in columns]
    hashes: Hashes = mapped_arrays.empty((len(arrays[0]),), np.uint64)
    for first in range(0, len(hashes), HASHED_AT_ONCE):
        part = slice(first, first + HASHED_AT_ONCE)
        rows = pd.DataFrame({str(at): column[part] for at, column in enumerate(arrays)})
        hashes[part] = pd.util.hash_pandas_object(rows, index=False)
    return hashes


def has_value(column: "pd.Series[Any]") -> Mask:
    """(n,): True where a cell is neither null nor the empty text."""
    is_present = column.notna().to_numpy()
    return is_present & (column != "").to_numpy() if column.dtype == object else is_present


def numeric(column: "pd.Series[Any]") -> Floats:
    """The column as (n,) float64; NaN where a cell is empty or no number."""
    return numbers(column)
