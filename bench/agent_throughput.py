"""Tasks a second of the queue of agents, beside procrastinate on the same PostgreSQL, in turns.

    python -m venv /tmp/peer && /tmp/peer/bin/pip install "procrastinate>=3" "psycopg[binary,pool]"
    python bench/agent_throughput.py --peer /tmp/peer/bin/python [--tasks 2000] [--turns 3]

Each turn, two worker processes do tasks that do nothing, until none is left. Ours take eight at a
time (`lease_tasks`), and complete them one by one, with events, skills and fencing tokens;
procrastinate's workers run eight at a time. Creating the tasks is not counted, starting the
processes neither: a worker's time runs from its first task to its last.
"""

import argparse
import json
import multiprocessing
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from sqlalchemy.engine import make_url

from runlore.agents.actions.registering import register_agent
from runlore.agents.actions.task_steps import complete_task, create_task, lease_tasks
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.settings import Settings
from runlore.store.engine import Store, connect, dedicated, open_store

WORKERS, AT_ONCE = 2, 8
PEER = """
import asyncio, json, sys, time
import procrastinate
conninfo, step, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo))
ran = []
@app.task(queue="q", name="nothing")
async def nothing(number):
    ran.append(time.time())
async def main():
    async with app.open_async():
        if step == "schema":
            await app.schema_manager.apply_schema_async()
        elif step == "defer":
            await nothing.batch_defer_async(*({"number": one} for one in range(number)))
        else:
            await app.run_worker_async(queues=["q"], concurrency=number, wait=False)
            print(json.dumps([len(ran), min(ran, default=0), max(ran, default=0)]))
asyncio.run(main())
"""


def ours(url: str, agent: str, queue: "multiprocessing.Queue[tuple[int, float, float]]") -> None:
    store = connect(url)
    agent_id = register_agent(store, AgentProfile(agent, max_concurrent_tasks=AT_ONCE)).id
    began, done = time.time(), 0
    while tasks := lease_tasks(store, agent_id, AT_ONCE):
        for task in tasks:
            complete_task(store, task.id, task.token or 0, None)
        done += len(tasks)
    queue.put((done, began, time.time()))


def turn_of_ours(store: Store, tasks: int, turn: int) -> float:
    for _ in range(tasks):
        create_task(store, NewTask("nothing", "Nothing"), instants.now())
    store.engine.dispose()
    queue: multiprocessing.Queue[tuple[int, float, float]] = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=ours, args=(store.url, f"{turn}-{number}", queue))
        for number in range(WORKERS)
    ]
    for process in processes:
        process.start()
    found = [queue.get(timeout=300) for _ in processes]
    return _rate(found, tasks)


def turn_of_peer(python: str, conninfo: str, tasks: int) -> float:
    _peer(python, conninfo, "defer", tasks)
    command = [python, "-c", PEER, conninfo, "work", str(AT_ONCE)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(WORKERS)]
    return _rate([json.loads(one.communicate(timeout=300)[0]) for one in running], tasks)


def _rate(found: list[tuple[int, float, float]], tasks: int) -> float:
    if sum(one[0] for one in found) != tasks:
        raise RuntimeError(f"{found}: not all of {tasks} tasks were done")
    busy = [one for one in found if one[0]]
    return tasks / (max(one[2] for one in busy) - min(one[1] for one in busy))


def _peer(python: str, conninfo: str, step: str, number: int) -> None:
    subprocess.run([python, "-c", PEER, conninfo, step, str(number)], check=True)


def measure(home: Path, python: str, tasks: int, turns: int) -> dict[str, object]:
    rates: dict[str, list[float]] = {"ours": [], "procrastinate": []}
    with open_store(Settings(home=home, database_url=None)) as store:
        with dedicated(store) as connection:
            connection.execute("CREATE DATABASE peer")
        query = make_url(store.url).query
        conninfo = f"host={query['host']} port={query['port']} user=runlore dbname=peer"
        _peer(python, conninfo, "schema", 0)
        for turn in range(turns):
            rates["ours"].append(turn_of_ours(store, tasks, turn))
            rates["procrastinate"].append(turn_of_peer(python, conninfo, tasks))
    return {
        "tasks": tasks,
        "tasks_per_s": {name: [round(one) for one in found] for name, found in rates.items()},
        "ratio_of_medians": round(
            statistics.median(rates["ours"]) / statistics.median(rates["procrastinate"]), 2
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True, help="a Python that has procrastinate")
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    multiprocessing.set_start_method("fork")
    with tempfile.TemporaryDirectory(prefix="rl-", ignore_cleanup_errors=True) as home:
        print(json.dumps(measure(Path(home), args.peer, args.tasks, args.turns)))


if __name__ == "__main__":
    main()
