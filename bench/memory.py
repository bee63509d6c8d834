"""Memory and time of a large log: ingested, extracted and trained, beside one a tenth as large.

    make bench BENCH=memory
    python bench/memory.py --executions 2000000 --spec failure-risk

The log is simulated. Every step is a process of its own; its memory is the most that it and all
processes it started had at one moment, asked for four times a second. PostgreSQL counts apart: its
shared memory is counted once. `growth` is what the large log takes over what the small one takes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

CLI = (sys.executable, "-m", "runlore.cli")
EXTRACT = """
import sys
from runlore import settings
from runlore.specs import loading
from runlore.store.engine import open_store
from runlore.training.actions.extraction import extract

chosen = settings.read()
with open_store(chosen) as store:
    data = extract(store, loading.find(chosen, sys.argv[1])).data
print(data.rows.shape, data.digest())
"""
ASK_S = 0.25
MB = 1 << 20


def measured(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Seconds, and the most memory of the processes and of PostgreSQL beside them, in MB."""
    began = time.perf_counter()
    most = most_postgres = 0
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            own, postgres = _memory(root)
            most, most_postgres = max(most, own), max(most_postgres, postgres)
            time.sleep(ASK_S)
    if process.returncode:
        sys.exit(f"{' '.join(command[:5])} failed")
    seconds = round(time.perf_counter() - began, 1)
    return {"s": seconds, "mb": most // MB, "postgresql_mb": most_postgres // MB}


def _memory(root: psutil.Process) -> tuple[int, int]:
    own = postgres = 0
    try:
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0, 0
    for process in processes:
        try:
            if process.name().startswith("postgres"):
                postgres += process.memory_full_info().pss
            else:
                own += process.memory_info().rss
        except psutil.Error:  # it has just ended
            continue
    return own, postgres


def steps(executions: int, spec: str) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="rl-") as home:
        log = Path(home) / "log"
        environment = os.environ | {"RUNLORE_HOME": home}
        simulate = [*CLI, "simulate", str(log), "--executions", str(executions), "--days", "365"]
        subprocess.run(simulate, env=environment, stdout=subprocess.DEVNULL, check=True)
        mapping = ["--mapping", str(log / "simulated-mapping.json")]
        ingest = [*CLI, "ingest", "csv", str(log / "simulated-executions.csv"), *mapping]
        commands = {
            "ingest": ingest,
            "extract": [sys.executable, "-c", EXTRACT, spec],
            "train": [*CLI, "train", spec],
        }
        return {name: measured(command, environment) for name, command in commands.items()}


def _times(large: dict[str, float], small: dict[str, float]) -> dict[str, float]:
    return {unit: round(large[unit] / small[unit], 2) for unit in ("s", "mb")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bench", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--executions", type=int, default=200_000)
    parser.add_argument("--spec", default="failure-risk")
    args = parser.parse_args()
    small = steps(args.executions // 10, args.spec)
    large = steps(args.executions, args.spec)
    growth = {step: _times(large[step], small[step]) for step in large}
    result = {
        "bench": "memory",
        "ours": large,
        "theirs": {"a tenth of the executions": small},
        "ratio": growth,
        "unit": "s, MB",
        "executions": args.executions,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
