"""How many events of an A/B test come in per second over HTTP, and how long a look at it takes.

    python bench/ab.py
    python bench/ab.py --units 20000 --keep out.json

A service is started as `runlore serve` starts it. Three variants get 20,000 units; each unit sees
something, takes some time, and converts or does not; all is sent in batches, then sent again, and
the test is looked at by way of each dialect. Beside the intake: one INSERT per event on the same
database, each its own transaction, as a service does that takes events one by one and adds nothing
up.
"""

import argparse
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
from typing import Any

import httpx
import numpy as np

from runlore.settings import Settings
from runlore.store.engine import dedicated, open_store

BATCH, ONE_BY_ONE, PATIENCE_S = 5_000, 1_000, 120
RATES = {"rule": 0.100, "heuristic": 0.102, "model": 0.125}
PLAN = {
    "name": "three ways",
    "variants": [{"name": name} for name in RATES],
    "control": "rule",
    "metrics": [
        {"name": "conversion", "event": "conversion", "take": "last"},
        {
            "name": "latency",
            "kind": "mean",
            "event": "latency_ms",
            "take": "mean",
            "better": "lower",
            "role": "guardrail",
            "tolerated_loss": 0.1,
        },
        {
            "name": "slow",
            "kind": "quantile",
            "quantile": 0.9,
            "event": "latency_ms",
            "take": "most",
            "better": "lower",
            "role": "secondary",
        },
    ],
    "rule": {"least_units": 1000, "least_time_h": 0},
}
WAY = "/ab-tests/three ways"
TABLE = "CREATE TABLE one (id text PRIMARY KEY, unit text, event text, value float8)"
INSERT = "INSERT INTO one VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"


@contextmanager
def service(home: Path) -> Iterator[httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "runlore.cli", "serve", "--port", str(port)]
    environment = {**os.environ, "RUNLORE_HOME": str(home)}
    with (home / "serve.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as one:
            await_ready(one)
            yield one
    finally:
        process.terminate()
        process.wait(30)


def await_ready(client: httpx.Client) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise TimeoutError("the service is not ready; see serve.log in its home")


def post(client: httpx.Client, way: str, body: object = None) -> dict[str, Any]:
    answer = client.post(way, json={} if body is None else body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def deal(client: httpx.Client, units: int) -> dict[str, str]:
    dealt: dict[str, str] = {}
    for first in range(0, units, BATCH):
        asked = [{"unit": f"user-{at}"} for at in range(first, min(first + BATCH, units))]
        told = post(client, f"{WAY}/units", {"units": asked})["assignments"]
        dealt |= {each["unit"]: each["variant"] for each in told}
    return dealt


def events(dealt: dict[str, str]) -> list[dict[str, Any]]:
    rng = np.random.default_rng(4)
    made: list[dict[str, Any]] = []
    for unit, variant in dealt.items():
        made.append({"id": f"i/{unit}", "unit": unit, "event": "impression"})
        took = float(rng.gamma(4, 10))
        made.append({"id": f"l/{unit}", "unit": unit, "event": "latency_ms", "value": took})
        converted = float(rng.random() < RATES[variant])
        made.append({"id": f"c/{unit}", "unit": unit, "event": "conversion", "value": converted})
    return made


def send(client: httpx.Client, made: list[dict[str, Any]]) -> tuple[float, int]:
    """Events per second, and how many of them were new."""
    bodies = [json.dumps(made[at : at + BATCH]).encode() for at in range(0, len(made), BATCH)]
    added, began = 0, time.perf_counter()
    for body in bodies:
        added += client.post(f"{WAY}/events", content=body).raise_for_status().json()["added"]
    return len(made) / (time.perf_counter() - began), added


def insert_each(home: Path, made: list[dict[str, Any]]) -> float:
    with (
        open_store(Settings(home=home, database_url=None)) as store,
        dedicated(store) as connection,
    ):
        connection.execute(TABLE)
        began = time.perf_counter()
        for each in made[:ONE_BY_ONE]:
            row = (each["id"], each["unit"], each["event"], each.get("value", 1.0))
            connection.execute(INSERT, row)
        return min(ONE_BY_ONE, len(made)) / (time.perf_counter() - began)


def emit(bench: str, ours: float, theirs: dict[str, float], ratio: float | None, unit: str) -> None:
    told = {"bench": bench, "ours": ours, "theirs": theirs, "ratio": ratio, "unit": unit}
    print(json.dumps(told), flush=True)


def run(client: httpx.Client, home: Path, units: int) -> dict[str, Any]:
    post(client, "/ab-tests", PLAN)
    test = post(client, f"{WAY}/start")
    began = time.perf_counter()
    dealt = deal(client, units)
    emit("ab.assign", units / (time.perf_counter() - began), {}, None, "units/s")
    made = events(dealt)
    rate, added = send(client, made)
    each = insert_each(home, made)
    emit("ab.intake", rate, {"one INSERT per event": each}, rate / each, "events/s")
    again, added_again = send(client, made)
    emit("ab.intake.again", again, {}, None, "events/s")
    status = client.get(WAY).raise_for_status().json()
    began = time.perf_counter()
    content = post(client, f"/api/v1/ml-learning/ab-tests/{test['id']}/analyze")
    emit("ab.analyse", (time.perf_counter() - began) * 1000, {}, None, "ms")
    models = client.get("/api/v3/test-results", params={"test_id": test["id"]}).json()
    look = client.get(f"{WAY}/analyses").json()["looks"][0]
    counts = {"events": len(made), "added": added, "added_again": added_again}
    return {**counts, "status": status, "look": look, "content": content, "models": models}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bench", nargs="?", help="Ignored: all figures come from one run.")
    parser.add_argument("--units", type=int, default=20_000)
    parser.add_argument("--keep", type=Path, help="Write what was answered to this file.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        home = Path(folder)
        with service(home) as client:
            found = run(client, home, given.units)
    if given.keep:
        given.keep.write_text(json.dumps(found, indent=2))
    if found["added"] != found["events"] or found["added_again"]:
        raise SystemExit("events were lost, or counted twice")


if __name__ == "__main__":
    main()
