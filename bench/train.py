"""`runlore train` beside a plain script that does the same extraction, fits and scores.

    make bench BENCH=train                      # on a simulated log
    python bench/train.py LOG.swf.gz [SPEC]     # on a public one

The plain script has no Prefect and no MLflow: it reads the same store, calls the same functions
and prints the scores. All are whole processes; a ratio is ours / the plain script just before it.
OpenMP's threads wait in the same way in both: passively, since spinning ones take twice the CPU
time where anything else runs.

`runlore train` runs three times, each beside a plain script: in a new home, where the servers make
their tables; in a used one; and while `runlore up --only prefect` runs.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

PLAIN = """
import sys
from runlore import settings
from runlore.kernel.threads import calm_threads
calm_threads()
from runlore.training.rules import fitting as train
from runlore.store.engine import open_store
from runlore.specs import loading as specs
from runlore.training.actions.extraction import extract

chosen = settings.read()
with open_store(chosen) as store:
    spec = specs.find(chosen, sys.argv[1])
    found = extract(store, spec)
trained = train.fit(spec, found.data, found.plan)
print({name: each.value for name, each in trained.evidence.candidate.items()})
"""
EXECUTIONS = "20000"
START_S = 120.0
CLI = (sys.executable, "-m", "runlore.cli")


def run(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} failed:\n{done.stderr[-2000:]}")
    return seconds


def ingest(log: str | None, home: str, environment: dict[str, str]) -> None:
    if log:
        run([*CLI, "ingest", "swf", log], environment)
        return
    run([*CLI, "simulate", f"{home}/log", "--executions", EXECUTIONS], environment)
    made = Path(home) / "log"
    mapping = ["--mapping", str(made / "simulated-mapping.json")]
    run([*CLI, "ingest", "csv", str(made / "simulated-executions.csv"), *mapping], environment)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def prefect_up(environment: dict[str, str], port: int) -> Iterator[None]:
    """`runlore up` with the one server that a training uses."""
    with subprocess.Popen(
        [*CLI, "up", "--only", "prefect"], env=environment, stdout=subprocess.DEVNULL
    ) as up:
        try:
            await_health(f"http://127.0.0.1:{port}/api/health")
            yield
        finally:
            up.terminate()


def await_health(address: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            urlopen(address).close()  # noqa: S310  (an address of ours)
        except (URLError, ConnectionError):
            time.sleep(0.2)
        else:
            return
    sys.exit(f"{address} did not answer within {START_S:.0f} s")


def measured(spec: str, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds of the plain script and of ours, one after the other."""
    plain = run([sys.executable, "-c", PLAIN, spec], environment)
    return plain, run([*CLI, "train", spec], environment)


def main() -> None:
    log, spec = (sys.argv[1:2] or [None])[0], (sys.argv[2:3] or ["failure-risk"])[0]
    with tempfile.TemporaryDirectory(prefix="runlore-bench-") as home:
        port = free_port()
        environment = os.environ | {"RUNLORE_HOME": home, "RUNLORE_PREFECT_PORT": str(port)}
        ingest(log, home, environment)
        turns = {"new home": measured(spec, environment), "used home": measured(spec, environment)}
        with prefect_up(environment, port):
            turns["with `up`"] = measured(spec, environment)
    result = {
        "bench": "train",
        "ours": {name: round(ours, 1) for name, (_, ours) in turns.items()},
        "theirs": {"plain script": {name: round(plain, 1) for name, (plain, _) in turns.items()}},
        "ratio": {name: round(ours / plain, 3) for name, (plain, ours) in turns.items()},
        "unit": "s, one whole process each",
        "log": Path(log).name if log else f"simulated, {EXECUTIONS} executions",
        "spec": spec,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
