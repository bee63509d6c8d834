"""`runlore look`: from a raw export to one page, without a server or a database."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.ingest.options import (
    Const,
    DateFormat,
    Decimal,
    Delimiter,
    Encoding,
    Epoch,
    File,
    Inputs,
    Map,
    Mapping,
    Missing,
    Outcome,
    Start,
    Statuses,
    Thousands,
    Timezone,
    read_mapping,
    without_none,
)
from runlore.cli.ingest.running import progress_bar
from runlore.cli.output import Json, echo, emit_json

if TYPE_CHECKING:
    from runlore.look.actions.reading import LogChoice

Format = Annotated[
    str | None,
    typer.Option("--format", help="Format, as a command of `runlore ingest`.  [default: detected]"),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="The page.  [default: NAME.look.html in the current folder]"
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is no such page.")]
Price = Annotated[
    float | None,
    typer.Option("--price-per-hour", min=0.0, help="What one of the saved hours costs."),
]
HideNames = Annotated[
    bool, typer.Option("--hide-names", help="Show numbers in place of users, kinds and hosts.")
]


def look(
    file: File,
    output: Output = None,
    force: Force = False,
    price_per_hour: Price = None,
    hide_names: HideNames = False,
    format: Format = None,  # noqa: A002  (the option's name)
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
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    start: Start = None,
    json: Json = False,
) -> None:
    """Make one page of a log: what failed, what was foreseeable, what better limits would save.

    Nothing is stored and no server is needed. The format is detected, and the columns of a table
    are guessed by their names; the options of `runlore ingest csv` say what is otherwise.

    Example: runlore look CTC-SP2-1996-3.1-cln.swf.gz
    """
    parts = read_mapping(mapping, False, columns, const, inputs, outcome, status)
    parts |= without_none(
        timezone=timezone,
        epoch=epoch,
        date_format=date_format,
        decimal=decimal,
        thousands=thousands,
        missing=missing,
        delimiter=delimiter,
        encoding=encoding,
    )
    page = _page_of(file, output, force)
    _write(_choice(file, format, parts, start), page, price_per_hour, hide_names, json)


def _page_of(file: Path, output: Path | None, force: bool) -> Path:
    from runlore.look.views.page_file import default_path, refuse_other_file

    page = output or default_path(file)
    refuse_other_file(page, force=force)
    return page


def _choice(
    file: Path, named: str | None, document: dict[str, object], start: str | None
) -> "LogChoice":
    from runlore.kernel.errors import BadInput
    from runlore.kernel.instants import parse
    from runlore.look.actions.reading import LogChoice
    from runlore.look.rules.detection import FILE_KINDS, FileKind

    if named is not None and named not in FILE_KINDS:
        raise BadInput(f"format: {named!r} is none of {', '.join(FILE_KINDS)}", "format")
    kind: FileKind | None = next((one for one in FILE_KINDS if one == named), None)
    began = None if start is None else parse(start, "start")
    document.pop("source", None)
    return LogChoice(file, kind, document, began)


def _write(
    choice: "LogChoice", page: Path, price_per_hour: float | None, hides_names: bool, json: bool
) -> None:
    from runlore.kernel.instants import now
    from runlore.look.actions.looking import LookOptions, as_document, look_at_file
    from runlore.look.views.page import render_page
    from runlore.look.views.page_file import write_page

    at = now()
    options = LookOptions(price_per_hour, hides_names)
    with progress_bar(choice.path.name) as progress:
        findings = look_at_file(choice, options, at, _say(), progress)
    write_page(page, render_page(findings, f"{at:%Y-%m-%d}"))
    if json:
        emit_json({**as_document(findings), "page": str(page)})
        return
    for sentence in findings.verdict:
        echo(sentence)
    echo(f"{page}: open it in a browser")


def _say() -> Callable[[str], None]:
    """Steps on standard error, each with the seconds since the beginning."""
    from time import perf_counter

    began = perf_counter()
    return lambda text: echo(f"{perf_counter() - began:6.1f} s  {text}", err=True)
