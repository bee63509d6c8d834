"""Every table of a report as CSV, which a spreadsheet shows and does not run."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from runlore.kernel.errors import NotFound
from runlore.records.spreadsheet import neutralise
from runlore.reports.rules.advice_part import AdviceRow, SecurityRow, VisitRow
from runlore.reports.rules.document import (
    AlertRow,
    DayRow,
    DecisionRow,
    ForecastRow,
    GroupRow,
    PredictionRow,
    ReportFigure,
    StatusRow,
    VersionRow,
)
from runlore.reports.rules.plan_part import PlannedRow
from runlore.reports.rules.signal_part import SignalRow, SkillRow

Document = Mapping[str, Any]
# In the order of the document's own fields, which the database does not keep.
COLUMNS: dict[str, tuple[str, ...]] = {
    table: tuple(field.name for field in fields(row))
    for table, row in (
        ("figures", ReportFigure),
        ("days", DayRow),
        ("statuses", StatusRow),
        ("groups", GroupRow),
        ("predictions", PredictionRow),
        ("forecast", ForecastRow),
        ("versions", VersionRow),
        ("alerts", AlertRow),
        ("decisions", DecisionRow),
        ("signals", SignalRow),
        ("skill", SkillRow),
        ("plans", PlannedRow),
        ("advice", AdviceRow),
        ("visits", VisitRow),
        ("security", SecurityRow),
    )
}
TABLES = tuple(COLUMNS)


def table_csv(document: Document, table: str) -> str:
    """One table; empty cells are what is not known. Raises NotFound for another name."""
    if table not in TABLES:
        raise NotFound(f"table {table[:80]!r}: a report has {', '.join(TABLES)}")
    rows: Sequence[Mapping[str, Any]] = document.get(table, [])  # older reports lack some
    names = COLUMNS[table]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([neutralise(row[name]) for name in names] for row in rows)
    return text.getvalue()
