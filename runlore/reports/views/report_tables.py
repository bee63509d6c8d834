"""Every table of a report as CSV, which a spreadsheet shows and does not run."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from runlore.kernel.errors import NotFound
from runlore.records.spreadsheet import neutralise

TABLES = (
    "figures",
    "days",
    "statuses",
    "groups",
    "predictions",
    "forecast",
    "versions",
    "alerts",
    "decisions",
)
Document = Mapping[str, Any]
# The columns of a table without rows.
COLUMNS: dict[str, tuple[str, ...]] = {
    "predictions": ("spec", "answered", "refused", "judged", "score", "unit", "value", "low",
                    "high", "simple", "unknown"),
    "groups": ("part", "name", "executions", "finished", "failed", "run_h", "failed_h", "rate",
               "rate_before", "change", "p_value"),
    "statuses": ("status", "executions", "before"),
    "versions": ("at", "spec", "what", "version", "actor"),
    "alerts": ("kind", "opened", "resolved", "open"),
    "decisions": ("subject", "what", "command", "since"),
}  # fmt: skip


def table_csv(document: Document, table: str) -> str:
    """One table; empty cells are what is not known. Raises NotFound for another name."""
    if table not in TABLES:
        raise NotFound(f"table {table[:80]!r}: a report has {', '.join(TABLES)}")
    rows: Sequence[Mapping[str, Any]] = document[table]
    names = tuple(rows[0]) if rows else COLUMNS.get(table, ())
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([neutralise(row[name]) for name in names] for row in rows)
    return text.getvalue()
