"""How every process of Runlore begins: private files, and no secret in its log.

    python -m runlore.process MODULE [ARGUMENT ...]

runs a module of another package in a process that began like one of ours.
"""

import logging
import os
import runpy
import sys
import traceback
from contextlib import suppress
from types import TracebackType
from typing import Any

from runlore.home import PRIVATE_UMASK, home_of, private_home
from runlore.kernel.redaction import hide, redact, secrets_of
from runlore.kernel.telemetry import silence_telemetry
from runlore.kernel.threads import calm_threads


class CommandStopped(KeyboardInterrupt):
    """Raised in the main thread of a command that another process has asked to end; its text is
    the reason. Everything that Ctrl-C undoes is undone."""


def begin() -> None:
    """To be called first by everything that is started by itself."""
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


def main() -> None:
    """Run a module as `python -m` would."""
    begin()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
