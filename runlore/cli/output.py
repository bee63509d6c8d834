"""What every command says the same way: tables for people, JSON for machines."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]


def emit_json(value: Any) -> None:  # noqa: ANN401  (whatever json can hold)
    typer.echo(json.dumps(value, default=str))


def emit_table(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows of equal keys as one table."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for column in rows[0] if rows else ():
        table.add_column(column)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    typer.echo(title)
    Console().print(table)
