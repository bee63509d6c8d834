"""A batch in numbers: what every check compares between a batch and the weeks of training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.quality.rules.batch import MEASURED, ExecutionBatch, Mask, has_value, numeric
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
    """Which rows of a batch of n executions are new, and which repeat earlier ones.

    new: column -> (n,), the cell holds a word that was not known before. repeated: (n,), an earlier
    execution has the same content. twins: (n,), the same execution is recorded under another name.
    """

    new: Mapping[str, Mask]
    repeated: Mask
    twins: Mask

    def take(self, mask: Mask) -> "BatchNovelty":
        new = {name: is_new[mask] for name, is_new in self.new.items()}
        return BatchNovelty(new, self.repeated[mask], self.twins[mask])


def portray(batch: ExecutionBatch, columns: Sequence[Column], seen: BatchNovelty) -> Portrait:
    """Measure the shares, medians and correlations of a batch that the checks compare.

    A key is (check, column), or (check, `ALL`) for the batch as a whole. A column that the batch
    lacks counts as all null; a value that cannot be measured is NaN or has no key.
    """
    portrait: dict[Key, float] = {}
    for column in columns:
        portrait |= _of_column(batch, column, seen)
    portrait[("duplicates", ALL)] = float(seen.twins.mean())
    portrait[("repeats", ALL)] = _share(seen.repeated[batch.content != 0])
    portrait[("order", ALL)] = float(out_of_order(batch).mean())
    portrait[("outcome", "failed")] = _share(batch.failed[np.isfinite(batch.failed)])
    for name, values in (("failed", batch.failed), ("duration_s", _log_durations(batch))):
        portrait[("signal", name)] = signal(batch, values)
    return portrait


def _of_column(batch: ExecutionBatch, column: Column, seen: BatchNovelty) -> Portrait:
    name = column.name
    if name not in batch.table:
        is_open = name.startswith(OF_OUTCOMES) and not np.isfinite(batch.failed).any()
        return {} if is_open else {("nulls", name): 1.0}
    cells = batch.table[name]
    is_known = has_value(cells)
    should = (
        np.isfinite(batch.failed) if name.startswith(OF_OUTCOMES) else np.ones(len(cells), bool)
    )
    if not should.any():
        return {}
    portrait: dict[Key, float] = {("nulls", name): 1 - float(is_known[should].mean())}
    if not is_known.any():
        return portrait
    portrait[("types", name)] = float(other_type(column.kind, cells)[is_known].mean())
    portrait[("constant", name)] = _commonest(cells[is_known])
    portrait[("swapped", name)] = column.distance(cells)
    if column.kind == "text":
        if column.words:
            portrait[("words", name)] = float(seen.new[name][is_known].mean())
        return portrait
    values = numeric(cells)
    values = values[np.isfinite(values)]
    if values.size:
        portrait[("level", name)] = float(np.median(values))
        portrait[("range", name)] = float(beyond(column, values).mean())
    return portrait


def beyond(column: Column, values: Floats) -> Mask:
    """(n,): True where a value lies outside training's range, widened by its own width.

    The lower bound is 0 where training had no negative value; serial numbers have no upper bound.
    """
    lowest, highest = column.knots[0], column.knots[-1]
    width = highest - lowest or abs(highest) or 1.0
    low = 0.0 if lowest >= 0 else lowest - width
    high = np.inf if column.is_counted_up else highest + width
    return (values < low) | (values > high)


def out_of_order(batch: ExecutionBatch) -> Mask:
    """(n,): True where work starts or is known before its submission, or ends before its start."""
    none = np.iinfo(np.int64).min
    start, end, known = batch.started_us, batch.finished_us, batch.known_us
    wrong: Mask = (start != none) & (start < batch.submitted_us)
    wrong |= (end != none) & (start != none) & (end < start)
    wrong |= (end != none) & (end < batch.submitted_us)
    wrong |= (known != none) & (known < batch.submitted_us)
    return wrong


def signal(batch: ExecutionBatch, values: Floats) -> float:
    """How well actor, kind, scope and inputs predict the values: the largest correlation, or NaN.

    The means of groups in every other row are compared with the values of the rows between them,
    so a batch whose outcomes were shuffled comes to about 0.
    """
    known = np.isfinite(values)
    if known.sum() < LEAST_PAIRED:
        return float("nan")
    measured = values[known]
    codes = [_codes(batch.table, names)[known] for names in GROUPINGS]
    codes.append(pd.factorize(batch.request[known])[0].astype(np.int64))
    correlations = [_between_halves(group_codes, measured) for group_codes in codes]
    return float(np.nanmax(correlations)) if np.isfinite(correlations).any() else float("nan")


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
    """Whether all values are equal, up to rounding."""
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())


def _log_durations(batch: ExecutionBatch) -> Floats:
    return np.log1p(np.maximum(numeric(batch.table["duration_s"]), 0.0))


def _commonest(values: "pd.Series[Any]") -> float:
    return float(values.value_counts().iloc[0] / len(values))


def _share(values: NDArray[np.generic]) -> float:
    return float(values.mean()) if values.size else float("nan")
