"""`runlore train` beside a plain script that does the same extraction, fits and scores.

    make bench BENCH=train                      # on a simulated log
    python bench/train.py LOG.swf.gz [SPEC]     # on a public one

The plain script has no Prefect and no MLflow: it reads the same store, calls the same functions
and prints the scores. Both are whole processes; the ratio is ours / plain.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAIN = """
import sys
from runlore import settings
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


def run(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} failed:\n{done.stderr[-2000:]}")
    return seconds


def main() -> None:
    log, spec = (sys.argv[1:2] or [None])[0], (sys.argv[2:3] or ["failure-risk"])[0]
    cli = [sys.executable, "-m", "runlore.cli"]
    with tempfile.TemporaryDirectory(prefix="runlore-bench-") as home:
        environment = os.environ | {"RUNLORE_HOME": home}
        if log:
            run([*cli, "ingest", "swf", log], environment)
        else:
            run([*cli, "simulate", f"{home}/log", "--executions", EXECUTIONS], environment)
            made = Path(home) / "log"
            mapping = ["--mapping", str(made / "simulated-mapping.json")]
            run(
                [*cli, "ingest", "csv", str(made / "simulated-executions.csv"), *mapping],
                environment,
            )
        plain = run([sys.executable, "-c", PLAIN, spec], environment)
        ours = run([*cli, "train", spec], environment)
    print(
        json.dumps(
            {
                "bench": "train",
                "ours": round(ours, 1),
                "theirs": {"plain script": round(plain, 1)},
                "ratio": round(ours / plain, 3),
                "unit": "s, one whole process each",
                "log": Path(log).name if log else f"simulated, {EXECUTIONS} executions",
                "spec": spec,
            }
        )
    )


if __name__ == "__main__":
    main()
