"""How long a warm score of content takes through HTTP, and where the time goes.

    python bench/content_score_latency.py [--personas 20] [--days 300] [--requests 1000]

Simulated posts, a champion of `engagement` that is trained on them, and 100 drafts that are scored
in turn. The service and the client are two processes, one request at a time. Each score is on
record and its prediction on the ledger before it is answered.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import uvicorn

from bentos.app.application import application
from bentos.predict.live_versions import Serving, load
from runlore.app import App, home_app
from runlore.engagement.actions import scoring
from runlore.engagement.actions.score_reference import ScoreReferences, read_reference
from runlore.engagement.actions.scoring import ScoreModels, ScoreRequest, score_context
from runlore.engagement.queries import content_scores
from runlore.engagement.queries.contexts import ContextQuery, read_context
from runlore.ingest.queries import facts
from runlore.kernel.instants import now
from runlore.registry.champions import fetch_champion
from runlore.serving.actions import states
from runlore.settings import Settings
from runlore.simulate.content import ContentScenario, SimulatedContent, simulate_content
from runlore.specs.catalog.engagement import SPEC
from runlore.store.engine import Store
from runlore.training.actions.training import train_spec

DRAFTS, WARM = 100, 20
SCORES, EXECUTIONS = "/engagement/scores/draft-", "/executions"


def simulated(personas: int, days: int) -> SimulatedContent:
    monday = now().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    first = monday - timedelta(days=days + monday.weekday() + 7)
    scenario = ContentScenario(personas=personas, days=days, first=first)
    return simulate_content(scenario)


def fill(store: Store, content: SimulatedContent, at: datetime) -> None:
    batch = facts.batch("executions", content.facts())
    facts.ensure_partitions(store, batch)
    with store.connect() as connection:
        facts.add(connection, batch, at)
    with store.connect() as connection:
        connection.execute("ANALYZE runlore.executions")


def live_of(app: App) -> Serving:
    """What serves the champion that was just trained."""
    files = fetch_champion(
        app.store,
        scoring.ENGAGEMENT,
        app.settings.home / "s",
        lambda: app.registry,
        has_tables=True,
    )
    if files is None:
        raise SystemExit("no version of engagement passed its gates")
    live = load(files.folder, files.version, scoring.ENGAGEMENT, "wall", files.digest)
    states.activate(app.store, live.bundle.plan)
    return Serving((scoring.ENGAGEMENT,), store=app.store, live={scoring.ENGAGEMENT: live})


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


def ask(url: str, requests: int) -> None:
    """The client's process: milliseconds of each score, as JSON."""
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        for at in range(DRAFTS):
            inputs = {"content_length": 80 + at, "hashtag_count": at % 12, "has_media": at % 2 == 0}
            draft = {"id": f"draft-{at}", "actor": f"persona-{at % 20}", "kind": "image"}
            body = {**draft, "scope": "instagram", "inputs": inputs}
            client.post(EXECUTIONS, json=body).raise_for_status()
        took = []
        for at in range(-WARM, requests):
            start = time.perf_counter()
            answer = client.get(f"{SCORES}{at % DRAFTS}").raise_for_status()
            took.append(1e3 * (time.perf_counter() - start))
    method = answer.json()["method"]
    print(json.dumps({"took": took[WARM:], "method": method}))


def say(name: str, took: np.ndarray) -> None:
    p50, p90, p99 = np.quantile(took, (0.5, 0.9, 0.99))
    load = os.getloadavg()[0]
    print(f"{name}: p50 {p50:.1f}, p90 {p90:.1f}, p99 {p99:.1f} ms ({len(took)}; load {load:.1f})")


def timed(work, times: int = 100) -> np.ndarray:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append(1e3 * (time.perf_counter() - start))
    return np.array(took)


def explain_parts(store: Store, serving: Serving) -> None:
    predictor = serving.live[scoring.ENGAGEMENT].predictor
    at = now()
    start = time.perf_counter()
    reference = read_reference(store, predictor.bundle, at, frozenset())
    print(f"read past posts: {time.perf_counter() - start:.1f} s, {len(reference.history):,} posts")
    for share in reference.tested:
        if share.top is not None:
            seen = f"{share.posts_share:.1%} of posts, top fifth {share.top:.1%}"
            print(
                f"  {share.tier}: {seen} (promised {share.promised_top:.1%}; {share.posts} posts)"
            )
    models = ScoreModels({scoring.ENGAGEMENT: predictor}, ScoreReferences())
    request = ScoreRequest("draft-1", at)
    score_context(store, models, request)
    say("without HTTP", timed(lambda: score_context(store, models, request)))
    say("  read the context", timed(lambda: read_context(store, "draft-1", ContextQuery(at))))
    row = content_scores.list_scores(store, now(), None, 1)[0]
    say("  write the score", timed(lambda: content_scores.insert_score(store, row)))
    rows = np.zeros((1, len(predictor.bundle.plan.names)), dtype=np.float32)
    say("  reasons", timed(lambda: predictor.bundle.reasons(rows[0])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--personas", type=int, default=20)
    parser.add_argument("--days", type=int, default=300)
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--ask", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.ask:
        ask(args.ask[0], int(args.ask[1]))
        return
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp")))
        app = home_app(home)
        stack.callback(app.close)
        content = simulated(args.personas, args.days)
        fill(app.store, content, now())
        start = time.perf_counter()
        trained = train_spec(app.store, app.registry, SPEC, at=now())
        took = time.perf_counter() - start
        print(f"{len(content.posts):,} posts; trained in {took:.0f} s: {trained.passed}")
        serving = live_of(app)
        url = stack.enter_context(served(serving))
        words = [sys.executable, __file__, "--ask", url, str(args.requests)]
        subprocess.run([*words[:-1], "0"], check=True, capture_output=True)
        spent = time.process_time()
        run = subprocess.run(words, check=True, capture_output=True)
        spent = 1e3 * (time.process_time() - spent) / (args.requests + WARM + DRAFTS)
        found = json.loads(run.stdout)
        print(f"scored by {found['method']}")
        say("HTTP, warm", np.array(found["took"]))
        print(f"CPU of the service, without PostgreSQL: {spent:.1f} ms a request")
        explain_parts(app.store, serving)


if __name__ == "__main__":
    main()
