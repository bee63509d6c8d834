"""`runlore ingest`: import executions and metrics."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.kernel.errors import BadInput
from runlore.kernel.redaction import redact

if TYPE_CHECKING:
    from runlore.ingest.actions.files import Format, IngestSummary
    from runlore.records.mapping import ColumnMapping
    from runlore.settings import Settings

group = typer.Typer(
    help="Import executions and metrics from files and servers.", no_args_is_help=True
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The log; .gz files are decompressed.")]
Source = Annotated[
    str | None,
    typer.Option(help="Name of the source.  [default: from the mapping, or else the file name]"),
]
Metrics = Annotated[
    bool, typer.Option("--metrics", help="The rows are metric points, not executions.")
]
Mapping = Annotated[
    Path | None,
    typer.Option("--mapping", help="Read the mapping from a .toml, .yaml or .json file."),
]
Map = Annotated[
    list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Read FIELD from COLUMN.")
]
Const = Annotated[
    list[str] | None, typer.Option("--const", metavar="FIELD=VALUE", help="Set FIELD on every row.")
]
Inputs = Annotated[
    str | None,
    typer.Option(
        metavar="A,B|KEY=A,…|*", help="Columns known at submission; '*': all other columns."
    ),
]
Outcome = Annotated[
    str | None, typer.Option(metavar="A,B|KEY=A,…", help="Columns with measured results.")
]
Statuses = Annotated[
    list[str] | None,
    typer.Option(
        "--status", metavar="WORD=STATUS", help="Map a status word of the log to a status."
    ),
]
Timezone = Annotated[str | None, typer.Option(help="Zone of times without one.  [default: UTC]")]
Epoch = Annotated[str | None, typer.Option(help="Unit of numeric times since 1970: s, ms or us.")]
Delimiter = Annotated[
    str | None, typer.Option(help="Field separator.  [default: detected in the header]")
]
Start = Annotated[
    str | None, typer.Option(help="Start of the log, if its header lacks UnixStartTime.")
]
Limit = Annotated[int, typer.Option(min=1, help="Maximum number of rows.")]


@group.command("csv")
def from_csv(
    file: File,
    source: Source = None,
    metrics: Metrics = False,
    mapping: Mapping = None,
    columns: Map = None,
    const: Const = None,
    inputs: Inputs = None,
    outcome: Outcome = None,
    status: Statuses = None,
    timezone: Timezone = None,
    epoch: Epoch = None,
    delimiter: Delimiter = None,
    json: Json = False,
) -> None:
    """Import a CSV file with a header line.

    Fields are separated by comma, semicolon, tab or bar. Each field is read from the column with
    its name, unless --map names another. Fields of executions: id actor kind scope submitted
    started finished duration_s status known_at. Fields of metrics: name scope at value known_at.

    Example: runlore ingest csv builds.csv --map submitted=queued_at --map status=result
    """
    parts = _mapping(mapping, metrics, columns, const, inputs, outcome, status)
    parts |= _without_none(timezone=timezone, epoch=epoch, delimiter=delimiter)
    _ingest_columns(file, "csv", source, parts, json=json)


@group.command("parquet")
def from_parquet(
    file: File,
    source: Source = None,
    metrics: Metrics = False,
    mapping: Mapping = None,
    columns: Map = None,
    const: Const = None,
    inputs: Inputs = None,
    outcome: Outcome = None,
    status: Statuses = None,
    timezone: Timezone = None,
    epoch: Epoch = None,
    json: Json = False,
) -> None:
    """Import a Parquet file. The mapping options are those of csv.

    Example: runlore ingest parquet runs.parquet --mapping runs.toml
    """
    parts = _mapping(mapping, metrics, columns, const, inputs, outcome, status)
    parts |= _without_none(timezone=timezone, epoch=epoch)
    _ingest_columns(file, "parquet", source, parts, json=json)


@group.command("swf")
def from_swf(file: File, source: Source = None, start: Start = None, json: Json = False) -> None:
    """Import a log in the Standard Workload Format (SWF).

    Example: runlore ingest swf CTC-SP2-1996-3.1-cln.swf.gz
    """
    from runlore.kernel.instants import parse
    from runlore.records.mapping import ColumnMapping

    began = None if start is None else parse(start, "start")
    _ingest(file, "swf", source or _stem(file), ColumnMapping(), began, json=json)


@group.command("prefect")
def from_prefect(
    api_url: Annotated[
        str | None,
        typer.Option(help="API of the Prefect server.  [default: RUNLORE_PREFECT_API_URL]"),
    ] = None,
    source: Annotated[str, typer.Option(help="Name of the source.")] = "prefect",
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="PREFECT_API_KEY",
            help="API key, sent as a bearer token unless PREFECT_API_AUTH_STRING is set.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Import the flow runs of a Prefect server.

    Later imports read only what may have changed.

    Example: runlore ingest prefect --api-url http://127.0.0.1:4200/api
    """
    from runlore.app import open_app
    from runlore.ingest.actions.files import PrefectSource, StatesBehind, ingest_prefect
    from runlore.kernel.instants import now

    with open_app() as app:
        headers = _prefect_headers(app.settings, api_url, api_key)
        most = app.settings.max_revisions
        server = PrefectSource(api_url or app.settings.prefect_url, source, headers, most)
        with _bar(server.api_url) as progress:
            try:
                summary = ingest_prefect(app.store, server, now(), progress)
            except StatesBehind as behind:
                _emit(behind.summary, json=json)
                raise
    _emit(summary, json=json)


