"""The result of reading a chunk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.validate import Refusals

REJECT_TYPES = pa.schema(
    [
        ("line", pa.int64()),
        ("reason", pa.string()),
        ("raw", pa.string()),
        ("kind", pa.string()),
        ("due", pa.int64()),
    ]
)
VALUES = r"'[^']*'|[0-9][0-9,.]*"
MOST_RAW_CHARACTERS = 2000


@dataclass(frozen=True)
class Parsed:
    """The accepted records and the rejected rows of a chunk, with their lines.

    records: an Arrow table with `line` and EXECUTION_COLUMNS or METRIC_COLUMNS: instants are int64
    microseconds, null where there is none. rejects: REJECT_TYPES, in order of line; `kind` is the
    reason without the row's value, `due` when the row may be judged again.
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


def rejects(
    lines: Any,  # noqa: ANN401  (arrays)
    reasons: Any,  # noqa: ANN401
    raw: Any,  # noqa: ANN401
    kinds: pa.Array | None = None,
    due: pa.Array | None = None,
) -> pa.Table:
    """A table of rejects out of arrays of one length. kinds: None: the reasons without values."""
    reasons = pa.array(reasons, pa.string())
    if kinds is None:
        kinds = pc.replace_substring_regex(reasons, VALUES, "{}")
    columns = [
        pa.array(lines, pa.int64()),
        reasons,
        pa.array(raw, pa.string()),
        kinds,
        pa.nulls(len(reasons), pa.int64()) if due is None else due,
    ]
    return pa.Table.from_arrays(columns, schema=REJECT_TYPES)


def refused(refusals: Refusals, lines: np.ndarray[Any, Any], raw: pa.Array) -> pa.Table:
    """Rejects of refused rows: `lines` are those of all rows, `raw` is of the refused ones."""
    at = lines[refusals.rows]
    return rejects(at, refusals.reasons, raw, refusals.kinds, refusals.due)


def merged(tables: list[pa.Table]) -> pa.Table:
    """Several tables of rejects as one, in order of line."""
    filled = [table for table in tables if table.num_rows]
    if not filled:
        return REJECT_TYPES.empty_table()
    return pa.concat_tables(filled).sort_by("line")
