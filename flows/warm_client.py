"""Stands for one flow run that is forked by `flows.warm`; standard library only, run as a script.

    python -I -S warm_client.py FOLDER COMMAND [ARGUMENT ...]

It hands its environment, its folder and its output over, forwards signals, and ends as the run
ends. When nobody forks (any more), it becomes the command.
"""

import json
import os
import signal
import socket
import struct
import sys
from types import FrameType
from typing import NoReturn

SOCKET = "runs"
SIZE = struct.Struct("!I")
STATUS = struct.Struct("!i")
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOST = 1  # the exit code when the forking process died, and the run with it


def connect(folder: str) -> socket.socket | None:
    """By a relative name: the address of such a socket has at most 107 letters."""
    here = os.getcwd()  # noqa: PTH109  (pathlib takes longer to import than all else)
    connection = socket.socket(socket.AF_UNIX)
    try:
        os.chdir(folder)
        connection.connect(SOCKET)
    except OSError:
        connection.close()
        return None
    finally:
        os.chdir(here)
    return connection


def hand_over(connection: socket.socket) -> None:
    """The request: its size and the three standard streams, then JSON."""
    folder = os.getcwd()  # noqa: PTH109
    request = json.dumps({"environment": dict(os.environ), "folder": folder}).encode()
    socket.send_fds(connection, [SIZE.pack(len(request))], [0, 1, 2])
    connection.sendall(request)


def end_like(status: int) -> NoReturn:
    """Exit with the run's code, or by the signal that ended it (below 0)."""
    if status < 0:
        if -status not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
        signal.pause()
    sys.exit(status)


def main() -> NoReturn:
    connection = connect(sys.argv[1])
    if connection is None:
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  (a list, no shell)

    def forward(number: int, _frame: FrameType | None) -> None:
        connection.send(bytes([number]))

    hand_over(connection)
    for number in FORWARDED:
        signal.signal(number, forward)
    answer = connection.recv(STATUS.size, socket.MSG_WAITALL)
    if len(answer) < STATUS.size:
        sys.exit(LOST)
    (status,) = STATUS.unpack(answer)
    end_like(status)


if __name__ == "__main__":
    main()