def _prefect_headers(
    chosen: "Settings", api_url: str | None, api_key: str | None
) -> dict[str, str]:
    """Send the home's login only to the home's own server: this user's process on its port."""
    from runlore.registry.credentials import listens_as
    from runlore.web import prefect_login

    is_own = api_url is None and chosen.prefect_api_url is None
    if is_own and listens_as(chosen.prefect_port, os.getuid()):
        return prefect_login.authorization(chosen.home)
    return prefect_login.authorization_header(os.environ.get(prefect_login.LOGIN), api_key)


@group.command()
def rejects(limit: Limit = 100, json: Json = False) -> None:
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


def _ingest_columns(
    file: Path, file_format: "Format", source: str | None, document: dict[str, Any], *, json: bool
) -> None:
    from runlore.records.mapping import declare, split_source

    named, parts = split_source(document)
    _ingest(file, file_format, source or named or _stem(file), declare(parts), None, json=json)


def _ingest(
    file: Path,
    file_format: "Format",
    source: str,
    mapping: "ColumnMapping",
    start: Any,  # noqa: ANN401  (a datetime, whose module need not be imported for --help)
    *,
    json: bool,
) -> None:
    from runlore.app import open_app
    from runlore.ingest.actions.files import FileSource, StatesBehind, ingest_file
    from runlore.kernel.instants import now

    with open_app() as app, _bar(file.name) as progress:
        most = app.settings.max_revisions
        log = FileSource(file, file_format, source, mapping, start, max_revisions=most)
        try:
            summary = ingest_file(app.store, log, now(), progress)
        except StatesBehind as behind:
            _emit(behind.summary, json=json)
            raise
    _emit(summary, json=json)


def _mapping(
    file: Path | None,
    metrics: bool,
    columns: list[str] | None,
    const: list[str] | None,
    inputs: str | None,
    outcome: str | None,
    status: list[str] | None,
) -> dict[str, Any]:
    """The mapping of the file, overridden by the options of the command line."""
    parts: dict[str, Any] = _document(file) if file else {}
    if metrics:
        parts["records"] = "metrics"
    for part, options in (("columns", columns), ("constants", const), ("status", status)):
        parts[part] = {**parts.get(part, {}), **_pairs(options or [], part)}
    if inputs is not None:
        parts["inputs"] = "*" if inputs == "*" else _keys(inputs)
    if outcome is not None:
        parts["outcome"] = _keys(outcome)
    return parts


def _document(file: Path) -> dict[str, Any]:
    import tomllib

    import yaml

    try:
        text = file.read_text(encoding="utf-8")
        document = tomllib.loads(text) if file.suffix == ".toml" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"mapping {file}: {' '.join(str(error).split())}", "mapping") from error
    if not isinstance(document, dict):
        raise BadInput(f"mapping {file}: it is not a table of parts such as columns", "mapping")
    return document


def _pairs(options: list[str], part: str) -> dict[str, str]:
    pairs = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not (name and equals and value):
            raise BadInput(f"{part}: {option!r} is not NAME=VALUE", part)
        pairs[name.strip()] = value.strip()
    return pairs


def _keys(listed: str) -> dict[str, str]:
    """`a,b=c` as {"a": "a", "b": "c"}."""
    names = [name.strip() for name in listed.split(",") if name.strip()]
    return {key: column or key for key, _, column in (name.partition("=") for name in names)}


def _without_none(**options: str | None) -> dict[str, str]:
    return {name: value for name, value in options.items() if value is not None}


def _stem(file: Path) -> str:
    name = file.name.removesuffix(".gz")
    return name.rsplit(".", 1)[0] or name


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    shown = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*shown, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(redact(what), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _emit(summary: "IngestSummary", *, json: bool) -> None:
    from dataclasses import asdict

    if json:
        emit_json(asdict(summary))
        return
    echo(
        f"{summary.path}: {summary.new:,} new, {summary.known:,} already known,"
        f" {summary.rejected:,} rejected; {summary.seconds:.1f} s"
        + (f", {summary.rows_per_s:,.0f} rows/s" if summary.rows_per_s else "")
    )
    if summary.renewed and not summary.new:
        echo("the states of features were renewed, which an earlier ingest had left behind")
    if summary.rejected:
        echo("see `runlore ingest rejects` for the rejected rows and the reasons")
