"""How every process of Runlore begins: private files, one log format, and no secret in its log.

    python -m runlore.process MODULE [ARGUMENT ...]

runs a module of another package in a process that began like one of ours.
"""

import atexit
import gc
import logging
import os
import runpy
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

from runlore.home import PRIVATE_UMASK, home_of, private_home
from runlore.kernel.log_lines import LineFormatter, make_formatter
from runlore.kernel.redaction import hide, redact, secrets_of
from runlore.kernel.telemetry import silence_telemetry
from runlore.kernel.threads import calm_threads

log = logging.getLogger("runlore")


class CommandStopped(KeyboardInterrupt):
    """Raised in the main thread of a command that another process has asked to end; its text is
    the reason. Everything that Ctrl-C undoes is undone."""


def begin(service: str | None = None) -> None:
    """To be called first by everything that is started by itself.

    service: the name under which a long-running process writes its log; see `log_as`.
    """
    os.umask(PRIVATE_UMASK)
    silence_telemetry()
    calm_threads()
    hide(*secrets_of(os.environ))
    logging.setLogRecordFactory(RedactedRecord)
    sys.excepthook = _print_redacted
    home = home_of(os.environ)
    with suppress(OSError):  # whoever uses the home reports what is wrong with it
        if home.is_dir():
            private_home(home)
    if service is not None:
        log_as(service)


def end_quickly() -> None:
    """Let this process end without a last search for garbage.

    The interpreter otherwise walks through all that Prefect and MLflow have imported, several
    times, which takes seconds. What runs at exit still runs, before.
    """
    atexit.register(gc.freeze)


@contextmanager
def imports_uncollected() -> Iterator[None]:
    """Do not search for garbage during the block, which imports large packages.

    They make next to none, and the searches are a fifth of their time. Nor are the imported
    objects, which stay, searched later.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def log_as(service: str) -> None:
    """Write the log of this process to standard error, in the format of all processes."""
    handler = logging.StreamHandler()
    handler.setFormatter(make_formatter(service, os.environ))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    log.handlers.clear()
    log.propagate = True
    log.setLevel(logging.INFO)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


def flow_formatter() -> logging.Formatter:
    """For `flows/logging.yml`: the service is that of this process, or a flow run's own."""
    handlers = logging.getLogger().handlers
    ours = (one.formatter for one in handlers if isinstance(one.formatter, LineFormatter))
    return next(ours, None) or make_formatter("flow", os.environ)


def take_over_logs() -> None:
    """Let the loggers of packages that print by themselves write in the format of `log_as`.

    To be called once more after imports that set up their own logging.
    """
    ours = logging.getLogger().handlers
    for name in list(logging.Logger.manager.loggerDict):
        other = logging.getLogger(name)
        printing = [one for one in other.handlers if _prints(one) and one not in ours]
        for handler in printing:
            other.removeHandler(handler)
        if printing:
            other.propagate = True


def _prints(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler) and not isinstance(
        handler, logging.FileHandler
    )


class RedactedRecord(logging.LogRecord):
    """A log record whose message, arguments and stack trace hold no secret."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        if isinstance(self.args, tuple):
            self.args = tuple(redact(one) if isinstance(one, str) else one for one in self.args)
        if self.exc_info and self.exc_info[0]:
            self.exc_text = redact("".join(traceback.format_exception(*self.exc_info)).rstrip("\n"))

    def getMessage(self) -> str:  # noqa: N802  (logging's own name)
        return redact(super().getMessage())


def _print_redacted(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print what nobody caught, in place of the interpreter."""
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Log what nobody caught, in place of the interpreter."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("ended by an error", exc_info=(kind, error, trace))


def main() -> None:
    """Run a module as `python -m` would."""
    begin()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
