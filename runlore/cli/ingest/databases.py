"""`runlore ingest sql`: rows of any database that SQLAlchemy reads."""

import os
from typing import Annotated, Any

import typer

from runlore.cli.ingest.options import (
    Const,
    DateFormat,
    Decimal,
    DryRun,
    Epoch,
    Inputs,
    Map,
    Mapping,
    Metrics,
    Missing,
    Outcome,
    Statuses,
    Thousands,
    Timezone,
    read_mapping,
    without_none,
)
from runlore.cli.ingest.running import (
    FileRun,
    emit_summary,
    progress_bar,
    refuse_nothing,
    show_preview,
    shown_if_behind,
)
from runlore.cli.output import Json

PASSWORD = "RUNLORE_SQL_PASSWORD"  # noqa: S105  (the name of a variable)

Url = Annotated[
    str,
    typer.Argument(metavar="URL", help="Address as SQLAlchemy has it, such as sqlite:///runs.db."),
]
Query = Annotated[
    str | None, typer.Argument(metavar="QUERY", help="The rows to read, as SQL; or --table.")
]
TableName = Annotated[str | None, typer.Option("--table", help="Read all rows of this table.")]
DatabaseSourceName = Annotated[
    str | None,
    typer.Option("--source", help="Name of the source.  [default: of the table or the database]"),
]
After = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="A column that only grows; later imports read on from its end.",
    ),
]
Overlap = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Read again so far below that value.  [default: 600 for times]"
    ),
]


def from_sql(
    url: Url,
    query: Query = None,
    table: TableName = None,
    after: After = None,
    overlap: Overlap = None,
    source: DatabaseSourceName = None,
    metrics: Metrics = False,
    mapping: Mapping = None,
    columns: Map = None,
    const: Const = None,
    inputs: Inputs = None,
    outcome: Outcome = None,
    status: Statuses = None,
    timezone: Timezone = None,
    epoch: Epoch = None,
    date_format: DateFormat = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    missing: Missing = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import rows of a database: SQLite, PostgreSQL, or any other with a SQLAlchemy driver.

    Nothing can be written there. The mapping options are those of csv. Put the password into the
    variable RUNLORE_SQL_PASSWORD, not into the URL, which other users of this machine can see.

    Example: runlore ingest sql sqlite:///runs.db --table runs --after updated_at
    """
    parts = read_mapping(mapping, metrics, columns, const, inputs, outcome, status)
    parts |= without_none(
        timezone=timezone,
        epoch=epoch,
        date_format=date_format,
        decimal=decimal,
        thousands=thousands,
        missing=missing,
    )
    run = FileRun(json, dry_run)
    _ingest(url, (query, table, after), overlap, source, parts, run)


def _ingest(
    url: str,
    query: tuple[str | None, str | None, str | None],
    overlap: float | None,
    source: str | None,
    document: dict[str, Any],
    run: FileRun,
) -> None:
    from runlore.app import open_app
    from runlore.ingest.actions.databases import DatabaseSource, ingest_database, preview_database
    from runlore.ingest.queries.foreign_database import RowQuery
    from runlore.kernel.instants import now
    from runlore.records.mapping import declare, split_source

    named, parts = split_source(document)
    with open_app(delivers=not run.is_dry) as app, progress_bar("rows") as progress:
        rows = DatabaseSource(
            url,
            RowQuery(*query),
            source or named,
            declare(parts),
            os.environ.get(PASSWORD),
            overlap,
            app.settings.max_revisions,
            app.settings.clock_tolerance_s,
        )
        if run.is_dry:
            show_preview(preview_database(rows, now(), progress), run)
            return
        with shown_if_behind(run):
            summary = ingest_database(app.store, rows, now(), progress)
    emit_summary(summary, run)
    if rows.query.after is None:
        refuse_nothing(summary)
