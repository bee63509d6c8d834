"""The columns of values that executions are compared by."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.advice.queries.failures import FailureRows
from runlore.advice.rules.causes.columns import (
    FEW_VALUES,
    CauseColumn,
    What,
    flag_column,
    size_columns,
)
from runlore.advice.rules.causes.metric_levels import MetricLevels, level_columns
from runlore.records.measured_afterwards import origin

MOST_INPUTS = 200
MOST_UPSTREAM = 20  # kinds
UPSTREAM_S = 3600.0
PARTS: tuple[What, ...] = ("kind", "scope", "actor")


def cause_columns(
    rows: FailureRows, in_window: NDArray[np.bool_], levels: MetricLevels, window_s: float
) -> list[CauseColumn]:
    """Of kinds, scopes, actors, inputs, failures of other kinds in the scope an hour before, and
    levels of metrics."""
    columns = [_named(part, "", rows.runs[part]) for part in PARTS]
    columns += _inputs(rows, in_window)
    columns += _upstream(rows)
    submitted_s = rows.runs["submitted_s"].to_numpy(np.float64)
    scopes = rows.runs["scope"].to_numpy(str)
    columns += level_columns(levels, submitted_s, scopes, window_s)
    return columns


def _named(what: What, name: str, labels: "pd.Series[str]") -> CauseColumn:
    codes, values = pd.factorize(labels.where(labels != "", None), sort=True)
    return CauseColumn(what, name, codes.astype(np.int64), tuple(map(str, values)))


def _inputs(rows: FailureRows, in_window: NDArray[np.bool_]) -> Iterator[CauseColumn]:
    """Inputs measured afterwards are left out; they say what came of it."""
    size = len(rows.runs)
    counts = rows.inputs["name"].value_counts()
    for name in counts.index[:MOST_INPUTS]:
        if origin(name) is not None:
            continue
        part = rows.inputs[rows.inputs["name"] == name]
        place = part["run"].to_numpy(np.int64)
        number = part["number"].to_numpy(np.float64)
        if np.isfinite(number).all() and part["label"].nunique() > FEW_VALUES:
            values = np.full(size, np.nan)
            values[place] = number
            yield from size_columns(name, values, in_window)
            continue
        codes, labels = pd.factorize(part["label"], sort=True)
        whole = np.full(size, -1, np.int64)
        whole[place] = codes
        yield CauseColumn("input", name, whole, tuple(map(str, labels)))


def _upstream(rows: FailureRows) -> Iterator[CauseColumn]:
    runs, failures = rows.runs, rows.upstream
    for kind in failures["kind"].value_counts().index[:MOST_UPSTREAM]:
        flags = np.zeros(len(runs), bool)
        of_kind = failures[failures["kind"] == kind]
        for scope, ended in of_kind.groupby("scope")["finished_s"]:
            at = np.flatnonzero((runs["scope"] == scope) & (runs["kind"] != kind))
            times = np.sort(ended.to_numpy(np.float64))
            begun = runs["submitted_s"].to_numpy(np.float64)[at]
            last = np.searchsorted(times, begun, side="right") - 1
            flags[at] = (last >= 0) & (begun - times[last] <= UPSTREAM_S)
        yield flag_column("earlier failure", str(kind), "in the same scope, an hour before", flags)
