"""What a shadow costs the champion: nothing, even while it hangs, raises or is killed, each second.

    RUNLORE_HOME=… python bench/live/shadow.py [--rounds 20] [--seconds 5] [--rate 150]

The home holds a champion and at least one more version of the spec, which becomes the challenger.
Requests arrive at a fixed rate. A shadow that raises has lost its connection to the database. Each
phase with a shadow lies between two without one: the machine's own speed changes from minute to
minute. Many short phases tell more than few long ones.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Sequence

import numpy as np
import psutil
from promotions import Seen, load, ready
from sqlalchemy import text
from truth import Service

from runlore import registry, settings
from runlore.store.engine import Store, open_store
from runlore.usecases import promotion
from runlore.usecases.promotion import Arms, Reason

WHY = Reason("bench", "what a shadow costs")
KINDS = ("working", "stopped", "raising", "killed")
DRAWS = 1000
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
AND (classid::bigint << 32 | objid::bigint) = hashtextextended('runlore.shadow', 0)
"""


def shadows(service: Service) -> list[psutil.Process]:
    assert service.process is not None
    every = psutil.Process(service.process.pid).children(recursive=True)
    return [each for each in every if "bentos.shadow" in " ".join(each.cmdline())]


def vex(kind: str, service: Service, store: Store) -> None:
    """Do to the shadow what its kind says."""
    if kind == "raising":
        with store.begin() as connection:
            connection.execute(text(CUT))
    for each in shadows(service) if kind in ("stopped", "killed") else ():
        each.send_signal(signal.SIGSTOP if kind == "stopped" else signal.SIGKILL)


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
        await asyncio.to_thread(vex, name, service, store)
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
    names = ["none", *(name for kind in given.kinds * given.rounds for name in (kind, "none"))]
    await phase("none", url, service, store, models, given)  # the first answers warm everything
    found = []
    for name in names:
        found.append((name, await phase(name, url, service, store, models, given)))
        print(f"{name}: p99 {p99_ms(found[-1][1])} ms", file=sys.stderr)
    return found


def took_ms(seen: Seen) -> np.ndarray:
    return np.array([answered - asked for asked, answered, _ in seen.answers]) * 1e3


def compared(found: list[tuple[str, Seen]], kind: str, percent: float) -> dict[str, float]:
    """A percentile of all answers while there was such a shadow, to that of those in the phases
    before and after; low, high: 95 % of what phases drawn anew would have given."""
    took = [took_ms(seen) for _, seen in found]
    at = [place for place, (name, _) in enumerate(found) if name == kind]

    def ratio(places: Sequence[int]) -> float:
        beside = [each for i in places for each in (took[i - 1], took[i + 1])]
        mine = np.concatenate([took[i] for i in places])
        return float(np.percentile(mine, percent) / np.percentile(np.concatenate(beside), percent))

    draw = np.random.default_rng(1).choice
    drawn = [ratio(draw(at, len(at))) for _ in range(DRAWS)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {"ratio": round(ratio(at), 3), "low": round(low, 3), "high": round(high, 3)}


def summary(found: list[tuple[str, Seen]], kinds: Sequence[str]) -> dict:
    return {
        "bench": "shadow",
        "p99_to_none": {kind: compared(found, kind, 99) for kind in kinds},
        "p50_to_none": {kind: compared(found, kind, 50) for kind in kinds},
        "p99_none_ms": [p99_ms(seen) for name, seen in found if name == "none"],
        "failed": sum(sum(seen.failed.values()) for _, seen in found),
        "answers": sum(len(seen.answers) for _, seen in found),
    }


def p99_ms(seen: Seen) -> float:
    return round(float(np.percentile(took_ms(seen), 99)), 2)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--rate", type=float, default=150.0)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--spec", default="failure-risk")
    options.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
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
    print(json.dumps(summary(found, given.kinds)))


if __name__ == "__main__":
    main()
