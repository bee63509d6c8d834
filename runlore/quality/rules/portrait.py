"""A batch in numbers: what every check compares between a batch and the weeks of training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.quality.rules.batch import MEASURED, ExecutionBatch, Mask, is_told, numeric
from runlore.quality.rules.column import Column, other_type
from runlore.quality.rules.verdict import Check

Floats = NDArray[np.float64]

Key = tuple[Check, str]
Portrait = Mapping[Key, float]

GROUPINGS = (("actor",), ("kind",), ("scope",), ("actor", "kind"))
LEAST_PAIRED = 50
ROUNDING = 1e-12
ALL = "*"
OF_OUTCOMES = (*MEASURED, "outcome.")  # Columns that have no value while the work is open


@dataclass(frozen=True, eq=False)
class BatchNovelty:
    """What a batch of n executions says for the first time, or once more.

    new: column -> (n,), a word that was not known before. repeated: (n,), work that went exactly
    so before. twins: (n,), the same execution told under another name.
    """

    new: Mapping[str, Mask]
    repeated: Mask
    twins: Mask

    def take(self, mask: Mask) -> "BatchNovelty":
        new = {name: each[mask] for name, each in self.new.items()}
        return BatchNovelty(new, self.repeated[mask], self.twins[mask])


def portray(batch: ExecutionBatch, columns: Sequence[Column], seen: BatchNovelty) -> Portrait:
    """Shares, middles and correlations of a batch; a column that it lacks is all null."""
    found: dict[Key, float] = {}
    for column in columns:
        found |= _of_column(batch, column, seen)
    found[("duplicates", ALL)] = float(seen.twins.mean())
    found[("repeats", ALL)] = _share(seen.repeated[batch.content != 0])
    found[("order", ALL)] = float(out_of_order(batch).mean())
    found[("outcome", "failed")] = _share(batch.failed[np.isfinite(batch.failed)])
    for name, values in (("failed", batch.failed), ("duration_s", _log_durations(batch))):
        found[("signal", name)] = signal(batch, values)
    return found


def _of_column(batch: ExecutionBatch, column: Column, seen: BatchNovelty) -> Portrait:
    name = column.name
    if name not in batch.table:
        is_open = name.startswith(OF_OUTCOMES) and not np.isfinite(batch.failed).any()
        return {} if is_open else {("nulls", name): 1.0}
    told = batch.table[name]
    is_known = is_told(told)
    should = np.isfinite(batch.failed) if name.startswith(OF_OUTCOMES) else np.ones(len(told), bool)
    if not should.any():
        return {}
    found: dict[Key, float] = {("nulls", name): 1 - float(is_known[should].mean())}
    if not is_known.any():
        return found
    found[("types", name)] = float(other_type(column.kind, told)[is_known].mean())
    found[("constant", name)] = _commonest(told[is_known])
    found[("swapped", name)] = column.distance(told)
    if column.kind == "text":
        found[("words", name)] = float(seen.new[name][is_known].mean())
        return found
    values = numeric(told)
    values = values[np.isfinite(values)]
    if values.size:
        found[("level", name)] = float(np.median(values))
        found[("range", name)] = float(beyond(column, values).mean())
    return found


def beyond(column: Column, values: Floats) -> Mask:
    """Outside of training's range, widened by itself; what was never negative never is, and what
    is counted up goes on."""
    lowest, highest = column.knots[0], column.knots[-1]
    width = highest - lowest or abs(highest) or 1.0
    low = 0.0 if lowest >= 0 else lowest - width
    high = np.inf if column.is_counted_up else highest + width
    return (values < low) | (values > high)


def out_of_order(batch: ExecutionBatch) -> Mask:
    """Where work starts before it is submitted, ends before it starts, or is known before that."""
    none = np.iinfo(np.int64).min
    start, end, known = batch.started_us, batch.finished_us, batch.known_us
    wrong: Mask = (start != none) & (start < batch.submitted_us)
    wrong |= (end != none) & (start != none) & (end < start)
    wrong |= (end != none) & (end < batch.submitted_us)
    wrong |= (known != none) & (known < batch.submitted_us)
    return wrong


def signal(batch: ExecutionBatch, values: Floats) -> float:
    """How well who did what tells the values: the largest correlation over ways to group.

    Means of groups in every other row against the values of the rows between them, so that a
    batch whose outcomes were dealt out anew comes to about 0 whatever it was before.
    """
    known = np.isfinite(values)
    if known.sum() < LEAST_PAIRED:
        return float("nan")
    told = values[known]
    codes = [_codes(batch.table, names)[known] for names in GROUPINGS]
    codes.append(pd.factorize(batch.request[known])[0].astype(np.int64))
    found = [_between_halves(each, told) for each in codes]
    return float(np.nanmax(found)) if np.isfinite(found).any() else float("nan")


def _codes(table: pd.DataFrame, names: Sequence[str]) -> NDArray[np.int64]:
    return np.asarray(table.groupby(list(names), sort=False).ngroup(), dtype=np.int64)


def _between_halves(codes: NDArray[np.int64], values: Floats) -> float:
    half = np.arange(len(values)) % 2
    size = int(codes.max()) + 1
    expected = np.full(len(values), np.nan)
    for mine, other in ((0, 1), (1, 0)):
        theirs = half == other
        counts = np.bincount(codes[theirs], minlength=size)
        sums = np.bincount(codes[theirs], weights=values[theirs], minlength=size)
        means = np.divide(sums, counts, out=np.full(size, np.nan), where=counts > 0)
        expected[half == mine] = means[codes[half == mine]]
    paired = np.isfinite(expected)
    if paired.sum() < LEAST_PAIRED or _is_one(expected[paired]) or _is_one(values[paired]):
        return float("nan")
    return float(np.corrcoef(expected[paired], values[paired])[0, 1])


def _is_one(values: Floats) -> bool:
    """The same value over and over, but for the last digits of its means."""
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())


def _log_durations(batch: ExecutionBatch) -> Floats:
    return np.log1p(np.maximum(numeric(batch.table["duration_s"]), 0.0))


def _commonest(told: "pd.Series[Any]") -> float:
    return float(told.value_counts().iloc[0] / len(told))


def _share(values: NDArray[np.generic]) -> float:
    return float(values.mean()) if values.size else float("nan")
