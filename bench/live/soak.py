"""An hour at half load: does memory grow, does any request fail?

    RUNLORE_HOME=… python bench/live/soak.py [--minutes 60] [--workers 1] [--connections 16]

The home holds a champion of the spec. The rate is half of what a closed loop reaches first. Memory
is what the processes of the service use together (proportional set size: shared pages count once);
its slope is fitted to all but the first tenth, in which caches fill.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import psutil
from truth import Service

sys.path.insert(0, str(Path(__file__).parents[1]))
from peers.load import Figure, Target, closed, constant, require_wrk

WARM_S = 20.0
CHUNK_S = 60.0
BODIES = tuple(
    json.dumps({"actor": f"user-{i % 40}", "kind": "extract", "scope": f"node-{i % 8}"}).encode()
    for i in range(400)
)


def memory_mb(root: psutil.Process) -> float:
    used = 0
    for each in (root, *root.children(recursive=True)):
        try:
            used += each.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return used / 2**20


class Watched(threading.Thread):
    """Memory every few seconds, until told to end."""

    def __init__(self, pid: int, every_s: float = 10.0) -> None:
        super().__init__(daemon=True)
        self.root, self.every_s = psutil.Process(pid), every_s
        self.seen: list[tuple[float, float]] = []
        self.is_over = threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        while not self.is_over.wait(self.every_s):
            self.seen.append((time.monotonic() - began, memory_mb(self.root)))

    def slope_mb_per_h(self) -> float:
        at, used = np.array(self.seen[len(self.seen) // 10 :]).T
        return float(np.polyfit(at / 3600, used, 1)[0])


def await_ready(port: int, patience_s: float = 120.0) -> None:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            if answer.status == 200:
                return
        time.sleep(0.5)
    raise SystemExit(f"port {port}: the service did not come up; see truth.log in RUNLORE_HOME")


def run(target: Target, rate: float, minutes: float, folder: Path) -> list[tuple[Figure, float]]:
    """One figure a minute, so that a slow minute is seen, and what the host took away of it, %."""
    found: list[tuple[Figure, float]] = []
    until = time.monotonic() + minutes * 60
    while (left := until - time.monotonic()) > 1:
        before = psutil.cpu_times()
        figure, after = constant(target, rate, min(CHUNK_S, left), folder), psutil.cpu_times()
        stolen = getattr(after, "steal", 0.0) - getattr(before, "steal", 0.0)
        found.append((figure, round(100 * stolen / (sum(after) - sum(before)), 1)))
        told = {"minute": len(found), **figure.as_json(), "stolen_percent": found[-1][1]}
        print(json.dumps(told), file=sys.stderr, flush=True)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=60.0)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--connections", type=int, default=16)
    options.add_argument("--rate", type=float, help="Requests a second.  [default: see above]")
    options.add_argument("--spec", default="failure-risk")
    given = options.parse_args()
    require_wrk()
    service = Service(given.workers)
    service.start()
    try:
        await_ready(service.port)
        target = Target(service.port, f"/predict/{given.spec}", BODIES)
        with tempfile.TemporaryDirectory() as folder:
            most = closed(target, given.connections, WARM_S, Path(folder))
            watched = Watched(service.process.pid)
            watched.start()
            rate = given.rate or most.rps / 2
            minutes = run(target, rate, given.minutes, Path(folder))
        watched.is_over.set()
        watched.join()
    finally:
        service.stop()
    used = [mb for _, mb in watched.seen]
    result = {
        "bench": "soak",
        "minutes": given.minutes,
        "workers": given.workers,
        "closed_loop_rps": round(most.rps, 1),
        "rate_per_s": round(rate, 1),
        "answers": sum(each.answers for each, _ in minutes),
        "errors_of_minutes": [each.errors for each, _ in minutes],
        "p99_ms_of_minutes": [round(each.latency_ms["p99"], 1) for each, _ in minutes],
        "stolen_percent_of_minutes": [stolen for _, stolen in minutes],
        "memory_mb": {"first": round(used[0]), "last": round(used[-1]), "most": round(max(used))},
        "slope_mb_per_h": round(watched.slope_mb_per_h(), 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
