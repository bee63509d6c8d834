"""How long a warm estimate takes through HTTP, and where the time goes.

    python bench/estimate_latency.py [--executions 300000] [--requests 1000]

A log of that many executions in 20 kinds; one kind is learned from its newest 2,000. The service
and the client are two processes, one request at a time. Then a project of 100 tasks, and one task
while its kind is learned again in the background.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import uvicorn

from bentos.api.estimates import estimators_of
from bentos.app.application import application
from bentos.predict.live_versions import Serving
from runlore.app import App
from runlore.kernel.instants import now
from runlore.planning.actions import estimates
from runlore.planning.actions.estimates import LEVELS, EstimatorCache, PlannedTask, learn_kind
from runlore.planning.queries.finished_tasks import read_finished
from runlore.planning.views import show_estimate
from runlore.settings import Settings
from runlore.store import partitions
from runlore.store.engine import Store, open_store

START = datetime(2025, 12, 1, tzinfo=UTC)
ALL = timedelta(days=340)
INPUTS = {"size": 500, "tool": "t3", "nodes": 16, "queue": "long", "priority": 2}
FILL = """
INSERT INTO runlore.executions (source, source_id, submitted, revision, actor, kind, scope, inputs,
    started, finished, status, outcome, submission_known_at, known_at, digest)
SELECT 'ci', 'x' || i, at, 0, 'u' || i %% 200, 'k' || i %% 20, 's' || i %% 50,
    jsonb_build_object('size', size, 'tool', 't' || i %% 7, 'nodes', i %% 64, 'queue',
        CASE WHEN i %% 3 = 0 THEN 'long' ELSE 'short' END, 'priority', i %% 5),
    at, at + make_interval(secs => took), 'succeeded', '{}', at, at + make_interval(secs => took), i
FROM generate_series(1, %(rows)s) AS i,
    LATERAL (SELECT %(start)s + i * %(step)s::interval AS at, 1 + random() * 1000 AS size) AS a,
    LATERAL (SELECT (10 + size) * (1 + i %% 7) * exp(random() - 0.5) AS took) AS b
"""


@contextmanager
def served(store: Store) -> Iterator[tuple[str, EstimatorCache]]:
    """The address of the service, in a thread of this process, and what it learns."""
    serving = Serving((), store=store, live={})

    @asynccontextmanager
    async def opened(_: App) -> AsyncIterator[Serving]:
        yield serving

    app = application(opened, Settings())
    config = uvicorn.Config(app, port=0, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", estimators_of(app.state)
    finally:
        server.should_exit = True
        thread.join()


def fill(store: Store, rows: int) -> None:
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", START, START + ALL)
    with store.connect() as connection:
        connection.execute(FILL, {"rows": rows, "start": START, "step": ALL / rows})
    with store.connect() as connection:
        connection.execute("ANALYZE runlore.executions")


def ask(url: str, body: dict, requests: int) -> None:
    """The client's process: milliseconds of each request, as JSON."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        for _ in range(20):
            if client.post("/estimates", json=body).status_code == 200:
                break
        took = []
        for _ in range(requests):
            start = time.perf_counter()
            client.post("/estimates", json=body).raise_for_status()
            took.append(1e3 * (time.perf_counter() - start))
    print(json.dumps(took))


def asked(url: str, body: dict, requests: int) -> np.ndarray:
    words = [sys.executable, __file__, "--ask", url, json.dumps(body), str(requests)]
    return np.array(json.loads(subprocess.run(words, check=True, capture_output=True).stdout))


def say(name: str, took: np.ndarray) -> None:
    p50, p90, p99 = np.quantile(took, (0.5, 0.9, 0.99))
    load = os.getloadavg()[0]
    print(f"{name}: p50 {p50:.1f}, p90 {p90:.1f}, p99 {p99:.1f} ms ({len(took)}; load {load:.1f})")


def timed(work: Callable[[], object], times: int) -> np.ndarray:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append(1e3 * (time.perf_counter() - start))
    return np.array(took)


def explain_parts(store: Store) -> None:
    at = now()
    say("read 2,000 tasks", timed(lambda: read_finished(store, "k3", "duration_s", at, 2_000), 10))
    task = PlannedTask("k3", inputs=INPUTS)
    start = time.perf_counter()
    learned = learn_kind(store, "k3", "duration_s", at)
    print(f"learn a kind: {time.perf_counter() - start:.1f} s")
    described, fitted = task.description, learned.estimator
    fitted.estimate(described, LEVELS)
    say("estimate", timed(lambda: fitted.estimate(described, LEVELS), 200))
    say("reasons", timed(lambda: fitted.explain(described), 200))
    encoded = fitted.encoder.encode([described])
    for name, model in fitted.models.items():
        say(f"  model {name}", timed(lambda model=model: model(encoded), 200))
    made = estimates.TaskEstimate(task, learned, fitted.estimate(described, LEVELS))
    say("view", timed(lambda: show_estimate(made), 200))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=300_000)
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--ask", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.ask:
        url, body, requests = args.ask
        ask(url, json.loads(body), int(requests))
        return
    one = {"kind": "k3", "inputs": INPUTS}
    project = {"tasks": [{"id": str(at), **one} for at in range(100)]}
    for at, task in enumerate(project["tasks"][1:]):
        task["after"] = [str(max(0, at - 3))]
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp"))
        store = stack.enter_context(open_store(Settings(home=Path(home))))
        fill(store, args.executions)
        explain_parts(store)
        url, learned = stack.enter_context(served(store))
        say("HTTP, warm", asked(url, one, args.requests))
        say("HTTP, a project of 100 tasks", asked(url, project, args.requests // 10))
        learned.renew_after(timedelta(0))
        say("HTTP, while it is learned again", asked(url, one, args.requests))


if __name__ == "__main__":
    main()
