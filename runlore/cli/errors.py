"""What a command says when it fails: one clear line, and with --json one object as well.

The object is `{"error": {"kind", "message", "field", "exit_code"}}` on standard output, unless the
command has printed its document already. The line goes to standard error in any case.
"""

import errno
import os
import re
import signal
import sys
import traceback
from dataclasses import asdict, dataclass
from typing import cast

import typer

from runlore.cli.output import echo, emit_json, has_emitted_json
from runlore.home import home_of, private_home
from runlore.kernel.errors import RunloreError, describe, is_disk_full
from runlore.kernel.extras import is_of_missing_extra, missing_extra
from runlore.kernel.redaction import redact

DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
STOPPED_CODE = 128 + signal.SIGTERM
INTERRUPTED_CODE = 128 + signal.SIGINT
USAGE_CODE = 2
WORD_STARTS = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class CommandError:
    """kind: the class of the error in lower case, such as `bad-input`. field: what is wrong."""

    kind: str
    message: str
    field: str | None = None
    exit_code: int = 1


class Stopped(Exception):
    """The command was asked to end, and has."""


def report(error: BaseException) -> int:
    """Say what is wrong; returns the exit code."""
    failure = failure_of(error)
    _show(error, failure)
    if "--json" in sys.argv and not has_emitted_json():
        emit_json({"error": asdict(failure)})
    return failure.exit_code


def failure_of(error: BaseException) -> CommandError:
    """The error as a program reads it."""
    if isinstance(error, Stopped):
        return CommandError("stopped", f"stopped: {error}", exit_code=STOPPED_CODE)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return CommandError("interrupted", "interrupted", exit_code=INTERRUPTED_CODE)
    if is_usage(error):
        words = " ".join(error.format_message().split())  # type: ignore[attr-defined]
        return CommandError("usage", words, _option(error), USAGE_CODE)
    kind = WORD_STARTS.sub("-", type(error).__name__).lower()
    if isinstance(error, RunloreError):
        return CommandError(kind, str(error), getattr(error, "field", None))
    return CommandError("unexpected" if _is_unexpected(error) else kind, _describe(error))


def is_usage(error: BaseException) -> bool:
    """Whether the command line is wrong; typer keeps the class of such errors to itself."""
    return callable(getattr(error, "format_message", None)) and hasattr(error, "exit_code")


def _option(error: BaseException) -> str | None:
    option = getattr(error, "option_name", None) or getattr(
        getattr(error, "param", None), "name", None
    )
    return None if option is None else str(option)


def _show(error: BaseException, failure: CommandError) -> None:
    if is_usage(error):
        error.show()  # type: ignore[attr-defined]
        return
    echo(f"runlore: {failure.message}", err=True)
    if isinstance(error, Exception) and failure.kind == "unexpected":
        echo(_keep_trace(error), err=True)


def _is_unexpected(error: BaseException) -> bool:
    return not (_is_denied(error) or is_disk_full(error) or is_of_missing_extra(error))


def _is_denied(error: BaseException) -> bool:
    """Whether a file or folder cannot be written, which is for the user to put right."""
    return isinstance(error, OSError) and error.errno in DENIED and error.filename is not None


def _describe(error: BaseException) -> str:
    if _is_denied(error):
        named = cast("OSError", error)
        return (
            f"{named.filename}: {named.strerror}; give this user the right to write there, or set"
            " RUNLORE_HOME to another folder"
        )
    if is_of_missing_extra(error):
        return missing_extra(cast("ModuleNotFoundError", error), "this command", "all")
    if is_disk_full(error):
        return f"{error}; free some space on that disk, then repeat the command"
    return describe(error)


def _keep_trace(error: Exception) -> str:
    """Write the stack trace to a log, and say where it is; without a log it is the text itself."""
    home = home_of(os.environ)
    log = home / "logs" / "command.log"
    trace = redact("".join(traceback.format_exception(error)))
    try:
        private_home(home)
        log.parent.mkdir(exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(trace)
    except OSError as problem:
        return f"This should not happen. {log}: {problem.strerror}; the stack trace is:\n{trace}"
    return f"This should not happen. The stack trace is in {log}"
