"""Output that all commands share: tables for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from runlore.kernel.redaction import redact, redact_value

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


def echo(text: object = "", *, err: bool = False) -> None:
    """Print a line."""
    typer.echo(redact(str(text)), err=err)


def emit_json(value: Any) -> None:  # noqa: ANN401  (whatever json can hold)
    typer.echo(json.dumps(redact_value(value), default=lambda other: redact(str(other))))


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
        table.add_column(column)
    for row in rows:
        table.add_row(*(redact(str(value)) for value in row.values()))
    echo(title)
    Console().print(table)
