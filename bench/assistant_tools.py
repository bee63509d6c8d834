"""The assistant's tools by the official MCP client: revisions, truncation, tokens, latency.

    python bench/assistant_tools.py [--tokens NODE_SCRIPT]

Starts a home of its own with 10,000 executions, once with the one failure first and once last, then
`runlore mcp` and `runlore serve`, and asks both with the client of the package `mcp`, with the
revisions 2026-07-28 and 2025-11-25. NODE_SCRIPT prints the tokens of a file; see `COUNTING`.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import httpx
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from runlore.assistant.mcp_server import listed_tools

RUNS, CALLS = 10_000, 20
START = datetime(2026, 11, 1, tzinfo=UTC)
MODES = ("2026-07-28", "legacy")
COUNTING = """
import {readFileSync} from 'fs';
import * as bpe from 'gpt-tokenizer/encoding/o200k_base';
console.log(bpe.encode(readFileSync(process.argv[2], 'utf8')).length);
"""  # beside `npm install gpt-tokenizer`, which holds its vocabulary


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tokens", help="a Node script that counts the tokens of a file")
    chosen = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    environment = {**os.environ, "RUNLORE_HOME": str(home)}
    try:
        for place in ("first", "last"):
            ingest(home, environment, place)
        count_tokens(home, chosen.tokens)
        anyio.run(measure, environment)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def ingest(home, environment, place):
    """One failure among the runs of a source: the first or the last one."""
    lines = ["id,actor,kind,scope,submitted,finished,status"]
    failing = 0 if place == "first" else RUNS - 1
    for number in range(RUNS):
        at = START + timedelta(minutes=number)
        status = "failed" if number == failing else "succeeded"
        end = at + timedelta(minutes=9)
        lines.append(
            f"{place}-{number},user-{number % 20},etl-{place},host-{number % 7},"
            f"{at.isoformat()},{end.isoformat()},{status}"
        )
    log = home / f"{place}.csv"
    log.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "runlore.cli", "ingest", "csv", str(log)]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def count_tokens(home, script):
    listed = [tool.model_dump(by_alias=True, exclude_none=True) for tool in listed_tools()]
    text = json.dumps({"tools": listed}, separators=(",", ":"), ensure_ascii=False)
    print(f"tools/list: {len(listed)} tools, {len(text.encode())} bytes")
    if script:
        path = home / "tools.json"
        path.write_text(text)
        counted = subprocess.check_output(["node", script, str(path)], text=True)
        print(f"tokens: {counted.strip()}")


def questions(place):
    kind = f"etl-{place}"
    number = 0 if place == "first" else RUNS - 1
    month = {"since": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z"}
    yield {"kind": kind}
    yield {"kind": kind, "limit": 1}
    yield {"kind": kind, "limit": 50, "page": 7}
    yield {"kind": kind, "status": "failed"}
    yield {"kind": kind, "status": "failed", **month}
    yield {"kind": kind, "status": "succeeded", "limit": 3}
    yield {"kind": kind, **month}
    yield {"source": place}
    yield {"source": place, "actor": f"user-{number % 20}"}
    yield {"source": place, "scope": f"host-{number % 7}", "limit": 5}
    yield {"source": place, "actor": f"user-{number % 20}", "kind": kind, "limit": 2}
    yield {"id": f"{place}-{number}"}
    yield {"id": f"{place}-5000"}


def is_honest(answer, asked):
    """The failure is counted or listed, or the answer says that something was cut."""
    figures = {one["name"]: one["value"] for one in answer["figures"]}
    listed = any(row.get("status") == "failed" for row in answer["rows"])
    return listed or (figures.get("failed runs") or 0) > 0 or bool(answer["truncated"])


async def measure(environment):
    stdio = StdioServerParameters(
        command=sys.executable, args=["-m", "runlore.cli", "mcp"], env=environment
    )
    async with served(environment) as url:
        for mode in MODES:
            await use("stdio", Client(stdio, mode=mode))
            async with httpx2.AsyncClient(timeout=60, trust_env=False) as http:
                transport = streamable_http_client(f"{url}/mcp", http_client=http)
                await use("http", Client(transport, mode=mode))


async def use(transport, client):
    began = time.perf_counter()
    async with client:
        tools = await client.list_tools()
        ready_s = time.perf_counter() - began
        honest = asked_count = 0
        for place in ("first", "last"):
            for asked in questions(place):
                result = await client.call_tool("look_up_runs", asked)
                assert not result.is_error, result.content[0].text
                assert json.loads(result.content[0].text) == result.structured_content
                asked_count += 1
                honest += is_honest(result.structured_content, asked)
        revision = client.session.protocol_version
        print(
            f"{transport} {revision}: {len(tools.tools)} tools in {ready_s:.1f} s;"
            f" {honest} of {asked_count} found or said truncated"
        )
        for name, asked in (
            ("look_up_runs", {"id": "last-9999"}),
            ("look_up_runs", {"kind": "etl-last"}),
            ("what_helps", {}),
        ):
            print(f"  {name} {asked}: {await latency(client, name, asked)}")


async def latency(client, name, asked):
    taken = []
    for _ in range(CALLS):
        began = time.perf_counter()
        await client.call_tool(name, asked)
        taken.append((time.perf_counter() - began) * 1e3)
    low, *_, high = statistics.quantiles(taken, n=20)
    middle, least = statistics.median(taken), min(taken)
    return f"p50 {middle:.1f} ms (min {least:.1f}, p5 {low:.1f}, p95 {high:.1f})"


@asynccontextmanager
async def served(environment):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "runlore.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if httpx.get(f"{url}/livez", trust_env=False).is_success:
                    break
            except httpx.HTTPError:
                await anyio.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
