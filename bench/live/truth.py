"""A log replayed over HTTP under fire: are features exact, and is every answer on the ledger once?

    RUNLORE_HOME=… python bench/live/truth.py [--executions 50000] [--workers 4] [--kills 20]

The home holds a log and a champion (`runlore demo` leaves such a one). The work of its log is
asked about, submitted and concluded again, now, by many clients at once: 5 % of the outcomes come
late, 2 % are corrected. Meanwhile workers, the whole service and PostgreSQL's connections are
killed in turn. Then `runlore skew` compares every vector, and every answer that a client got is
looked for on the ledger.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import psutil

from runlore import registry, settings
from runlore.kernel import instants
from runlore.log.executions import read_facts
from runlore.serving.actions import skew
from runlore.stack.tcp_ports import free_port
from runlore.store.engine import Store, open_store

CLIENTS = 24
LATE, CORRECTED = 0.05, 0.02
LATE_S = 5.0
ENDED = ("succeeded", "failed")
BACKENDS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
ROWS = "SELECT id::text, source_id FROM runlore.ledger WHERE at >= %s AND source_id LIKE %s"


@dataclass
class Service:
    """`runlore serve` with its workers; started again when it was killed."""

    workers: int
    port: int = field(default_factory=lambda: free_port("127.0.0.1"))
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "RUNLORE_SERVE_WORKERS": str(self.workers)}
        command = (sys.executable, "-m", "runlore.cli", "serve", "--port", str(self.port))
        with (settings.read().home / "truth.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def children(self) -> list[psutil.Process]:
        assert self.process is not None
        every = psutil.Process(self.process.pid).children(recursive=True)
        return [each for each in every if "bentos.worker" in each.cmdline()]

    def kill_worker(self) -> None:
        with contextlib.suppress(psutil.Error, IndexError):
            random.choice(self.children()).send_signal(signal.SIGKILL)

    def kill(self) -> None:
        assert self.process is not None
        with contextlib.suppress(psutil.Error):
            for each in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    each.send_signal(signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass
class Seen:
    """What the clients saw. answered: id of the answer -> the execution it was about."""

    answered: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    recorded: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    lost: int = 0
    latency_ms: list[float] = field(default_factory=list)


@dataclass
class Client:
    url: str
    spec: str
    session: aiohttp.ClientSession
    seen: Seen

    async def run(self, work: dict[str, Any], name: str) -> None:
        """Ask, submit, conclude; perhaps late, perhaps once more."""
        body = {key: work[key] for key in ("actor", "kind", "scope", "inputs")}
        attempt = 0
        while True:
            about = f"{name}-{attempt}"
            began = time.perf_counter()
            self.seen.asked += 1
            told = await self.post(f"/predict/{self.spec}", {**body, "execution": about})
            if told is not None:
                self.seen.latency_ms.append((time.perf_counter() - began) * 1e3)
                self.seen.answered[told["id"]] = about
                break
            attempt += 1
            await asyncio.sleep(0.1)
        await self.surely("/executions", {**body, "id": name})
        late = random.random() < LATE
        await asyncio.sleep(random.random() * (LATE_S if late else 0.02))
        outcome = {"status": random.choice(ENDED), "outcome": {"cost_usd": random.random()}}
        await self.surely(f"/executions/{name}/outcome", outcome)
        if random.random() < CORRECTED:
            other = {"status": random.choice(ENDED), "outcome": {"cost_usd": random.random()}}
            await self.surely(f"/executions/{name}/outcome", other)

    async def surely(self, path: str, body: dict[str, Any]) -> None:
        """Recording may be repeated."""
        while await self.post(path, body) is None:
            await asyncio.sleep(0.1)
        self.seen.recorded += 1

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        try:
            async with self.session.post(self.url + path, json=body) as response:
                if response.status in (200, 201):
                    found: dict[str, Any] = await response.json()
                    return found
                refused = self.seen.refused
                refused[response.status] = refused.get(response.status, 0) + 1
                if response.status not in (503, 504):
                    raise SystemExit(f"{path}: {response.status} {await response.text()}")
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            self.seen.lost += 1
        return None


async def replay(
    service: Service, store: Store, spec: str, log: list[dict[str, Any]], n: int, kills: int
) -> Seen:
    seen, run_name = Seen(), f"truth-{int(time.time())}"
    waiting = iter(range(n))
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        client = Client(f"http://127.0.0.1:{service.port}", spec, session, seen)

        async def work() -> None:
            for i in waiting:
                await client.run(log[i % len(log)], f"{run_name}-{i}")

        async def fire() -> None:
            for kill in range(kills):
                target = n * 3 * (kill + 1) / (kills + 2)
                while seen.recorded + len(seen.answered) < target:
                    await asyncio.sleep(0.05)
                await asyncio.to_thread(_kill, service, store, kill)
                print(f"kill {kill + 1} of {kills}", file=sys.stderr)

        async def tell() -> None:
            while True:
                await asyncio.sleep(15)
                print(f"{len(seen.answered):,} of {n:,} answered", file=sys.stderr)

        telling, firing = asyncio.create_task(tell()), asyncio.create_task(fire())
        await asyncio.gather(*(work() for _ in range(CLIENTS)))
        await firing
        telling.cancel()
    return seen


def _kill(service: Service, store: Store, number: int) -> None:
    if number % 3 == 0:
        service.kill_worker()
    elif number % 3 == 1:
        with store.connect() as connection:
            connection.execute(BACKENDS)
    else:
        service.kill()
        service.start()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--executions", type=int, default=50_000)
    options.add_argument("--workers", type=int, default=4)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--spec", default="failure-risk")
    given = options.parse_args()
    chosen = settings.read()
    with open_store(chosen) as store:
        facts = read_facts(store)
        facts = facts[facts["revision"] == 0].tail(20_000)
        log = facts[["actor", "kind", "scope", "inputs"]].to_dict("records")
        for work in log:
            work["inputs"] = json.loads(work["inputs"])
        service = Service(given.workers)
        service.start()
        began, at = time.perf_counter(), instants.now()
        try:
            seen = asyncio.run(
                replay(service, store, given.spec, log, given.executions, given.kills)
            )
        finally:
            service.stop()
        seconds = time.perf_counter() - began
        with store.connect() as connection:
            rows = connection.execute(ROWS, (at, "truth-%")).fetchall()
        ids, about = {row[0] for row in rows}, [row[1] for row in rows]
        models = registry.connect(chosen, store)
        found = skew.skew(store, models, given.spec, at)
    latency = sorted(seen.latency_ms)
    result = {
        "bench": "truth",
        "executions": given.executions,
        "workers": given.workers,
        "kills": given.kills,
        "seconds": round(seconds),
        "answers": len(seen.answered),
        "recorded": seen.recorded,
        "refused": seen.refused,
        "connections_lost": seen.lost,
        "acknowledged_without_row": len(seen.answered.keys() - ids),
        "doubled_rows": len(about) - len(set(about)),
        "skew": [
            {
                "version": each.version,
                "compared": each.compared,
                "different": each.different,
                "missing": sum(f.missing for f in each.features) + each.without,
                "older": each.older,
            }
            for each in found
        ],
        "p50_ms": round(latency[len(latency) // 2], 1),
        "p99_ms": round(latency[int(len(latency) * 0.99)], 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
