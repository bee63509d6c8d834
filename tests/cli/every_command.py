"""Run every command of the app in this process, and print what each came to as one object.

    python every_command.py "" "--json"

Each argument stands for words that are added to each command, after the least that it needs.
"""

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import typer

from runlore.cli import app, main


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(group, "commands"):
        yield path, group
        return
    for name, command in group.commands.items():
        yield from commands(command, (*path, name))


def required(command: Any) -> list[str]:
    """The least that a command needs: numbers, which also name nothing that there is."""
    arguments = []
    for parameter in command.params:
        if not parameter.required:
            continue
        is_option = parameter.param_type_name == "option"
        arguments += [parameter.opts[0], "1"] if is_option else ["1"]
    return arguments


def run(arguments: list[str]) -> dict[str, Any]:
    output, errors = io.StringIO(), io.StringIO()
    sys.argv = ["runlore", *arguments]
    code: object = None
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    return {"code": code, "stdout": output.getvalue(), "stderr": errors.getvalue()}


if __name__ == "__main__":
    typer.main.get_command = cache(typer.main.get_command)
    every = list(commands(typer.main.get_command(app)))
    results = {
        added: {
            " ".join(path): run([*path, *required(command), *added.split()])
            for path, command in every
        }
        for added in sys.argv[1:]
    }
    sys.stdout.write(json.dumps(results))
