"""Promotions and rollbacks under load: no failed request, no answer of a rejected version.

    RUNLORE_HOME=… python bench/live/promotions.py [--times 20] [--rate 200] [--workers 4]

The home holds a champion and at least one more version of the spec. Requests arrive at a fixed
rate whatever becomes of earlier ones; meanwhile the other version is promoted and rolled back in
turn. An answer is wrong when it was asked for more than a second after the command returned and
still comes from the version that was replaced.
"""

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

import aiohttp
from truth import Service

from runlore import registry, settings
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import ChangeReason
from runlore.store.engine import Store, open_store

PATIENCE_S = 30.0
GRACE_S = 1.0
PAUSE_S = 1.5
WHY = ChangeReason("bench", "promotions under load")
BODY = {"actor": "user-29", "kind": "extract", "scope": "node-3", "inputs": {}}


@dataclass
class Seen:
    """answers: when asked, when answered, by which version. changes: begun, done, to which."""

    answers: list[tuple[float, float, str]] = field(default_factory=list)
    changes: list[tuple[float, float, str]] = field(default_factory=list)
    failed: dict[str, int] = field(default_factory=dict)
    late_workers: int = 0

    def stale(self) -> int:
        """Answers of another version, asked for between GRACE_S after a change and the next."""
        wrong = 0
        ends = [begin for begin, _, _ in self.changes[1:]] + [float("inf")]
        for (_, done, to), end in zip(self.changes, ends, strict=True):
            wrong += sum(
                version != to for asked, _, version in self.answers if done + GRACE_S < asked < end
            )
        return wrong


async def load(url: str, rate: float, seen: Seen, done: asyncio.Event) -> None:
    timeout = aiohttp.ClientTimeout(total=20)
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:

        async def ask() -> None:
            began = time.monotonic()
            try:
                async with session.post(url, json=BODY) as response:
                    told = await response.json()
                    if response.status == 200:
                        seen.answers.append((began, time.monotonic(), told["version"]))
                    else:
                        name = str(response.status)
                        seen.failed[name] = seen.failed.get(name, 0) + 1
            except (aiohttp.ClientError, TimeoutError) as error:
                name = type(error).__name__
                seen.failed[name] = seen.failed.get(name, 0) + 1

        tasks: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        while not done.is_set():
            due += 1 / rate
            await asyncio.sleep(max(due - time.monotonic(), 0))
            task = asyncio.create_task(ask())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)


def change(store: Store, models: registry.Registry, spec: str, version: str, seen: Seen) -> None:
    for _ in range(2):
        began = time.monotonic()
        aliases = {a: d.version for a, d in models.aliases([spec])[spec].items()}
        if aliases["champion"] == version:
            entry = promotion.rollback(store, models, spec, WHY)
        else:
            entry = promotion.promote(store, models, spec, WHY, version)
        to = entry.version or ""
        done, every = promotion.await_workers(store, spec, to, PATIENCE_S)
        seen.late_workers += every - done
        seen.changes.append((began, time.monotonic(), to))
        time.sleep(PAUSE_S)


async def run(
    service: Service, store: Store, models: registry.Registry, given: argparse.Namespace
) -> Seen:
    url = f"http://127.0.0.1:{service.port}/predict/{given.spec}"
    await ready(url, given.workers, store, given.spec)
    champion = models.aliases([given.spec])[given.spec]["champion"].version
    other = next(r.version for r in models.versions(given.spec) if r.version != champion)
    seen, done = Seen(), asyncio.Event()
    loading = asyncio.create_task(load(url, given.rate, seen, done))
    for turn in range(given.times):
        await asyncio.to_thread(change, store, models, given.spec, other, seen)
        print(f"{turn + 1} of {given.times}", file=sys.stderr)
    done.set()
    await loading
    return seen


async def ready(url: str, workers: int, store: Store, spec: str) -> None:
    from runlore.serving.queries import workers as known

    until = time.monotonic() + 120
    while time.monotonic() < until:
        alive = [each for each in known.alive(store) if each.versions.get(spec)]
        if len(alive) >= workers:
            return
        await asyncio.sleep(0.5)
    raise SystemExit(f"{url}: not all workers came up")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--times", type=int, default=20)
    options.add_argument("--rate", type=float, default=200.0)
    options.add_argument("--workers", type=int, default=4)
    options.add_argument("--spec", default="failure-risk")
    given = options.parse_args()
    chosen = settings.read()
    with open_store(chosen) as store:
        models = registry.connect(chosen, store)
        service = Service(given.workers)
        service.start()
        try:
            seen = asyncio.run(run(service, store, models, given))
        finally:
            service.stop()
    took = sorted(answered - asked for asked, answered, _ in seen.answers)
    print(
        json.dumps(
            {
                "bench": "promotions",
                "promotions": given.times,
                "rollbacks": given.times,
                "rate_per_s": given.rate,
                "workers": given.workers,
                "answers": len(seen.answers),
                "failed": seen.failed,
                "stale_answers": seen.stale(),
                "workers_late": seen.late_workers,
                "longest_change_s": round(max(done - begun for begun, done, _ in seen.changes), 2),
                "p50_ms": round(took[len(took) // 2] * 1e3, 1),
                "p99_ms": round(took[int(len(took) * 0.99)] * 1e3, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
