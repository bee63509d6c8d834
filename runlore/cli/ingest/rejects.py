"""`runlore ingest rejects`."""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json

if TYPE_CHECKING:
    from runlore.ingest.actions.reject_list import FileRejects
    from runlore.ingest.rules.log_warnings import LogWarning
    from runlore.ingest.rules.reject_groups import RejectGroup

Limit = Annotated[
    int | None, typer.Option(min=1, help="Show so many rows one by one instead of by reason.")
]
All = Annotated[bool, typer.Option("--all", help="Show all rows one by one.")]
WIDTH = 80


def show_rejects(limit: Limit = None, every: All = False, json: Json = False) -> None:
    """Show why rows were rejected by the latest ingest of each file, and what to do.

    Rows are grouped by reason, each with a count, its first line and a remedy. Warnings about the
    other rows follow.

    Example: runlore ingest rejects --limit 20
    """
    from runlore.app import open_app
    from runlore.ingest.actions.reject_list import list_reject_groups, list_rejects

    with open_app() as app:
        if every or limit is not None:
            rows = list_rejects(app.store, limit)
            emit_json({"rejects": rows}) if json else _show_rows(rows)
            return
        files = list_reject_groups(app.store)
    if json:
        emit_json({"groups": [row for file in files for row in _rows(file)]})
        return
    if not any(file.rows for file in files):
        echo("no rejected rows")
    for file in files:
        echo(f"{file.file} (source {file.source}): {file.rows:,} rows were rejected")
        show_groups(file.groups)
        show_warnings(file.warnings)
    if any(file.rows for file in files):
        echo("--all shows the rows one by one")


def show_warnings(warnings: Sequence["LogWarning"]) -> None:
    """What a person should know about a log, at most WIDTH columns wide."""
    for warning in warnings:
        _show("warning:  ", warning.message)
        if warning.remedy:
            _show(" " * 10, f"fix: {warning.remedy}")


def show_groups(groups: Sequence["RejectGroup"]) -> None:
    """Rejects by reason, at most WIDTH columns wide."""
    for group in groups:
        reason = group.kind.partition(";")[0]
        _show(f"{group.rows:>8,}  ", f"from line {group.line:,} on: {reason}")
        if group.values:
            _show(" " * 10, f"values: {', '.join(group.values)}")
        _show(" " * 10, f"fix: {group.remedy}")


def _show(start: str, text: str) -> None:
    echo(fill(text, WIDTH, initial_indent=start, subsequent_indent=" " * 12))


def _show_rows(rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        echo("no rejected rows")
    file = None
    for row in rows:
        if row["file"] != file:
            file = row["file"]
            echo(f"{file} (source {row['source']})")
        _show(f"{row['line']:>8,}  ", row["reason"])
        raw = " ".join(str(row["raw"]).split())
        echo(f"{' ' * 10}{raw[: WIDTH - 10]}")


def _rows(file: "FileRejects") -> list[dict[str, Any]]:
    """The groups of a file for programs; `line`, `reason` and `raw` are of the first row."""
    from dataclasses import asdict

    name = {"ingest": file.ingest, "source": file.source, "file": file.file}
    return [name | asdict(group) for group in file.groups]
