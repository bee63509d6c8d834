"""A deadline for a command that something else waits for."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from runlore.kernel.deadlines import COMMAND_END_S
from runlore.kernel.errors import Unavailable


class TimeUp(KeyboardInterrupt):
    """Like Ctrl-C, so that everything that was begun is undone and nothing takes it for its own."""


@contextmanager
def time_limit(seconds: float, stuck_code: int) -> Iterator[None]:
    """Raise Unavailable when the block takes longer. For the main thread.

    stuck_code: with which the process ends, as it is, when the block does not end even then, such
    as in a call that lets no signal through.
    """
    late = f"no answer within {seconds:g} s; `--timeout` allows more"
    watchdog = threading.Timer(seconds + COMMAND_END_S, _end, (late, stuck_code))
    watchdog.daemon = True
    before = signal.signal(signal.SIGALRM, _raise)
    watchdog.start()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except TimeUp:
        raise Unavailable(late) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        watchdog.cancel()


def _raise(_number: int, _frame: FrameType | None) -> NoReturn:
    raise TimeUp


def _end(late: str, code: int) -> None:
    sys.stderr.write(f"runlore: {late}\n")
    sys.stderr.flush()
    os._exit(code)
