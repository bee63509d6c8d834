"""Stands for Prefect's engine in `test_warm`: does what the variable WARM says."""

import atexit
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType


def run() -> None:
    atexit.register(sys.stdout.write, "at exit\n")
    sys.stdout.write(f"{os.environ['WARM']} in {Path.cwd()}\n")
    sys.stdout.flush()
    match os.environ["WARM"]:
        case "fail":
            sys.exit(3)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "wait":
            signal.signal(signal.SIGTERM, _end)
            sys.stdout.write(f"{os.getpid()}\n")
            sys.stdout.flush()
            time.sleep(60)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.stdout.write("cancelled\n")
    sys.exit(7)


if __name__ == "__main__":
    run()
