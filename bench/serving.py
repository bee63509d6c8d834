"""Answers per second and how long they take: Runlore beside other servers of the same model.

    make bench BENCH=serving                  # all; BENCH=serving.stateless for one comparison
    python bench/serving.py --report FOLDER   # with a page and two plots
    python bench/serving.py --only stateless,fastapi --seconds 3

One ensemble (random forest 100 trees of depth 10, XGBoost 100, naive Bayes; soft votes 0.5, 0.3,
0.2) is trained once. Every server answers with it alone on the machine: same clients, same
connections, same number of workers, one thread per library, answers compared with
scikit-learn's. Peers live in environments of their own under ~/.cache/runlore-bench, which are
made at the first run. `wrk` must be there: `apt-get install wrk`. The ceiling and ours are near
each other and the machine's speed changes by the minute: their ratio is of runs that take turns.
"""

import argparse
import json
import os
import platform
import resource
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from peers import load
from peers.clocks import Clocks
from peers.environments import python_of, versions_of
from peers.load import Figure
from peers.servers import (
    SERVERS,
    Place,
    Running,
    Server,
    Unusable,
    running,
    worst_difference,
)

from runlore.stack.tcp_ports import free_port

if TYPE_CHECKING:
    from peers.model import Prepared

CONNECTIONS = (1, 16, 64)
COMPARED = 16
WARM_S = 2.0
BUSY_PERCENT = 15.0
STOLEN_PERCENT = 1.0
"""Of the processors' time, taken by the host for other machines: more, and a run is made anew."""

MOST_TRIES = 6
HALF_LOAD_TIMES = 5
"""As long: by half load few stalls make the tail, which a short run has or has not."""

TURNS = 7
TOLERANCE = 1e-4
PEERS = tuple(server.name for server in SERVERS if server.is_peer)
NEEDED = {
    "serving.stateless": ("stateless", *PEERS),
    "serving.stateless_of_ceiling": ("stateless", "ceiling"),
    "serving.ledger": ("ledger", *PEERS),
    "serving.features": ("features", *PEERS),
}
NEAR = ("stateless", "ceiling")
UNIT = f"answers/s at {COMPARED} connections"
Results = dict[str, dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", nargs="?", choices=sorted(NEEDED), help="one comparison only")
    parser.add_argument("--only", metavar="NAME[,NAME]", help="measure these servers")
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="of each load, half load: five times"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="wait this long, before each server, for others to leave the machine alone",
    )
    parser.add_argument("--workers", type=int, default=1, help="processes of each server")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="write a page and plots")
    asked = parser.parse_args()
    names = chosen(asked.bench, asked.only)
    load.require_wrk()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    from peers.model import prepare

    from runlore.kernel.threads import calm_threads

    calm_threads()
    with tempfile.TemporaryDirectory(prefix="rb-", dir="/tmp") as folder:
        say("training the ensemble")
        results = measured_all(names, prepare(Path(folder)), Path(folder), asked)
    about = told_about(asked.seconds, asked.workers)
    for bench in [asked.bench] if asked.bench else NEEDED:
        line = compared(bench, results, about)
        if line:
            print(json.dumps(line), flush=True)
    if asked.report:
        from peers.report import write

        say(f"wrote {write(asked.report, results, about)}")


def measured_all(
    names: set[str], prepared: "Prepared", folder: Path, asked: argparse.Namespace
) -> Results:
    """Each server alone; then those that are near each other, in turns."""

    def place(name: str) -> Place:
        return Place(prepared, folder / name, free_port("127.0.0.1"), asked.workers)

    results: Results = {}
    for server in SERVERS:
        if server.name in names:
            await_calm(asked.patience)
            results[server.name] = measured(server, place(server.name), asked.seconds)
    pair = [server for server in SERVERS if server.name in NEAR]
    if all("closed_1" in results.get(server.name, {}) for server in pair):
        places = [place(f"{server.name}-turns") for server in pair]
        for name, turns in in_turns(pair, places, asked.seconds).items():
            results[name]["turns"] = turns
    return results


def chosen(bench: str | None, only: str | None) -> set[str]:
    known = {server.name for server in SERVERS}
    names = set(only.split(",")) if only else set(NEEDED[bench] if bench else known)
    if names - known:
        raise SystemExit(f"no server is named {sorted(names - known)}; there are {sorted(known)}")
    return names


