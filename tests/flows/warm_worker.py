"""A worker for `test_warm`: forks runs of an engine that does what its environment says."""

import sys
from pathlib import Path

from flows import warm

warm.ENGINE = "tests.flows.warm_engine"
warm.IMPORTED = ("json", "tests.flows.warm_engine")


def main() -> None:
    if not warm.prepare():
        sys.exit("cannot be forked")
    request = warm.fork(Path(sys.argv[1]))
    if request is not None:
        warm.run_engine(request)
        return
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
