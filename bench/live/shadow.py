"""What a shadow costs the champion, also while it hangs, raises or is killed each second.

    RUNLORE_HOME=… python bench/live/shadow.py [--rounds 20] [--seconds 5] [--rate 150]

The home holds a champion and at least one more version of the spec, which becomes the challenger.
Requests arrive at a fixed rate. A shadow that raises has lost its connection to the database. Each
phase with a shadow lies between two without one: the machine's own speed changes from minute to
minute. Many short phases tell more than few long ones.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import psutil
from promotions import Seen, load, ready
from sqlalchemy import text
from truth import Service

from runlore import registry, settings
from runlore.registry import Registry
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import Arms, ChangeReason
from runlore.store.engine import Store, open_store

WHY = ChangeReason("bench", "what a shadow costs")
KINDS = ("working", "stopped", "raising", "killed")
DRAWS = 1000
STARTS_S, ENDS_S = 8.0, 2.0
CUT = """
SELECT CASE WHEN :is_cut THEN pg_terminate_backend(pid) END FROM pg_locks
WHERE locktype = 'advisory' AND granted
AND (classid::bigint << 32 | objid::bigint) = hashtextextended('runlore.shadow', 0)
"""

Window = tuple[str, float, float]
"""Which kind of shadow, from when, to when, in seconds of the monotonic clock."""


def shadows(service: Service) -> list[psutil.Process]:
    assert service.process is not None
    every = psutil.Process(service.process.pid).children(recursive=True)
    return [each for each in every if "bentos.predict.shadow" in " ".join(each.cmdline())]


def vex(kind: str, service: Service, store: Store) -> None:
    """Do to the shadow what its kind says; to look for one costs the same whatever the kind."""
    with store.begin() as connection:
        connection.execute(text(CUT), {"is_cut": kind == "raising"})
    with contextlib.suppress(psutil.Error):  # one that ends just now
        for each in shadows(service):
            if kind in ("stopped", "killed"):
                each.send_signal(signal.SIGSTOP if kind == "stopped" else signal.SIGKILL)


@dataclass(frozen=True)
class Phase:
    """took_ms: of the answers that were asked for while there was such a shadow."""

    kind: str
    took_ms: np.ndarray


async def phase(kind: str, service: Service, store: Store, models: Registry, given) -> Window:
    """From when to when, after the shadow has started or ended, it was as its kind says."""
    arms = Arms(shadow=kind != "none")
    await asyncio.to_thread(promotion.set_arms, store, models, given.spec, arms, WHY)
    await asyncio.sleep(STARTS_S if arms.shadow else ENDS_S)
    begun = time.monotonic()
    while time.monotonic() < begun + given.seconds:
        await asyncio.to_thread(vex, kind, service, store)
        await asyncio.sleep(1)
    ended = time.monotonic()
    for each in shadows(service):
        each.send_signal(signal.SIGCONT)
    return kind, begun, ended


async def run(service: Service, store: Store, models: Registry, given) -> tuple[Seen, list[Window]]:
    """One load throughout, so that no phase begins colder than another."""
    url = f"http://127.0.0.1:{service.port}/predict/{given.spec}"
    await ready(url, given.workers, store, given.spec)
    kinds = ["none", *(name for kind in given.kinds * given.rounds for name in (kind, "none"))]
    seen, done = Seen(), asyncio.Event()
    loading = asyncio.create_task(load(url, given.rate, seen, done))
    await asyncio.sleep(STARTS_S)
    windows = []
    for kind in kinds:
        windows.append(await phase(kind, service, store, models, given))
        print(f"{len(windows)} of {len(kinds)} phases", file=sys.stderr)
    done.set()
    await loading
    return seen, windows


def phases(seen: Seen, windows: list[Window]) -> list[Phase]:
    asked, answered = np.array([answer[:2] for answer in seen.answers]).T
    took_ms = (answered - asked) * 1e3
    return [Phase(kind, took_ms[(asked >= a) & (asked < b)]) for kind, a, b in windows]


def compared(found: list[Phase], kind: str, percent: float) -> dict[str, float]:
    """A percentile of all answers while there was such a shadow, to that of those in the phases
    before and after; low, high: 95 % of what phases drawn anew would have given."""
    at = [place for place, each in enumerate(found) if each.kind == kind]

    def ratio(places: Sequence[int]) -> float:
        beside = [found[k].took_ms for i in places for k in (i - 1, i + 1)]
        mine = np.concatenate([found[i].took_ms for i in places])
        return float(np.percentile(mine, percent) / np.percentile(np.concatenate(beside), percent))

    draw = np.random.default_rng(1).choice
    drawn = [ratio(draw(at, len(at))) for _ in range(DRAWS)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {"ratio": round(ratio(at), 3), "low": round(low, 3), "high": round(high, 3)}


def summary(seen: Seen, found: list[Phase], kinds: Sequence[str]) -> dict:
    of_none = [float(np.percentile(each.took_ms, 99)) for each in found if each.kind == "none"]
    return {
        "bench": "shadow",
        "p99_to_none": {kind: compared(found, kind, 99) for kind in kinds},
        "p50_to_none": {kind: compared(found, kind, 50) for kind in kinds},
        "p99_none_ms": [round(each, 2) for each in of_none],
        "failed": sum(seen.failed.values()),
        "answers": len(seen.answers),
    }


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
            seen, windows = asyncio.run(run(service, store, models, given))
        finally:
            service.stop()
            models.remove_alias(given.spec, "challenger")
            promotion.reconcile(store, models, given.spec)
    print(json.dumps(summary(seen, phases(seen, windows), given.kinds)))


if __name__ == "__main__":
    main()
