"""Requests made up from the service's own OpenAPI document: does any bring it down?

    RUNLORE_HOME=… python bench/live/fuzz.py [--examples 50] [--seed 1]

The home holds a champion (`runlore demo` leaves such a one). Schemathesis, in an environment of its
own, sends what the document allows and what it forbids, and holds every answer against it. Counted
are failures by check, and stack traces in the service's log. What a schema cannot say, such as an
end before its begin, is rejected with 422 though the document would allow it ("Schema-valid request
rejected").
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from truth import Service

from runlore import settings

sys.path.insert(0, str(Path(__file__).parents[1]))
from peers.environments import ENVIRONMENTS
from soak import await_ready

NEEDS = "schemathesis==4.32.5"
LOG = "truth.log"


def tool() -> Path:
    """The command, in an environment that is made once."""
    folder = ENVIRONMENTS / "schemathesis"
    command = folder / "bin" / "schemathesis"
    if not command.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", NEEDS]
        subprocess.run(install, check=True)
    return command


def fuzz(port: int, examples: int, seed: int, folder: Path) -> dict[str, Any]:
    """The report of a run."""
    told = folder / "report.json"
    command = [str(tool()), "run", f"http://127.0.0.1:{port}/docs.json", "--checks", "all"]
    command += ["--max-examples", str(examples), "--seed", str(seed), "--continue-on-failure"]
    command += ["--report", "json", "--report-json-path", str(told), "--no-shrink"]
    subprocess.run(command, check=False, stdout=sys.stderr, cwd=folder)
    report: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    return report


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--examples", type=int, default=50, help="of each operation")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    service = Service(1)
    log = settings.read().home / LOG
    written = log.stat().st_size if log.is_file() else 0
    service.start()
    try:
        await_ready(service.port)
        with tempfile.TemporaryDirectory() as folder:
            report = fuzz(service.port, given.examples, given.seed, Path(folder))
    finally:
        service.stop()
    traces = log.read_bytes()[written:].count(b"Traceback (most recent call last)")
    print(
        json.dumps(
            {
                "bench": "fuzz",
                "schemathesis": report["schemathesis_version"],
                "operations": report["operations"]["tested"],
                "requests": report["test_cases"]["generated"],
                "failures": {each["title"]: each["operations"] for each in report["failures"]},
                "stack_traces": traces,
            }
        )
    )


if __name__ == "__main__":
    main()
