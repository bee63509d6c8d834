"""Does each task get done once, whatever happens to workers and to PostgreSQL?

    python bench/agent_kills.py [--tasks 10000] [--workers 20] [--seed 0]

Workers are processes that lease tasks, do an effect at a receiver, and complete them. Meanwhile:

- `kill -9` of a random worker every 0.15 s; another with the same name takes its place;
- now and then a second worker starts with a name whose owner still lives;
- workers stand still for longer than their lease, and then go on;
- clocks of workers jump by up to a day;
- rows of agents are deleted while they work;
- PostgreSQL is ended the hard way (SIGQUIT: no checkpoint) and started again, twice.

The receiver remembers the highest token of each task. It refuses lower ones, and does one effect
per task. Counted at the end: tasks lost (not completed), the longest that a task stood beyond the
end of its lease, effects done twice, and tokens that two workers had (a receiver cannot see that).
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import signal
import socket
import socketserver
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runlore.agents.actions.registering import list_agents, register_agent, remove_agent
from runlore.agents.actions.task_steps import complete_task, create_task, lease_tasks, renew_lease
from runlore.agents.queries.registry import AgentFilter
from runlore.agents.queries.task_rows import TaskRow
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.kernel.errors import NotFound, Refused, Unavailable
from runlore.settings import Settings
from runlore.store.embedded.layout import ServerPaths
from runlore.store.embedded.server import postmaster
from runlore.store.engine import Store, connect, open_store

LEASE_S, DAY_S = 2.0, 86_400.0
KILL_S, DELETE_S, LOOK_S = 0.15, 2.0, 0.2
LONG, FROZEN = 0.01, 0.005  # shares of tasks: longer than a lease with heartbeats, or without
STATE = """
SELECT count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed'),
 coalesce(max(extract(epoch FROM clock_timestamp() - lease_until))
  FILTER (WHERE status IN ('assigned', 'in_progress')), 0)::float8
FROM runlore.agent_tasks
"""
TWICE = """
SELECT count(*) FROM (SELECT task_id FROM runlore.agent_task_events WHERE event = 'completed'
 GROUP BY task_id HAVING count(*) > 1) AS twice
"""


@dataclass
class Receiver:
    """Does one effect per task; owners: which process came with a token first."""

    highest: dict[str, int] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    owners: dict[tuple[str, int], str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)

    def take(self, task: str, token: int, owner: str) -> str:
        answer = self._judge(task, token)
        if self.owners.setdefault((task, token), owner) != owner:
            self.counts["token of two workers"] += 1
        self.counts[answer] += 1
        return answer

    def _judge(self, task: str, token: int) -> str:
        if token < self.highest.get(task, 0):
            return "stale token refused"
        self.highest[task] = token
        if task in self.done:
            return "done before"
        self.done.add(task)
        self.effects[task] += 1
        return "done"


def receive(address: str) -> None:
    """Serve a receiver; a line `report` is answered by what it counted."""
    receiver = Receiver()

    class Lines(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                asked = json.loads(line)
                answer: Any = (
                    {"counts": receiver.counts, "most": max(receiver.effects.values(), default=0)}
                    if asked == "report"
                    else receiver.take(*asked)
                )
                with contextlib.suppress(BrokenPipeError):  # it was killed meanwhile
                    self.wfile.write(json.dumps(answer).encode() + b"\n")

    with socketserver.UnixStreamServer(address, Lines) as server:
        server.serve_forever()


def ask(address: str, question: object) -> Any:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(address)
        one.sendall(json.dumps(question).encode() + b"\n")
        one.shutdown(socket.SHUT_WR)
        return json.loads(one.makefile().readline())


def work(url: str, name: str, address: str, seed: int) -> None:
    """A worker until it is killed. What PostgreSQL's absence breaks is tried again."""
    chance, store, owner = random.Random(seed), connect(url), f"{os.getpid()}"
    _jump_clock(chance)
    agent = None
    while True:
        try:
            agent = agent or _registered(store, name)
            rows = lease_tasks(store, agent, chance.randint(1, 3))
            for row in rows:
                _do(store, row, address, owner, chance)
            time.sleep(0 if rows else 0.1)
        except NotFound:
            agent = None
        except Unavailable:
            time.sleep(0.3)


def _registered(store: Store, name: str) -> Any:
    with contextlib.suppress(Refused):
        return register_agent(store, AgentProfile(name, capabilities=("text",))).id
    found = list_agents(store, AgentFilter(name=name)).agents
    if not found:
        raise NotFound(name)
    return found[0].id


def _do(store: Store, row: TaskRow, address: str, owner: str, chance: random.Random) -> None:
    fate, token = chance.random(), row.token or 0
    try:
        if fate < FROZEN:
            time.sleep(LEASE_S + 1)
        elif fate < FROZEN + LONG:
            for _ in range(6):
                time.sleep(LEASE_S / 4)
                renew_lease(store, row.id, token)
        else:
            time.sleep(chance.expovariate(1 / 0.01))
        if ask(address, [str(row.id), token, owner]) != "stale token refused":
            complete_task(store, row.id, token, {"by": owner})
    except Refused:
        return


