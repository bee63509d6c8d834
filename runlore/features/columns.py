"""Facts as columns: inputs and outcomes out of their JSON, vectorised."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.json as pa_json
from numpy.typing import NDArray

from runlore.records.execution import NO_INSTANT

Floats = NDArray[np.float64]
JSON_BLOCK_BYTES = 64 << 20


def expand(objects: "pd.Series[str]") -> pd.DataFrame:
    """A frame with one column per key out of JSON objects, a row each; absent keys are null."""
    if not len(objects) or (objects == "{}").all():
        return pd.DataFrame(index=range(len(objects)))
    lines = "\n".join(objects.tolist()).encode()
    options = pa_json.ReadOptions(block_size=min(max(len(lines) + 1, 1024), JSON_BLOCK_BYTES))
    try:
        table = pa_json.read_json(io.BytesIO(lines), read_options=options)
    except pa.ArrowInvalid:  # a key holds numbers in one row and text in another
        return pd.DataFrame.from_records([json.loads(each) for each in objects])
    return table.to_pandas()


def numbers(column: "pd.Series[object]") -> Floats:
    """float64, NaN where there is no number; booleans are 0 and 1."""
    if column.dtype == bool:
        return column.to_numpy(dtype=np.float64)
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


@dataclass(frozen=True)
class Measured:
    """The values that an outcome tells, a column each; NaN where it does not tell."""

    names: tuple[str, ...]
    table: Floats  # (facts, values)


def measure(facts: pd.DataFrame, names: Sequence[str]) -> Measured:
    """`failed`, `duration_s`, `log_duration`, `wait_s` and `outcome.NAME` of each fact."""
    outcomes = expand(facts["outcome"]) if any(n.startswith("outcome.") for n in names) else None
    columns = [_measure_one(facts, outcomes, name) for name in names]
    table = np.column_stack(columns) if columns else np.empty((len(facts), 0))
    return Measured(tuple(names), np.ascontiguousarray(table, dtype=np.float64))


def _measure_one(facts: pd.DataFrame, outcomes: pd.DataFrame | None, name: str) -> Floats:
    if name == "failed":
        return (facts["status"] != "succeeded").to_numpy(dtype=np.float64)
    if name == "duration_s":
        return seconds_between(facts["started"], facts["finished"])
    if name == "log_duration":
        return np.log1p(np.maximum(seconds_between(facts["started"], facts["finished"]), 0.0))
    if name == "wait_s":
        return seconds_between(facts["submitted"], facts["started"])
    key = name.removeprefix("outcome.")
    if outcomes is None or key not in outcomes:
        return np.full(len(facts), np.nan)
    return numbers(outcomes[key])


def seconds_between(start: "pd.Series[int]", end: "pd.Series[int]") -> Floats:
    first, last = start.to_numpy(dtype=np.int64), end.to_numpy(dtype=np.int64)
    known = (first != NO_INSTANT) & (last != NO_INSTANT)
    return np.where(known, (last - np.where(known, first, last)) / 1e6, np.nan)
