"""The loop on a real Prefect server, with its timeline: `python bench/live/closed_loop.py`.

Planted drift, event, automation, training, challenger, ramp, promotion; then a bad challenger that
is rolled back. It runs tests/flows/test_closed_loop.py and shows the lines that say when.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
TEST = "tests/flows/test_closed_loop.py"
LINE = re.compile(r"^\.?( *\d+\.\d s  .*)$", re.MULTILINE)


def main() -> int:
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", TEST, "-q", "-s", "-p", "no:xdist"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    timeline = LINE.findall(done.stdout)
    print("\n".join(timeline), file=sys.stderr)
    took = time.monotonic() - began
    passed = done.returncode == 0
    told = {"bench": "closed_loop", "ours": round(took, 1), "unit": "s", "passed": passed}
    print(json.dumps({**told, "timeline": [line.strip() for line in timeline]}))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