def _jump_clock(chance: random.Random) -> None:
    """This process's wall clock is wrong by up to a day, anew at each look."""
    true_time, true_now = time.time, instants.now
    time.time = lambda: true_time() + chance.uniform(-DAY_S, DAY_S)
    instants.now = lambda: instants.from_us(
        instants.to_us(true_now()) + int(chance.uniform(-DAY_S, DAY_S) * 1e6)
    )


@dataclass
class Tally:
    kills: int = 0
    rows_deleted: int = 0
    same_name: int = 0
    restarts: int = 0
    away_s: float = 0.0
    overdue_s: float = 0.0


@dataclass
class Trouble:
    """What happens to the workers, and what is seen of the queue meanwhile."""

    store: Store
    settings: Settings
    address: str
    tasks: int
    chance: random.Random
    workers: dict[str, list[Any]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    def start(self, name: str) -> None:
        seed = self.chance.randrange(2**31)
        process = multiprocessing.Process(
            target=work, args=(self.store.url, name, self.address, seed), daemon=True
        )
        process.start()
        self.workers.setdefault(name, []).append(process)

    def kill(self) -> None:
        name = self.chance.choice(sorted(self.workers))
        if self.chance.random() < 0.1:
            self.tally.same_name += 1
            self.start(name)  # while the other lives
            return
        for process in self.workers.pop(name):
            process.kill()
            process.join()
            self.tally.kills += 1
        self.start(name)

    def delete_row(self) -> None:
        found = list_agents(self.store, AgentFilter()).agents
        if found:
            with contextlib.suppress(NotFound):
                remove_agent(self.store, self.chance.choice(found).id)
                self.tally.rows_deleted += 1

    def restart(self) -> None:
        """End PostgreSQL without a checkpoint, and start it again."""
        server = postmaster(ServerPaths.of(self.settings.home))
        began = time.monotonic()
        if server is not None:
            os.kill(server.pid, signal.SIGQUIT)
            time.sleep(1.0)
        self.store.engine.dispose()
        with open_store(self.settings):
            self.tally.restarts += 1
            self.tally.away_s += time.monotonic() - began

    def run(self, patience_s: float) -> dict[str, Any]:
        began = time.monotonic()
        kill_at = delete_at = began
        restarts = [0.33, 0.66]
        while True:
            completed, failed, overdue_s = self.look()
            self.tally.overdue_s = max(self.tally.overdue_s, overdue_s)
            now = time.monotonic()
            is_over = completed + failed >= self.tasks or now > began + patience_s
            if is_over:
                return {"completed": completed, "failed": failed, "took_s": round(now - began, 1)}
            if now > kill_at:
                kill_at = now + KILL_S
                self.kill()
            if now > delete_at:
                delete_at = now + DELETE_S
                self.delete_row()
            if restarts and completed > restarts[0] * self.tasks:
                restarts.pop(0)
                self.restart()
            time.sleep(min(LOOK_S, KILL_S))

    def look(self) -> tuple[int, int, float]:
        with self.store.connect() as connection:
            row = connection.execute(STATE).fetchone()
        return row or (0, 0, 0.0)

    def stop(self) -> None:
        for process in (one for group in self.workers.values() for one in group):
            process.kill()
            process.join()


def measure(home: Path, tasks: int, workers: int, seed: int, patience_s: float) -> dict[str, Any]:
    settings, address = Settings(home=home, database_url=None), str(home / "receiver")
    with open_store(settings) as store:
        new = NewTask("write", "A post", required_capabilities=("text",), lease_s=LEASE_S)
        for _ in range(tasks):
            create_task(store, NewTask(**{**asdict(new), "max_retries": 100}), instants.now())
        store.engine.dispose()
        receiver = multiprocessing.Process(target=receive, args=(address,), daemon=True)
        receiver.start()
        trouble = Trouble(store, settings, address, tasks, random.Random(seed))
        try:
            for number in range(workers):
                trouble.start(f"worker {number}")
            found = trouble.run(patience_s)
            with store.connect() as connection:
                twice = connection.execute(TWICE).fetchone()
            report = ask(address, "report")
        finally:
            trouble.stop()
            receiver.kill()
    counts = report["counts"]
    return {
        "tasks": tasks,
        "workers": workers,
        **found,
        "lost": tasks - found["completed"],
        "longest_beyond_lease_s": round(trouble.tally.overdue_s, 2),
        "effects_done": counts.get("done", 0),
        "effects_twice": int(report["most"] > 1),
        "completed_twice": twice[0] if twice else None,
        "tokens_of_two_workers": counts.get("token of two workers", 0),
        "stale_tokens_refused": counts.get("stale token refused", 0),
        "repeats_not_done_again": counts.get("done before", 0),
        **asdict(trouble.tally),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patience", type=float, default=900.0, help="seconds")
    args = parser.parse_args()
    multiprocessing.set_start_method("fork")
    with tempfile.TemporaryDirectory(prefix="rl-", ignore_cleanup_errors=True) as home:
        print(json.dumps(measure(Path(home), args.tasks, args.workers, args.seed, args.patience)))


if __name__ == "__main__":
    main()
