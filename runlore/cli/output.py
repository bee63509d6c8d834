"""Output that all commands share: tables for people, JSON for programs."""

import json
import math
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Annotated, Any

import typer

from runlore.kernel.json_values import as_json
from runlore.kernel.redaction import redact, redact_value

_has_emitted_json: ContextVar[bool] = ContextVar("has_emitted_json", default=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def echo(text: object = "", *, err: bool = False) -> None:
    """Print a line."""
    typer.echo(redact(str(text)), err=err)


def emit_json(value: Mapping[str, Any]) -> None:
    """Print the one object of a command: strict JSON, without NaN."""
    plain = redact_value(as_json(value))
    text = json.dumps(plain, default=lambda other: redact(str(other)), allow_nan=False)
    _has_emitted_json.set(True)
    typer.echo(text)


def has_emitted_json() -> bool:
    """Whether this command has printed its document, so that no other may follow."""
    return _has_emitted_json.get()


def forget_emitted_json() -> None:
    """To be called when a command begins."""
    _has_emitted_json.set(False)


def cell_text(value: object) -> str:
    """A value of a table as people read it: nothing where nothing is known.

    >>> cell_text(None), cell_text(math.nan), cell_text(True), cell_text(("a", "b"))
    ('', '', 'yes', 'a, b')
    >>> cell_text(datetime.fromisoformat("2026-11-29T18:44:58.1234+00:00"))
    '2026-11-29 18:44:58'
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list | tuple):
        return ", ".join(map(cell_text, value))
    return str(value)


def emit_secret(text: str) -> None:
    """Print a secret that the user requested; all other output is redacted."""
    typer.echo(text)


def emit_table(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows of equal keys as one table."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for column in rows[0] if rows else ():
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(redact(cell_text(value)) for value in row.values()))
    echo(title)
    Console().print(table)
