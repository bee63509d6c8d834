"""How long `runlore --help` takes, beside a Python that does nothing.

make bench BENCH=startup
"""

import json
import statistics
import subprocess
import sys
import time

RUNS = 9


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    help_s, bare_s = [], []
    for _ in range(RUNS):
        bare_s.append(seconds([sys.executable, "-c", "pass"]))
        help_s.append(seconds([sys.executable, "-m", "runlore.cli", "--help"]))
    ours, bare = statistics.median(help_s), statistics.median(bare_s)
    print(
        json.dumps(
            {
                "bench": "startup",
                "ours": round(ours, 3),
                "theirs": {"python -c pass": round(bare, 3)},
                "ratio": round(ours / bare, 1),
                "unit": "s, median of 9",
            }
        )
    )


if __name__ == "__main__":
    main()
