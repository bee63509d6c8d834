"""How soon is an agent out of routing that has died, and are those that work left alone?

    python bench/agent_deaths.py [--minutes 4] [--agents 100] [--seed 0]

All is real but the agents: the queue, the probes, the rule and the queries of the service, in real
time on PostgreSQL; the agents live in threads of this process. After a warm-up six kinds of agents
die, two of each; the others fail 2 % of their tasks:

- refuses: it answers each task with an error, such as 405;
- hangs: it takes a task, and never ends it;
- wrong: it answers at once, and wrongly;
- slow: it answers rightly, 40 times as slowly;
- zombie: it sends heartbeats, and asks for no task;
- flapping: it works for 6 s, and refuses for 6 s, and so on.

Measured: seconds from death until no routing chooses it, and the share of the others that was ever
in quarantine. A probe goes to each agent every 5 s, to be answered within 2 s.
"""

import argparse
import json
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from runlore.agents.actions.health_watch import watch_health
from runlore.agents.actions.probing import add_probe
from runlore.agents.actions.registering import hear_of_agent, register_agent
from runlore.agents.actions.routing import RoutingRequest, choose_agent
from runlore.agents.actions.task_steps import complete_task, create_task, fail_task, lease_tasks
from runlore.agents.queries.task_rows import TaskRow
from runlore.agents.rules.probe import NewProbe
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.kernel.errors import Refused
from runlore.settings import Settings
from runlore.store.engine import Store, open_store

DEATHS = ("refuses", "hangs", "wrong", "slow", "zombie", "flapping")
PROBE = NewProbe("adds", "sum", {"includes": {"sum": 4}}, ("math",), {"of": [2, 2]}, 2.0, 5.0)
SLOTS, WORKS_S, SLOW, FLAP_S, FAILS, LOOK_S, TURN_S = 4, 0.05, 40.0, 6.0, 0.02, 1.0, 0.8
WARM_S = 40.0
QUARANTINED = """
SELECT agent_id, string_agg(kind || ' ' || weight, ', ' ORDER BY id),
 count(*) FILTER (WHERE kind = 'quarantined') FROM runlore.agent_health_evidence GROUP BY agent_id
"""


@dataclass
class SimulatedAgent:
    id: UUID
    name: str
    death: str | None
    died_at: float | None = None
    out_at: float | None = None
    held: list[tuple[float, TaskRow]] = field(default_factory=list)

    def state(self, now: float) -> str:
        if self.died_at is None or self.death is None:
            return "works"
        if self.death == "flapping":
            return "works" if (now - self.died_at) % (2 * FLAP_S) >= FLAP_S else "refuses"
        return self.death

    def turn(self, store: Store, chance: Random) -> None:
        """What it does in one turn: ask for tasks, and end those that are done."""
        now = time.monotonic()
        state = self.state(now)
        if state == "zombie":
            hear_of_agent(store, self.id)
            return
        for task in lease_tasks(store, self.id, SLOTS):
            takes = WORKS_S * (SLOW if state == "slow" else 1)
            if state != "hangs":
                self.held.append((now + takes, task))
        due = [task for end, task in self.held if end <= now + WORKS_S]
        self.held = [one for one in self.held if one[0] > now + WORKS_S]
        for task in due:
            self._end(store, task, state, is_failing=chance.random() < FAILS)

    def _end(self, store: Store, task: TaskRow, state: str, *, is_failing: bool) -> None:
        token = task.token or 0
        try:
            if state == "refuses" or is_failing:
                fail_task(store, task.id, token, "405 Method Not Allowed")
            else:
                right = sum(task.input.get("of", []))
                answer = right + 1 if state == "wrong" else right
                complete_task(store, task.id, token, {"sum": answer})
        except Refused:
            return  # it came too late


