"""`runlore ingest … --dry-run`: what an ingest would do."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runlore.cli.ingest.rejects import show_groups, show_warnings
from runlore.cli.output import echo, emit_json

if TYPE_CHECKING:
    from runlore.ingest.actions.preview import IngestPreview

WIDTH = 80


def emit_preview(preview: "IngestPreview", *, json: bool) -> None:
    """Counts, warnings, reasons of rejects and the first rows."""
    if json:
        emit_json(asdict(preview) | {"dry_run": True})
        return
    skipped = sum(preview.skipped.values())
    things = "executions" if preview.records == "executions" else "points"
    echo(
        f"{preview.path}: {preview.rows:,} rows: {preview.accepted:,} accepted"
        f" ({preview.executions:,} {things}), {preview.rejected:,} rejected, {skipped:,} skipped"
    )
    for reason, rows in sorted(preview.skipped.items()):
        echo(f"skipped: {rows:,} {reason}")
    if preview.unfinished_line is not None:
        echo(f"line {preview.unfinished_line:,} has no line end: --take-last-line takes it")
    show_warnings(preview.warnings)
    show_groups(preview.rejects)
    for row in preview.first:
        echo(f"line {row['line']:,} as it would be stored in source {preview.source}:")
        for name, value in row.items():
            if name != "line":
                _show(name, value)
    echo("nothing was written: without --dry-run the rows are ingested")


def _show(name: str, value: Any) -> None:  # noqa: ANN401  (whatever a field holds)
    parts = value.items() if isinstance(value, Mapping) else [("", value)]
    for key, part in parts:
        label = f"{name}.{key}" if key else name
        echo(f"  {label:<20} {_text(part)}"[:WIDTH])


def _text(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return "-"
    return value.isoformat() if isinstance(value, datetime) else str(value)
