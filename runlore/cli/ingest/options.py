"""Options that the commands of ingest share, and the mapping that they declare."""

from pathlib import Path
from typing import Annotated, Any

import typer

from runlore.kernel.errors import BadInput

File = Annotated[Path, typer.Argument(metavar="FILE", help="The log; .gz files are decompressed.")]
Folder = Annotated[
    Path, typer.Argument(metavar="PATH", help="The folder in which the tool ran, or one file.")
]
Source = Annotated[
    str | None,
    typer.Option(help="Name of the source.  [default: from the mapping, or else the file name]"),
]
ToolSource = Annotated[
    str | None, typer.Option(help="Name of the source.  [default: the name of the tool]")
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
        metavar="A,B|KEY=A,…|*",
        help="Columns known at submission; '*': all other columns. text:A, number:A, duration:A and"
        " memory:A say how a column is read.",
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
NoTimes = Annotated[
    bool,
    typer.Option("--no-times", help="The log says no times: its rows come in no order."),
]
Epoch = Annotated[str | None, typer.Option(help="Unit of numeric times since 1970: s, ms or us.")]
Delimiter = Annotated[
    str | None, typer.Option(help="Field separator.  [default: detected in the header]")
]
DateFormat = Annotated[
    list[str] | None,
    typer.Option(
        "--date-format",
        metavar="FORMAT",
        help="Format of times, such as '%d/%m/%Y %H:%M'; may be repeated.",
    ),
]
Decimal = Annotated[str | None, typer.Option(help="Decimal mark of numbers: . or ,")]
Thousands = Annotated[
    str | None, typer.Option(help="Mark between thousands: , . ' _ or a blank.  [default: none]")
]
Missing = Annotated[
    list[str] | None,
    typer.Option("--missing", metavar="WORD", help="A word for no value; may be repeated."),
]
Encoding = Annotated[
    str | None, typer.Option(help="Encoding, such as cp1252.  [default: UTF-8 or UTF-16]")
]
TakeLastLine = Annotated[
    bool, typer.Option("--take-last-line", help="Also read a last line without a line end.")
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show counts, warnings and the first rows; write nothing."),
]
Start = Annotated[
    str | None, typer.Option(help="Start of the log, if its header lacks UnixStartTime.")
]


def read_mapping(
    file: Path | None,
    metrics: bool,
    columns: list[str] | None,
    const: list[str] | None,
    inputs: str | None,
    outcome: str | None,
    status: list[str] | None,
    no_times: bool = False,
) -> dict[str, Any]:
    """The mapping of the file, overridden by the options of the command line."""
    parts: dict[str, Any] = _document(file) if file else {}
    if no_times:
        parts["no_times"] = True
    if metrics:
        parts["records"] = "metrics"
    for part, options in (("columns", columns), ("constants", const), ("status", status)):
        parts[part] = {**parts.get(part, {}), **_pairs(options or [], part)}
    if inputs is not None:
        parts["inputs"] = _keys(inputs)
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


def without_none(**options: str | list[str] | None) -> dict[str, str | list[str]]:
    return {name: value for name, value in options.items() if value}
