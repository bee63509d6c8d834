"""The result of reading a chunk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from runlore.records.validate import Refusals

REJECT_TYPES = pa.schema([("line", pa.int64()), ("reason", pa.string()), ("raw", pa.string())])
MOST_RAW_CHARACTERS = 2000


@dataclass(frozen=True)
class Parsed:
    """The accepted records and the rejected rows of a chunk, with their lines.

    records: an Arrow table with `line` and EXECUTION_COLUMNS or METRIC_COLUMNS: instants are int64
    microseconds, null where there is none. rejects: `line`, `reason`, `raw`, in order of line.
    skipped: reason -> how many rows are no executions of their own, such as the steps of a job.
    warnings: what a person should know about accepted rows -> how many they are.
    """

    records: pa.Table
    rejects: pa.Table
    skipped: Mapping[str, int] = field(default_factory=dict)
    warnings: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return int(self.records.num_rows + self.rejects.num_rows) + sum(self.skipped.values())


def rejects(lines: Any, reasons: Any, raw: Any) -> pa.Table:  # noqa: ANN401  (arrays)
    """A table of rejects out of three arrays of one length."""
    columns = [
        pa.array(lines, pa.int64()),
        pa.array(reasons, pa.string()),
        pa.array(raw, pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=REJECT_TYPES)


def refused(refusals: Refusals, lines: np.ndarray[Any, Any], raw: pa.Array) -> pa.Table:
    """Rejects of refused rows: `lines` are those of all rows, `raw` is of the refused ones."""
    return rejects(lines[refusals.rows], refusals.reasons, raw)


def merged(tables: list[pa.Table]) -> pa.Table:
    """Several tables of rejects as one, in order of line."""
    filled = [table for table in tables if table.num_rows]
    if not filled:
        return REJECT_TYPES.empty_table()
    return pa.concat_tables(filled).sort_by("line")
