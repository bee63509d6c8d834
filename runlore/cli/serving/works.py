"""What the commands before a run are asked about: options of one execution, or a file of many."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from runlore.kernel.errors import BadInput

Actor = Annotated[str | None, typer.Option(help="Who asks for the work.")]
Kind = Annotated[str | None, typer.Option(help="What sort of work it is.")]
Scope = Annotated[str, typer.Option(help="On or for what, such as a project or a host.")]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="NAME=VALUE",
        help="An input of the work; once for each. A number, true or false is one; in double"
        " quotes it is text.",
    ),
]
Execution = Annotated[
    str | None,
    typer.Option(help="Id of the execution, by which its outcome is joined with the answer."),
]
File = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Requests as JSON: an object, a list, or one object per line; - is standard input.",
    ),
]


@dataclass(frozen=True)
class WorkRequest:
    """One execution to predict for, as HTTP takes it. texts: inputs as they were typed."""

    body: Mapping[str, Any]
    texts: Mapping[str, str] = field(default_factory=dict)

    def as_text(self, name: str) -> "WorkRequest":
        """The same with an input as text: what looks like a number may be a word."""
        inputs = {**self.body["inputs"], name: self.texts[name]}
        texts = {known: text for known, text in self.texts.items() if known != name}
        return WorkRequest({**self.body, "inputs": inputs}, texts)


def read_works(
    actor: str | None,
    kind: str | None,
    scope: str,
    inputs: Sequence[str] | None,
    execution: str | None,
    file: str | None = None,
) -> list[WorkRequest]:
    """Raises BadInput for options that say nothing, or say it twice."""
    if file is not None:
        if actor is not None or kind is not None or scope or inputs or execution is not None:
            raise BadInput(
                "file: a file says all of a request; leave the other options out", "file"
            )
        return _of_file(file)
    for name, value in (("actor", actor), ("kind", kind)):
        if value is None:
            raise BadInput(
                f'{name}: is missing; pass --{name} NAME, or "" if it is not known', name
            )
    texts = dict(_pair(text) for text in inputs or ())
    body = {
        "actor": actor,
        "kind": kind,
        "scope": scope,
        "inputs": {name: _value(text) for name, text in texts.items()},
    }
    if execution is not None:
        body["execution"] = execution
    return [WorkRequest(body, texts)]


def read_inputs(inputs: Sequence[str] | None) -> dict[str, Any]:
    """The values of NAME=VALUE, by name. Raises BadInput."""
    return {name: _value(text) for name, text in map(_pair, inputs or ())}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise BadInput(f"input: {text[:80]!r} is not NAME=VALUE", "input")
    return name, value


def _value(text: str) -> str | float | int | bool | None:
    """What is JSON's number, text, true, false or null is one; everything else is text.

    >>> _value("4"), _value("true"), _value("long"), _value('"4"'), _value("007"), _value("NaN")
    (4, True, 'long', '4', '007', 'NaN')
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, float) and not math.isfinite(value):
        return text
    return value if value is None or isinstance(value, str | float | int | bool) else text


def _of_file(name: str) -> list[WorkRequest]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"file: {name}: {error.strerror}", "file") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"file: {name} is not UTF-8 text; save it as JSON", "file") from error
    bodies = _parsed(name, text)
    if not bodies:
        raise BadInput(f"file: {name} has no request", "file")
    for number, body in enumerate(bodies, 1):
        if not isinstance(body, dict):
            raise BadInput(f"file: request {number} of {name} is not a JSON object", "file")
    return [WorkRequest(body) for body in bodies]


def _parsed(name: str, text: str) -> list[Any]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return [
            _line(name, number, line)
            for number, line in enumerate(text.splitlines(), 1)
            if line.strip()
        ]
    return whole if isinstance(whole, list) else [whole]


def _line(name: str, number: int, line: str) -> Any:  # noqa: ANN401  (JSON)
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"file: line {number} of {name} is not JSON: {error}", "file") from error