@dataclass
class DeathWorld:
    store: Store
    agents: list[SimulatedAgent]
    chance: Random
    end: threading.Event = field(default_factory=threading.Event)
    looks_s: list[float] = field(default_factory=list)
    turns: int = 0

    def run(self, minutes: float) -> None:
        loops = [self.work, self.work, self.look, self.feed]
        with ThreadPoolExecutor(len(loops) + 1) as threads:
            running = [threads.submit(loop) for loop in loops]
            time.sleep(WARM_S)
            for agent in self.agents:
                agent.died_at = time.monotonic() if agent.death else None
            until = time.monotonic() + 60 * minutes
            while time.monotonic() < until and not any(one.done() for one in running):
                self.watch()
                time.sleep(0.25)
            self.end.set()
            for one in running:
                one.result()

    def work(self) -> None:
        """Turns of all agents; two threads do them, each half."""
        half = self.turns % 2
        self.turns += 1
        chance = Random(half)
        while not self.end.is_set():
            began = time.monotonic()
            for agent in self.agents[half::2]:
                agent.turn(self.store, chance)
            self.end.wait(max(0.0, TURN_S - (time.monotonic() - began)))

    def look(self) -> None:
        while not self.end.is_set():
            began = time.monotonic()
            watch_health(self.store)
            self.looks_s.append(time.monotonic() - began)
            self.end.wait(LOOK_S)

    def feed(self) -> None:
        """Real tasks, about seven a second, that any agent may take."""
        while not self.end.wait(0.15):
            numbers = [self.chance.randint(0, 9) for _ in range(2)]
            task = NewTask("sum", "A sum", input={"of": numbers}, required_capabilities=("math",))
            create_task(self.store, task, instants.now())

    def watch(self) -> None:
        """Note which dead agents no routing can choose any more."""
        with self.store.connect() as connection:
            query = "SELECT id FROM runlore.agents WHERE quarantined_at IS NOT NULL"
            out = {row[0] for row in connection.execute(query).fetchall()}
        now = time.monotonic()
        for agent in self.agents:
            if agent.died_at is not None and agent.out_at is None and agent.id in out:
                agent.out_at = now
        choice = choose_agent(self.store, RoutingRequest(("math",)))
        chosen = {one.agent_id for one in choice.considered}
        if wrong := chosen & {one.id for one in self.agents if one.out_at} & out:
            raise RuntimeError(f"routing chose agents in quarantine: {wrong}")


def measure(home: Path, count: int, minutes: float, seed: int) -> dict[str, Any]:
    chance = Random(seed)
    with open_store(Settings(home=home, database_url=None)) as store:
        add_probe(store, PROBE)
        kinds = [DEATHS[place // 2] if place < 2 * len(DEATHS) else None for place in range(count)]
        chance.shuffle(kinds)
        agents = []
        for number, kind in enumerate(kinds):
            profile = AgentProfile(
                f"agent {number:03}", capabilities=("math",), max_concurrent_tasks=SLOTS
            )
            agents.append(SimulatedAgent(register_agent(store, profile).id, profile.name, kind))
        world = DeathWorld(store, agents, chance)
        world.run(minutes)
        with store.connect() as connection:
            found = {row[0]: row[1:] for row in connection.execute(QUARANTINED).fetchall()}
    healthy = [one for one in agents if one.death is None]
    false = [one.name for one in healthy if found.get(one.id, (None, 0))[1]]
    return {
        "agents": count,
        "minutes_after_death": minutes,
        "out_after_s": {kind: _seconds(agents, kind) for kind in DEATHS},
        "healthy": len(healthy),
        "false_quarantines": len(false),
        "evidence_of_false": [found[one.id][0][-500:] for one in healthy if one.name in false],
        "false_share": round(len(false) / len(healthy), 4),
        "look_ms_median": round(1000 * sorted(world.looks_s)[len(world.looks_s) // 2], 1),
        "look_ms_worst": round(1000 * max(world.looks_s), 1),
    }


def _seconds(agents: list[SimulatedAgent], kind: str) -> list[float | None]:
    return [
        round(one.out_at - one.died_at, 1) if one.out_at and one.died_at else None
        for one in agents
        if one.death == kind
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=4.0, help="after the deaths")
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rl-", ignore_cleanup_errors=True) as home:
        print(json.dumps(measure(Path(home), args.agents, args.minutes, args.seed)))


if __name__ == "__main__":
    main()
