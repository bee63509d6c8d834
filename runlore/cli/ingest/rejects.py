"""`runlore ingest rejects`."""

from typing import Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

Limit = Annotated[int, typer.Option(min=1, help="Maximum number of rows.")]


def show_rejects(limit: Limit = 100, json: Json = False) -> None:
    """Show the rejected rows of the latest ingest of each file.

    Example: runlore ingest rejects --limit 20
    """
    from runlore.app import open_app
    from runlore.ingest.actions.files import list_rejects

    with open_app() as app:
        rows = list_rejects(app.store, limit)
    if json:
        emit_json(rows)
    elif rows:
        shown = ("file", "line", "reason", "raw")
        emit_table("Rejected rows", [{name: row[name] for name in shown} for row in rows])
    else:
        echo("no rejected rows")
