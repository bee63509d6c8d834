"""How long `POST /agent-routing` takes over 1,000 agents, and where the time goes.

    python bench/agent_routing_latency.py [--agents N] [--requests N]

Agents with 20 types of task each that they have shown something at, a fifth of them busy. The
service and the client are two processes, one request at a time.
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
from pathlib import Path

import httpx
import numpy as np
import uvicorn

from bentos.app.application import application
from bentos.predict.live_versions import Serving
from runlore.agents.actions.routing import RoutingPolicy, RoutingRequest, choose_agent
from runlore.agents.queries.routings import read_candidates, read_skills
from runlore.agents.rules.fixed_score import score_agents
from runlore.agents.rules.learned_score import sample_agents
from runlore.app import App, home_app
from runlore.settings import Settings
from runlore.store.engine import Store

WARM = 30
POLICIES: tuple[RoutingPolicy, ...] = ("fixed", "learned")
FILL = (
    """INSERT INTO runlore.agents (name, type, version, capabilities, max_concurrent_tasks, seen_at)
 SELECT 'agent ' || n, 'custom', '1.0.0', ARRAY['text'], 5, clock_timestamp() + interval '1 hour'
 FROM generate_series(1, %(agents)s) n""",
    """INSERT INTO runlore.agent_skills (agent_id, task_type, successes, failures, log_s, log_s2)
 SELECT id, 'type ' || t, 12 * random(), 5 * random(), 40, 150
 FROM runlore.agents, generate_series(1, 20) t""",
    """INSERT INTO runlore.agent_tasks (type, name, status, agent_id, priority, due_at, lease_s,
  max_retries, lease_until, token, attempts)
 SELECT 'type 1', 'x', 'in_progress', id, 2, clock_timestamp(), 60, 3,
  clock_timestamp() + interval '1 hour', nextval('runlore.agent_task_token'), 1
 FROM runlore.agents WHERE random() < 0.2""",
)


def fill(store: Store, agents: int) -> None:
    with store.connect() as connection:
        for statement in FILL:
            connection.execute(statement, {"agents": agents})
        connection.execute("ANALYZE")


@contextmanager
def served(serving: Serving) -> Iterator[str]:
    @asynccontextmanager
    async def opened(_: App) -> AsyncIterator[Serving]:
        yield serving

    config = uvicorn.Config(application(opened, Settings(api_keys="off")), port=0, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def ask(url: str, policy: str, requests: int) -> None:
    """The client's process: milliseconds of each request, as JSON."""
    body = {"required_capabilities": ["text"], "task_type": "type 1", "policy": policy}
    took = []
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        for _ in range(WARM + requests):
            start = time.perf_counter()
            client.post("/agent-routing", json=body).raise_for_status()
            took.append(1e3 * (time.perf_counter() - start))
    print(json.dumps(took[WARM:]))


def say(name: str, took: np.ndarray) -> None:
    p50, p90, p99 = np.quantile(took, (0.5, 0.9, 0.99))
    load = os.getloadavg()[0]
    print(f"{name}: p50 {p50:.1f}, p90 {p90:.1f}, p99 {p99:.1f} ms ({len(took)}; load {load:.1f})")


def timed(work: Callable[[], object], times: int = 100) -> np.ndarray:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append(1e3 * (time.perf_counter() - start))
    return np.array(took)


def explain_parts(store: Store) -> None:
    request = RoutingRequest(("text",), "type 1")
    with store.connect() as connection:
        records, skills = (
            read_candidates(connection, ["text"]),
            read_skills(connection, ["text"], "type 1"),
        )
        say("fixed: statement", timed(lambda: read_candidates(connection, ["text"])))
        say("learned: statement", timed(lambda: read_skills(connection, ["text"], "type 1")))
    say("fixed: score", timed(lambda: score_agents(records, frozenset({"text"}))))
    generator = np.random.default_rng(0)
    say("learned: draws", timed(lambda: sample_agents(skills, None, generator)))
    say("fixed without HTTP", timed(lambda: choose_agent(store, request)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--ask", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.ask:
        ask(*args.ask, args.requests)
        return
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp")))
        app = home_app(home)
        stack.callback(app.close)
        fill(app.store, args.agents)
        url = stack.enter_context(served(Serving((), store=app.store)))
        for policy in POLICIES:
            words = [sys.executable, __file__, "--requests", str(args.requests)]
            run = subprocess.run(
                [*words, "--ask", url, policy], check=True, capture_output=True, text=True
            )
            say(f"{policy}: HTTP", np.array(json.loads(run.stdout)))
        explain_parts(app.store)


if __name__ == "__main__":
    main()
