"""The assistant with trained champions on a simulated home, by the official MCP client.

    python bench/assistant_champion.py [--executions 10000]

Simulates a log, ingests it, trains `failure-risk` and `duration`, and asks the tools over both
transports: newest executions that ended are asked about as if they had just been submitted. Prints
what was answered, whether each number has its evidence, whether both transports agree, and how the
risks of those that failed compare with the others'.
"""

import argparse
import csv
import os
import random
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from bench.assistant_tools import served
from runlore.kernel import instants

SPECS = ("failure-risk", "duration")
ASKED = 40  # of those that failed, and of those that did not
JOBS = "simulated-executions.csv"
INPUTS = ("size_gb", "files", "priority", "retries_allowed")

RESULTS = ("ok", "failed")
MORE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("why_failed", {}),
    ("whats_odd", {}),
    ("look_up_runs", {"status": "failed", "limit": 3}),
    ("what_helps", {}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--executions", type=int, default=10_000)
    chosen = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    environment = {**os.environ, "RUNLORE_HOME": str(home)}
    try:
        rows = train(home, environment, chosen.executions)
        anyio.run(measure, environment, rows)
    finally:
        subprocess.run([*COMMAND, "down"], env=environment, capture_output=True, check=False)
        shutil.rmtree(home, ignore_errors=True)


COMMAND = (sys.executable, "-m", "runlore.cli")


def train(home: Path, environment: dict[str, str], count: int) -> list[dict[str, str]]:
    """Returns executions of both outcomes, as the log has them."""
    end = instants.now() - timedelta(hours=1)
    log = home / "log"
    size = ("--executions", str(count), "--days", "90", "--end", end.isoformat())
    for words in (
        ("simulate", str(log), *size),
        ("ingest", "csv", str(log / JOBS), "--mapping", str(log / "simulated-mapping.json")),
        ("train", *SPECS),
    ):
        done = subprocess.run(
            [*COMMAND, *words], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        print("\n".join(done.stdout.splitlines()[-6:]))
    random.seed(1)
    with (log / JOBS).open() as file:
        rows = [row for row in csv.DictReader(file) if is_clean(row)]
    newest = rows[-len(rows) // 5 :]
    failed = [row for row in newest if row["result"] != "ok"]
    others = [row for row in newest if row["result"] == "ok"]
    return [*random.sample(failed, min(ASKED, len(failed))), *random.sample(others, ASKED)]


def is_clean(row: dict[str, str]) -> bool:
    """Some lines of a simulated log are dirty on purpose."""
    try:
        return all(float(row[name]) >= 0 for name in INPUTS) and row["result"] in RESULTS
    except (TypeError, ValueError):
        return False


async def measure(environment: dict[str, str], rows: list[dict[str, str]]) -> None:
    stdio = StdioServerParameters(
        command=sys.executable, args=["-m", "runlore.cli", "mcp"], env=environment
    )
    answers = {}
    async with Client(stdio) as client:
        answers["stdio"] = await ask_all("stdio", client, rows)
    async with (
        served(environment) as url,
        httpx2.AsyncClient(timeout=60, trust_env=False, headers=key_header(environment)) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        answers["http"] = await ask_all("http", client, rows)
    gaps = [abs(a - b) for a, b in zip(answers["stdio"], answers["http"], strict=True)]
    print(f"risks of both transports differ by at most {max(gaps):.4f}")


def key_header(environment: dict[str, str]) -> dict[str, str]:
    words = ("keys", "create", "bench", "--scope", "read", "--scope", "predict")
    made = subprocess.run(
        [*COMMAND, *words], env=environment, capture_output=True, text=True, check=True
    )
    key = next(word for word in made.stdout.split() if word.startswith("rl_"))
    return {"Authorization": f"Bearer {key}"}


async def ask_all(name: str, client: Client, rows: list[dict[str, str]]) -> list[float]:
    """Returns the risks. Each number of each answer has its evidence."""
    risks, within, limited = [], 0, 0
    for row in rows:
        work = {
            "actor": row["user"],
            "kind": row["job_type"],
            "scope": row["host"],
            "inputs": {one: float(row[one]) for one in INPUTS},
        }
        failure = await ask(client, "predict_failure", work)
        risks.append(failure["figures"][0]["value"])
        duration, limit = (await ask(client, "predict_duration", work))["figures"][:2]
        took = seconds(row)
        if row["result"] == "ok" and took is not None:
            limited += 1
            within += took <= limit["value"]
        assert duration["low"] <= duration["value"] <= duration["high"]
        for one in (failure["figures"][0], duration, limit):
            assert one["id"], one
            assert one["as_of"], one
            assert one["n"], one
    bad = [row["result"] != "ok" for row in rows]
    pairs = [
        (a > b) + 0.5 * (a == b)
        for a, is_bad in zip(risks, bad, strict=True)
        if is_bad
        for b, is_other in zip(risks, bad, strict=True)
        if not is_other
    ]
    print(
        f"{name}: {len(rows)} executions, risk AUC {sum(pairs) / len(pairs):.2f};"
        f" {within} of {limited} that succeeded stayed within the limit at 95 %"
    )
    for tool, asked in MORE:
        print(f"  {tool}: {(await ask(client, tool, asked))['answer'][:200]}")
    print(f"  {failure['answer'][:200]}")
    return risks


def seconds(row: dict[str, str]) -> float | None:
    try:
        ends = (instants.parse(row[name], name) for name in ("started_at", "finished_at"))
        started, finished = ends
    except ValueError:
        return None
    return (finished - started).total_seconds()


async def ask(client: Client, tool: str, asked: dict[str, Any]) -> dict[str, Any]:
    result = await client.call_tool(tool, asked)
    assert not result.is_error, result.content[0].text
    answer: dict[str, Any] = result.structured_content
    return answer


if __name__ == "__main__":
    main()
