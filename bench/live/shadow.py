"""What a shadow costs the champion: nothing, even while it hangs or is killed again and again.

    RUNLORE_HOME=… python bench/live/shadow.py [--rounds 5] [--seconds 15] [--rate 150]

The home holds a champion and at least one more version of the spec, which becomes the challenger.
Requests arrive at a fixed rate. Each phase with a shadow lies between two without one, and its p99
is told as a ratio to theirs: the machine's own speed changes from minute to minute.
"""

import argparse
import asyncio
import json
import signal
import sys
import time

import psutil
from promotions import Seen, load, ready
from truth import Service

from runlore import registry, settings
from runlore.store.engine import Store, open_store
from runlore.usecases import promotion
from runlore.usecases.promotion import Arms, Reason

WHY = Reason("bench", "what a shadow costs")
KINDS = ("working", "stopped", "killed")


def shadows(service: Service) -> list[psutil.Process]:
    assert service.process is not None
    every = psutil.Process(service.process.pid).children(recursive=True)
    return [each for each in every if "bentos.shadow" in " ".join(each.cmdline())]


async def phase(
    name: str, url: str, service: Service, store: Store, models: registry.Registry, given
) -> Seen:
    arms = Arms(shadow=name != "none")
    await asyncio.to_thread(promotion.set_arms, store, models, given.spec, arms, WHY)
    await asyncio.sleep(8 if arms.shadow else 2)
    seen, done = Seen(), asyncio.Event()
    loading = asyncio.create_task(load(url, given.rate, seen, done))
    until = time.monotonic() + given.seconds
    while time.monotonic() < until:
        for each in shadows(service) if name in ("stopped", "killed") else ():
            each.send_signal(signal.SIGSTOP if name == "stopped" else signal.SIGKILL)
        await asyncio.sleep(1)
    done.set()
    await loading
    for each in shadows(service):
        each.send_signal(signal.SIGCONT)
    return seen


async def run(
    service: Service, store: Store, models: registry.Registry, given
) -> list[tuple[str, Seen]]:
    url = f"http://127.0.0.1:{service.port}/predict/{given.spec}"
    await ready(url, given.workers, store, given.spec)
    names = ["none", *(name for kind in KINDS * given.rounds for name in (kind, "none"))]
    found = []
    for name in names:
        found.append((name, await phase(name, url, service, store, models, given)))
        print(f"{name}: p99 {percentile(found[-1][1], 0.99)} ms", file=sys.stderr)
    return found


def percentile(seen: Seen, part: float) -> float:
    took = sorted(answered - asked for asked, answered, _ in seen.answers)
    return round(took[int(len(took) * part)] * 1e3, 2)


def ratios(found: list[tuple[str, Seen]], kind: str, part: float) -> list[float]:
    """Of each such phase to the mean of those before and after it, from the least on."""
    values = [percentile(seen, part) for _, seen in found]
    at = [place for place, (name, _) in enumerate(found) if name == kind]
    return sorted(round(2 * values[i] / (values[i - 1] + values[i + 1]), 3) for i in at)


def summary(found: list[tuple[str, Seen]]) -> dict:
    return {
        "bench": "shadow",
        "p99_to_none": {kind: ratios(found, kind, 0.99) for kind in KINDS},
        "p50_to_none": {kind: ratios(found, kind, 0.5) for kind in KINDS},
        "p99_none_ms": [percentile(seen, 0.99) for name, seen in found if name == "none"],
        "failed": sum(sum(seen.failed.values()) for _, seen in found),
        "answers": sum(len(seen.answers) for _, seen in found),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=15.0)
    options.add_argument("--rate", type=float, default=150.0)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--spec", default="failure-risk")
    given = options.parse_args()
    chosen = settings.read()
    with open_store(chosen) as store:
        models = registry.connect(chosen, store)
        champion = models.champion(given.spec)
        assert champion is not None
        other = next(r for r in models.versions(given.spec) if r.version != champion.version)
        models.set_alias(given.spec, "challenger", other.version)
        service = Service(given.workers)
        service.start()
        try:
            found = asyncio.run(run(service, store, models, given))
        finally:
            service.stop()
            models.remove_alias(given.spec, "challenger")
            promotion.reconcile(store, models, given.spec)
    print(json.dumps(summary(found)))


if __name__ == "__main__":
    main()
