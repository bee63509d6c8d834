"""Do clients that only hold connections open stop those that ask?

    RUNLORE_HOME=… python bench/live/connections.py [--rounds 3] [--attacks headers,trickle,idle]
    RUNLORE_HOME=… python bench/live/connections.py --source ANOTHER_CHECKOUT
    RUNLORE_HOME=… python bench/live/connections.py --haproxy

The home holds a champion of the spec. The service runs with 1,024 file
descriptors for each process. Honest clients ask at a steady pace, some on connections that they
keep and some on new ones; quiet turns and turns under attack alternate. The attackers are one
process that uses little of a processor, and they have the same address as the honest clients;
attackers.py describes each kind.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from urllib.request import urlopen

import aiohttp
import psutil
from attackers import CONNECTIONS, attack

from runlore.stack.tcp_ports import free_port

FILES = 1024  # file descriptors for each process of the service
KEEPING, RECONNECTING = 6, 2  # honest clients
PAUSE_S = 0.05  # of an honest client, between an answer and its next request
TIMEOUT_S = 10.0  # after which an honest request counts as failed
WARM_S = 5.0
BODY = {"actor": "user-29", "kind": "extract", "scope": "node-3", "inputs": {}}
PROXY = """
global
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s
    option forwardfor
listen runlore
    bind 127.0.0.1:{port}
    server one 127.0.0.1:{backend}
"""


@dataclass
class Turn:
    """What honest clients saw, and the memory of the service meanwhile."""

    latency_ms: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    rss_mb: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, object]:
        cuts = statistics.quantiles(self.latency_ms or [0.0, 0.0], n=100)
        return {
            "answers": len(self.latency_ms) - self.failed.total(),
            "failed": dict(self.failed),
            "p50_ms": round(cuts[49], 2),
            "p99_ms": round(cuts[98], 2),
            "rss_mb": [round(self.rss_mb[0]), round(max(self.rss_mb)), round(self.rss_mb[-1])],
        }


async def honest(port: int, spec: str, seconds: float, root: psutil.Process) -> Turn:
    turn, end = Turn(), time.monotonic() + seconds
    url = f"http://127.0.0.1:{port}/predict/{spec}"

    async def client(session: aiohttp.ClientSession) -> None:
        while time.monotonic() < end:
            began = time.monotonic()
            try:
                async with session.post(url, json=BODY) as response:
                    await response.read()
                if response.status != 200:
                    turn.failed[str(response.status)] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                turn.failed[type(error).__name__] += 1
            turn.latency_ms.append((time.monotonic() - began) * 1e3)
            await asyncio.sleep(PAUSE_S)

    async def watch() -> None:
        while time.monotonic() < end:
            turn.rss_mb.append(rss_mb(root))
            await asyncio.sleep(1.0)
        turn.rss_mb.append(rss_mb(root))

    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with (
        aiohttp.ClientSession(timeout=timeout) as kept,
        aiohttp.ClientSession(
            timeout=timeout, connector=aiohttp.TCPConnector(force_close=True)
        ) as new,
    ):
        clients = [client(kept) for _ in range(KEEPING)]
        clients += [client(new) for _ in range(RECONNECTING)]
        await asyncio.gather(watch(), *clients)
    return turn


def rss_mb(root: psutil.Process) -> float:
    """Of the service's processes together, without PostgreSQL."""
    used = 0
    for process in root.children(recursive=True):
        with suppress(psutil.Error):
            if not process.name().startswith("postgres"):
                used += process.memory_info().rss
    return used / 2**20


@contextmanager
def service(source: Path, port: int, workers: int) -> Iterator[psutil.Process]:
    """`runlore serve` of a checkout, with FILES descriptors."""
    home = Path(os.environ["RUNLORE_HOME"]).resolve()
    environment = os.environ | {
        "RUNLORE_HOME": str(home),
        "RUNLORE_SERVE_WORKERS": str(workers),
        "RUNLORE_API_KEYS": "off",  # through HAProxy nobody is local
        "PYTHONPATH": str(source),
    }
    command = (sys.executable, "-m", "runlore.cli", "serve", "--port", str(port))
    with (home / "connections.log").open("ab") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh", *command],
            cwd=source,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        await_ready(port)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def proxy(backend: int, *, is_used: bool) -> Iterator[int]:
    """The port to ask: HAProxy's, or the service's own."""
    program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    if not is_used:
        yield backend
        return
    if program is None:
        raise SystemExit("skipped: haproxy is not installed")
    port = free_port("127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "haproxy.cfg"
        config.write_text(PROXY.format(port=port, backend=backend))
        process = subprocess.Popen([program, "-f", str(config)])
        try:
            await_ready(port)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def await_ready(port: int, patience_s: float = 120.0) -> None:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            if answer.status == 200:
                return
        time.sleep(0.5)
    raise SystemExit(f"port {port} did not come up; see connections.log in RUNLORE_HOME")


def rounds(
    kind: str, port: int, args: argparse.Namespace, root: psutil.Process
) -> Iterator[dict[str, object]]:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(os.getpid).result()  # so that its imports fall into no turn
        for number in range(1, args.rounds + 1):
            quiet = asyncio.run(honest(port, args.spec, args.seconds, root))
            attacking = pool.submit(attack, kind, port, args.seconds)
            busy = asyncio.run(honest(port, args.spec, args.seconds, root))
            quiet_p99, busy_p99 = (
                statistics.quantiles(turn.latency_ms, n=100)[98] for turn in (quiet, busy)
            )
            yield {
                "attack": kind,
                "round": number,
                "p99_ratio": round(busy_p99 / quiet_p99, 2),
                "quiet": quiet.summary(),
                "attacked": busy.summary(),
                "attackers": attacking.result(),
            }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--seconds", type=float, default=20.0, help="of each turn")
    options.add_argument("--attacks", default="headers,trickle,idle", help=", ".join(CONNECTIONS))
    options.add_argument("--spec", default="failure-risk")
    options.add_argument("--source", type=Path, default=Path(__file__).parents[2])
    options.add_argument("--haproxy", action="store_true", help="ask and attack through HAProxy")
    args = options.parse_args()
    backend = free_port("127.0.0.1")
    with (
        service(args.source.resolve(), backend, args.workers) as root,
        proxy(backend, is_used=args.haproxy) as port,
    ):
        asyncio.run(honest(port, args.spec, WARM_S, root))
        for kind in args.attacks.split(","):
            turns = []
            for turn in rounds(kind, port, args, root):
                print(json.dumps(turn), file=sys.stderr, flush=True)
                turns.append(turn)
            ratios = sorted(turn["p99_ratio"] for turn in turns)
            summary = {
                "bench": "connections",
                "attack": kind,
                "through": "haproxy" if args.haproxy else "direct",
                "p99_ratio": statistics.median(ratios),
                "p99_ratios": ratios,
                "gone_s": [turn["attackers"]["gone_s"] for turn in turns],
                "failed": [turn["attacked"]["failed"] for turn in turns],
                "rss_mb": [turn["attacked"]["rss_mb"] for turn in turns],
            }
            print(json.dumps(summary), flush=True)


if __name__ == "__main__":
    main()