def await_calm(patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while time.monotonic() < until and psutil.cpu_percent(interval=2.0) > BUSY_PERCENT:
        time.sleep(1.0)


def measured(server: Server, place: Place, seconds: float) -> dict[str, Any]:
    """All figures of one server, or why there are none."""
    found: dict[str, Any] = {"title": server.title}
    place.folder.mkdir()
    try:
        python = python_of(server, say)
        place = Place(place.prepared, place.folder, place.port, place.workers, python)
        found["versions"] = versions_of(server, python)
        say(f"{server.name}: starting")
        with running(server, place) as one:
            found |= loaded(server, place, one, seconds)
    except Unusable as error:
        say(f"{server.name}: {error}")
        found["failed"] = str(error)
    return found


def in_turns(pair: list[Server], places: list[Place], seconds: float) -> dict[str, list[float]]:
    """Answers per second of servers that run side by side and are asked one after the other."""
    turns: dict[str, list[float]] = {server.name: [] for server in pair}
    with ExitStack() as stack:
        ready = []
        for server, place in zip(pair, places, strict=True):
            place.folder.mkdir()
            one = stack.enter_context(running(server, place))
            target = server.target(place.prepared, place.port)
            load.closed(target, COMPARED, WARM_S, place.folder)
            run = partial(load.closed, target, COMPARED, seconds, place.folder)
            ready.append((server.name, one, run))
        for _ in range(TURNS):
            for name, one, run in ready:
                figure, _ = undisturbed(run, one, name, "its turn")
                turns[name].append(round(figure.rps, 1))
    return turns


def loaded(server: Server, place: Place, one: Running, seconds: float) -> dict[str, Any]:
    target = server.target(place.prepared, place.port)
    apart = worst_difference(server, place.prepared, place.port)
    if apart > TOLERANCE and not server.is_calibrated:
        raise Unusable(f"its answers differ from scikit-learn's by up to {apart:.3g}")
    found: dict[str, Any] = {"cold_start_s": round(one.cold_start_s, 2)}
    if not server.is_calibrated:
        found["differs_by"] = float(f"{apart:.2g}")
    load.closed(target, COMPARED, WARM_S, place.folder)
    os.sync()  # what was prepared would be written out meanwhile
    for connections in CONNECTIONS:
        run = partial(load.closed, target, connections, seconds, place.folder)
        figure, told = undisturbed(run, one, server.name, f"c={connections}")
        found[f"closed_{connections}"] = told
        if connections == COMPARED:
            found["memory"] = one.memory()
            load.constant(target, figure.rps / 2, WARM_S, place.folder)
            half = (figure.rps / 2, HALF_LOAD_TIMES * seconds, place.folder)
            run = partial(load.constant, target, *half)
            _, told = undisturbed(run, one, server.name, "half load")
            found["half_load"] = {"rate": round(figure.rps / 2, 1), **told}
    return found


def undisturbed(
    run: Callable[[], Figure], one: Running, name: str, what: str
) -> tuple[Figure, dict[str, Any]]:
    """The run of which the host took the least away, made anew while it takes too much."""
    tries = []
    for _ in range(MOST_TRIES):
        before, client_s = Clocks.read(one), waited_s()
        figure = run()
        used = Clocks.read(one).since(before, figure.answers, waited_s() - client_s)
        tries.append((figure, checked(figure, name, what) | used))
        if used["stolen_percent"] <= STOLEN_PERCENT or figure.errors:
            return tries[-1]
    return min(tries, key=lambda each: each[1]["stolen_percent"])


def waited_s() -> float:
    """CPU seconds of this process's children that have ended, such as wrk."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def checked(figure: Figure, name: str, what: str) -> dict[str, Any]:
    """The figure, which does not count when an answer was not 200 or did not come."""
    told = figure.as_json()
    say(
        f"{name}: {what}: {figure.rps:,.0f}/s, "
        + ", ".join(f"{key} {value:.2f} ms" for key, value in figure.latency_ms.items())
        + (f", {figure.errors} ERRORS" if figure.errors else "")
    )
    return told | {"is_valid": figure.errors == 0 and figure.answers > 0}


def compared(bench: str, results: Results, about: dict[str, Any]) -> dict[str, Any] | None:
    """One line; None when ours was not measured, which a missing setting may be the reason for."""
    mine, *others = NEEDED[bench]
    ours = rate(results.get(mine))
    if mine not in results or (mine == "features" and ours is None):
        return None
    peers = {name: results[name] for name in others if name in results}
    rates = {name: rate(found) for name, found in peers.items()}
    known = {name: each for name, each in rates.items() if each is not None}
    best = max(known, key=lambda name: known[name], default=None)
    ratio = None if best is None or ours is None else round(ours / known[best], 3)
    if bench == "serving.stateless_of_ceiling" and ratio is not None:
        turns = zip(*(results[name]["turns"] for name in NEAR), strict=True)
        ratio = round(statistics.median(one / other for one, other in turns), 3)
    return {
        "bench": bench,
        "ours": ours,
        "theirs": rates,
        "ratio": ratio,
        "unit": UNIT,
        "note": note(best, peers),
        "servers": {mine: results[mine], **peers},
        **about,
    }


def rate(found: dict[str, Any] | None) -> float | None:
    figure = (found or {}).get(f"closed_{COMPARED}", {})
    return figure["rps"] if figure.get("is_valid") else None


def note(best: str | None, peers: Results) -> str:
    failed = [
        f"{name}: {found['failed'][:200]}" for name, found in peers.items() if "failed" in found
    ]
    return (
        f"ours / {best}; same ensemble, one row a request; closed loop and, for half load,"
        " constant rate by wrk; latencies in ms"
        + ("; not measured: " + "; ".join(failed) if failed else "")
    )


def told_about(seconds: float, workers: int) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "workers": workers,
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
