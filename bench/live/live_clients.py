"""Does the live stream lose or repeat an event, how late is it, and what does it cost?

    python bench/live/live_clients.py [--events 20000] [--clients 200] [--seconds 15]
    python bench/live/live_clients.py --events 1000000 --clients 1000

One worker on a home of its own, with versions made by hand. One client in a hundred follows all
topics, the others a small one. First, they are dropped at random and go on from their cursors while
events pass. Then events are timed on their way to the clients at 500 events a second. Then
predictions are timed beside that and without it, in turns. Prints one JSON object per part.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import psutil
from sqlalchemy import text
from watchers import Watcher

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))  # for the versions made by hand

from handmade import SPECS, write_bundle

from runlore.live.actions.reading import read_ends
from runlore.settings import Settings
from runlore.stack.tcp_ports import free_port
from runlore.store.engine import Store, connect, open_store

RATE = 500  # events a second of the second and third part
LIGHT = ("alerts", "scores", "rollouts")
AT_ONCE = 1000
MOST_WAITING = 4000  # events without a number, before more are written
PATIENCE_S = 3000.0
MEAN_S = 10.0  # between two drops of a client
BODY = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {"nodes": 4, "queue": "long"}}
WRITE = text("""
WITH event AS (
    INSERT INTO runlore.live_outbox (topic, subject, data)
    SELECT CASE n % 100 WHEN 0 THEN 'alerts' WHEN 1 THEN 'scores' WHEN 2 THEN 'rollouts'
        ELSE 'ingests' END, 'risk', jsonb_build_object('number', n, 'sent', CAST(:sent AS float8))
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
)
SELECT pg_notify('runlore_events_due', '')
""")
WAITING = text("SELECT count(*) FROM runlore.live_outbox")


def write(store: Store, first: int, last: int) -> None:
    with store.begin() as connection:
        connection.execute(WRITE, {"first": first, "last": last, "sent": time.time()})


def write_all(store: Store, events: int) -> None:
    """As fast as they get their numbers."""
    for first in range(1, events + 1, AT_ONCE):
        write(store, first, min(events, first + AT_ONCE - 1))
        while True:
            with store.begin() as connection:
                if (connection.scalar(WAITING) or 0) < MOST_WAITING:
                    break
            time.sleep(0.02)


@contextmanager
def writing(store: Store) -> Iterator[None]:
    """At a steady rate, until the block ends."""
    end = threading.Event()

    def go_on() -> None:
        began, count = time.monotonic(), 0
        while not end.wait(0.02):
            due = int((time.monotonic() - began) * RATE)
            if due > count:
                write(store, count + 1, due)
                count = due

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def make_watchers(service: "Service", clients: int, mean_s: float = 0.0) -> list[Watcher]:
    every = max(1, clients // 100)
    return [
        Watcher(service.port, () if n < every else (random.choice(LIGHT),), mean_s)
        for n in range(clients)
    ]


def dropped(store: Store, service: "Service", events: int, clients: int) -> dict[str, object]:
    base = service.rss_mb()
    watchers = make_watchers(service, clients, MEAN_S)
    for watcher in watchers:
        watcher.cursor = str(read_ends(store).cursor)
        watcher.last = dict.fromkeys(("ingests", *LIGHT), 0) if watcher.seq == 0 else {}
    done, peak, began = threading.Event(), [base], time.monotonic()

    def is_done(watcher: Watcher) -> bool:
        return done.is_set() and watcher.seq >= final[0]

    final = [1 << 62]

    async def run() -> None:
        tasks = [asyncio.create_task(watcher.follow(is_done)) for watcher in watchers]
        writer = asyncio.create_task(asyncio.to_thread(write_all, store, events))
        while not all(task.done() for task in tasks):
            await asyncio.sleep(1.0)
            peak.append(service.rss_mb())
            if writer.done() and not done.is_set():
                with store.begin() as connection:
                    if not connection.scalar(WAITING):
                        final[0] = read_ends(store).last
                        done.set()
            if time.monotonic() - began > PATIENCE_S:
                for task in tasks:
                    task.cancel()

    asyncio.run(run())
    expected = {topic: _count(topic, events) for topic in ("ingests", *LIGHT)}
    complete = sum(
        all(w.last.get(topic, 0) == expected[topic] for topic in w.topics or expected)
        for w in watchers
    )
    return {
        "part": "dropped at random",
        "events": events,
        "clients": clients,
        "took_s": round(time.monotonic() - began, 1),
        "delivered": sum(w.events for w in watchers),
        "drops": sum(w.drops for w in watchers),
        "gaps": sum(w.gaps for w in watchers),
        "doubles": sum(w.doubles for w in watchers),
        "reloads": sum(w.reloads for w in watchers),
        "complete": complete,
        "rss_mb": [round(base), round(max(peak))],
        "mb_per_client": round((max(peak) - base) / clients, 3),
    }


def _count(topic: str, events: int) -> int:
    place = {"alerts": 0, "scores": 1, "rollouts": 2}
    if topic in place:
        return sum(1 for n in range(place[topic], events + 1, 100) if n)
    return events - sum(_count(light, events) for light in place)


@contextmanager
def watched(service: "Service", clients: int) -> Iterator[list[Watcher]]:
    """Clients that follow in a thread, until the block ends."""
    end = threading.Event()
    watchers = make_watchers(service, clients)

    async def run() -> None:
        await asyncio.gather(*(w.follow(lambda _: end.is_set()) for w in watchers))

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not all(w.cursor for w in watchers) and time.monotonic() < deadline:
            time.sleep(0.1)
        yield watchers
    finally:
        end.set()
        thread.join(40)


def timed(store: Store, service: "Service", clients: int, seconds: float) -> dict[str, object]:
    with watched(service, clients) as watchers, writing(store):
        time.sleep(3)
        for watcher in watchers:
            watcher.is_timed = True
        time.sleep(seconds)
        for watcher in watchers:
            watcher.is_timed = False
    latencies = sorted(late for w in watchers for late in w.latencies)
    return {
        "part": f"{RATE} events a second",
        "clients": clients,
        "delivered": len(latencies),
        "p50_ms": round(1e3 * latencies[len(latencies) // 2]),
        "p99_ms": round(1e3 * latencies[int(len(latencies) * 0.99)]),
        "gaps": sum(w.gaps for w in watchers),
    }


def predicted(service: "Service", seconds: float) -> list[float]:
    """Milliseconds of single predictions, timed in a process of their own: not by the watchers'."""
    command = [sys.executable, __file__, "--predict", str(service.port), "--seconds", str(seconds)]
    return list(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


def predict(port: int, seconds: float) -> list[float]:
    """One after the other with a short pause."""
    found = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            assert client.post("/predict/failure-risk", json=BODY).status_code == 200
            found.append(1e3 * (time.monotonic() - began))
            time.sleep(0.01)
    return found


def beside(store: Store, service: "Service", clients: int, seconds: float) -> dict[str, object]:
    """In turns: nobody watches and nothing is written; ten clients; all clients."""
    turns: dict[str, list[float]] = {"without": [], "few clients": [], "all clients": []}
    for _ in range(3):
        turns["without"] += predicted(service, seconds)
        for name, count in (("few clients", 10), ("all clients", clients)):
            with watched(service, count), writing(store):
                time.sleep(2)
                turns[name] += predicted(service, seconds)
    p99 = {name: round(statistics.quantiles(ms, n=100)[98], 1) for name, ms in turns.items()}
    p50 = {name: round(statistics.median(ms), 1) for name, ms in turns.items()}
    return {"part": "predictions in turns", "p50_ms": p50, "p99_ms": p99, "clients": clients}


class Service:
    """One worker in a process of its own."""

    def __init__(self, home: Path, url: str) -> None:
        self.port = free_port("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}"
        env = os.environ | {"RUNLORE_HOME": str(home), "RUNLORE_DATABASE_URL": url}
        command = [sys.executable, __file__, "--serve", str(self.port)]
        self.process = subprocess.Popen(command, env=env)
        deadline = time.monotonic() + 120
        while not self._answers():
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/alerts", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def rss_mb(self) -> float:
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def serve(port: int) -> None:
    """Be the worker: as `bentos.worker`, without BentoML around it."""
    import uvicorn

    from bentos.app.application import application
    from bentos.predict.live_versions import Serving, load
    from runlore.serving.actions import states
    from runlore.web.connections import OpenConnections

    settings = Settings()
    folder = Path(tempfile.mkdtemp(prefix="rl-"))

    @asynccontextmanager
    async def opened(app: object) -> AsyncIterator[Serving]:
        store = connect(str(settings.database_url.get_secret_value()))  # type: ignore[union-attr]
        live = {}
        for name in SPECS:
            live[name] = load(write_bundle(folder / name, name), "7", name, "wall")
            states.activate(store, live[name].bundle.plan)
        yield Serving(tuple(SPECS), store=store, live=live)

    config = uvicorn.Config(
        application(opened, settings),
        port=port,
        http=OpenConnections().protocol,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run()
    shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=20_000)
    options.add_argument("--clients", type=int, default=200)
    options.add_argument("--seconds", type=float, default=15.0)
    options.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options.add_argument("--predict", type=int, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.predict:
        print(json.dumps(predict(arguments.predict, arguments.seconds)))
        return
    if arguments.serve:
        serve(arguments.serve)
        return
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    try:
        with open_store(Settings(home=home, database_url=None)) as store:
            service = Service(home, store.url)
            try:
                for part in (
                    lambda: dropped(store, service, arguments.events, arguments.clients),
                    lambda: timed(store, service, arguments.clients, arguments.seconds),
                    lambda: beside(store, service, arguments.clients, arguments.seconds / 3),
                ):
                    print(json.dumps(part()), flush=True)
            finally:
                service.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
