"""`runlore ledger`: search, export, replay and prune the record of all predictions."""

import csv
import sys
from collections.abc import Iterable, Mapping
from itertools import chain
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.serving.queries.ledger_query import LedgerQuery

group = typer.Typer(
    help="Search, export and prune the ledger of all predictions.", no_args_is_help=True
)

Spec = Annotated[str | None, typer.Option(help="Only this spec.")]
Version = Annotated[str | None, typer.Option(help="Only this registered version.")]
Arm = Annotated[
    str | None,
    typer.Option(help="Only this arm: champion, champion-batch, challenger, shadow or batch."),
]
Status = Annotated[int | None, typer.Option(help="Only this HTTP status; 200 is an answer.")]
Execution = Annotated[str | None, typer.Option(help="Only this execution.")]
Since = Annotated[str | None, typer.Option(metavar="ISO", help="Answered at this time or later.")]
Until = Annotated[str | None, typer.Option(metavar="ISO", help="Answered before this time.")]
SHOWN = ("at", "spec", "version", "arm", "status", "prediction", "outcome", "latency_ms", "id")


@group.command("show")
def show(
    spec: Spec = None,
    version: Version = None,
    arm: Arm = None,
    status: Status = None,
    execution: Execution = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 20,
    json: Json = False,
) -> None:
    """Show the newest entries, and counts by status.

    Example: runlore ledger show --spec failure-risk --status 422
    """
    from runlore.app import open_app
    from runlore.serving.queries import ledger_query

    query = _query(spec, version, arm, status, execution, since, until)
    with open_app() as app:
        counted = ledger_query.count(app.store, query)
        entries = list(ledger_query.rows(app.store, query, limit))
    names = ("spec", "version", "arm", "status")
    counts = [{**dict(zip(names, name, strict=True)), "rows": n} for name, n in counted.items()]
    if json:
        emit_json({"counts": counts, "rows": entries})
        return
    if counts:
        emit_table("On the ledger", counts)
        columns = (*SHOWN, "key_id") if any(row["key_id"] for row in entries) else SHOWN
        emit_table(
            "Newest entries", [{name: _shown(row[name]) for name in columns} for row in entries]
        )
    else:
        echo("no ledger entries match")


@group.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="The .csv or .parquet file to write; - prints CSV.")],
    spec: Spec = None,
    version: Version = None,
    arm: Arm = None,
    status: Status = None,
    execution: Execution = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Export entries with the outcomes of their executions.

    The newest are first. In CSV files, text that a spreadsheet would run as a formula is prefixed
    with an apostrophe.

    Example: runlore ledger export answers.parquet --since 2026-11-01T00:00:00Z
    """
    from runlore.app import open_app
    from runlore.kernel.errors import BadInput
    from runlore.serving.queries import ledger_query

    if str(file) != "-" and file.suffix not in (".csv", ".parquet"):
        raise BadInput(f"file: {file} is neither a .csv nor a .parquet file", "file")
    query = _query(spec, version, arm, status, execution, since, until)
    with open_app() as app:
        entries = ledger_query.rows(app.store, query)
        done = _to_parquet(file, entries) if file.suffix == ".parquet" else _to_csv(file, entries)
    echo(f"wrote {done:,} rows to {file}", err=str(file) == "-")


@group.command("replay")
def replay_prediction(
    prediction: Annotated[str, typer.Argument(help="Id of a prediction.")], json: Json = False
) -> None:
    """Repeat a prediction with the same version.

    The exit code is 1 if the answer differs.

    Example: runlore ledger replay 01a1fcec-53f8-7ad1-9f08-2f0e8aaba075
    """
    from uuid import UUID

    from runlore.app import open_app
    from runlore.kernel.errors import BadInput
    from runlore.serving.actions import replay

    try:
        entry_id = UUID(prediction)
    except ValueError as error:
        raise BadInput(f"prediction: {prediction!r} is not a UUID", "prediction") from error
    with open_app() as app:
        repeated = replay.replay(app.store, app.registry, entry_id)
    row = repeated.row
    if json:
        then = {name: row[name] for name in ("spec", "version", "prediction", "low", "high")}
        emit_json({**then, "again": repeated.again, "is_same": repeated.is_same})
    else:
        echo(f"{row['spec']} version {row['version']} answered {row['prediction']}")
        echo(f"and answers {repeated.again} now: {'the same' if repeated.is_same else 'different'}")
    if not repeated.is_same:
        raise typer.Exit(1)


@group.command("prune")
def prune(
    days: Annotated[
        int | None,
        typer.Option(min=1, max=36_500, help="Days to keep.  [default: RUNLORE_LEDGER_DAYS]"),
    ] = None,
    json: Json = False,
) -> None:
    """Delete whole months that ended longer ago.

    Example: runlore ledger prune --days 400
    """
    from runlore.app import open_app
    from runlore.kernel.errors import BadInput
    from runlore.serving.actions import retention

    with open_app() as app:
        days_to_keep = days or app.settings.ledger_days
        if not days_to_keep:
            raise BadInput("days: pass --days N, or set RUNLORE_LEDGER_DAYS", "days")
        gone = retention.prune(app.store, days_to_keep)
    if json:
        emit_json({"dropped": gone})
    else:
        echo(f"dropped {', '.join(gone) or 'nothing'}")


def _query(
    spec: str | None,
    version: str | None,
    arm: str | None,
    status: int | None,
    execution: str | None,
    since: str | None,
    until: str | None,
) -> "LedgerQuery":
    from runlore.kernel import instants
    from runlore.serving.queries.ledger_query import LedgerQuery

    begin = None if since is None else instants.parse(since, "since")
    end = None if until is None else instants.parse(until, "until")
    return LedgerQuery(spec, version, arm, status, execution, begin, end)


def _to_csv(file: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    out = sys.stdout if str(file) == "-" else file.open("w", newline="", encoding="utf-8")
    with out:
        return _write_csv(out, rows)


def _write_csv(out: Any, rows: Iterable[Mapping[str, Any]]) -> int:  # noqa: ANN401  (a text file)
    every = iter(rows)
    first = next(every, None)
    if first is None:
        return 0
    from runlore.records.spreadsheet import neutralise

    writer = csv.writer(out)
    writer.writerow(first)
    done = 0
    for row in chain([first], every):
        writer.writerow([neutralise(_cell(value)) for value in row.values()])
        done += 1
    return done


def _to_parquet(file: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    import pandas as pd

    frame = pd.DataFrame([{name: _plain(value) for name, value in row.items()} for row in rows])
    frame.to_parquet(file, index=False)
    return len(frame)


def _cell(value: object) -> object:
    return dumps(value) if isinstance(value, dict | list) else value


def _plain(value: object) -> object:
    """The value as a type that Parquet has."""
    if isinstance(value, dict) or (
        isinstance(value, list) and value and isinstance(value[0], dict)
    ):
        return dumps(value)
    return str(value) if type(value).__name__ == "UUID" else value


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)
