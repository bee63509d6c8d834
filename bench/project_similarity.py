"""How long it takes to find similar projects.

    python bench/project_similarity.py [--projects N] [--rows N] [--requests N]

Writes a log of N projects into a database that is thrown away, reads their profiles once (cold),
and then asks for the 10 projects most like one of them again and again (warm), without HTTP.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
from sqlalchemy import insert

from runlore.planning.actions.projects import ProjectCache, find_similar
from runlore.planning.project_views import show_similar
from runlore.settings import Settings
from runlore.store import partitions, schema
from runlore.store.engine import Store, open_store

START = datetime(2026, 3, 2, tzinfo=UTC)
NOW = START + timedelta(days=90)
KINDS = ("build", "test", "deploy", "lint", "package", "scan")
T = TypeVar("T")


def write_log(store: Store, projects: int, rows: int) -> None:
    """Projects of six sorts: each has its mix of kinds, its inputs, durations and failures."""
    random = np.random.default_rng(3)
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", START, NOW)
    for project in range(projects):
        sort = project % len(KINDS)
        mix = random.dirichlet(np.where(np.arange(len(KINDS)) == sort, 5.0, 0.5))
        kinds = random.choice(KINDS, rows, p=mix)
        sizes = random.lognormal(2 + sort / 3, 1, rows)
        seconds = sizes * random.lognormal(0, 0.5, rows) * (1 + sort)
        failed = random.random(rows) < 0.05 + sort * 0.05
        batch = []
        for at in range(rows):
            begin = START + timedelta(minutes=at * 60 + project)
            end = begin + timedelta(seconds=float(seconds[at]))
            batch.append(
                {
                    "source": "bench",
                    "source_id": f"{project}-{at}",
                    "submitted": begin,
                    "revision": 0,
                    "actor": f"a{at % 7}",
                    "kind": str(kinds[at]),
                    "scope": f"project-{project:04}",
                    "inputs": {
                        "size": float(sizes[at]),
                        "tool": ("go", "java", "rust")[(at + sort) % 3],
                        "title": f"change the {kinds[at]} of part {at % 50} again",
                    },
                    "started": begin,
                    "finished": end,
                    "status": "failed" if failed[at] else "succeeded",
                    "outcome": {"cost": float(seconds[at]) / 60},
                    "submission_known_at": begin,
                    "known_at": end,
                    "digest": at,
                }
            )
        with store.begin() as connection:
            connection.execute(insert(schema.executions), batch)


def timed(name: str, work: Callable[[], T]) -> T:
    begin = time.perf_counter()
    done = work()
    print(f"  {name:40} {time.perf_counter() - begin:8.3f} s")
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--requests", type=int, default=1_000)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="rl-") as home,
        open_store(Settings(home=Path(home), database_url=None)) as store,
    ):
        timed("write the log", lambda: write_log(store, args.projects, args.rows))
        cache = ProjectCache()
        projects = timed("profiles (SQL and arrays), cold", lambda: cache.get(store, NOW))
        timed("likeness of all pairs, cold", lambda: projects.likeness)
        timed("categories, cold", lambda: projects.categories)
        timed("map, cold", lambda: projects.places)
        print("  categories:", [(one.name, len(one.members)) for one in projects.categories])
        names, took = projects.profiles.projects, []
        for number in range(args.requests):
            begin = time.perf_counter()
            show_similar(find_similar(cache.get(store, NOW), names[number % len(names)], 10))
            took.append(time.perf_counter() - begin)
    middle, high = np.quantile(took, [0.5, 0.99]) * 1e3
    print(
        f"{len(names)} projects, {args.requests} requests, warm:"
        f" p50 {middle:.1f} ms, p99 {high:.1f} ms"
    )


if __name__ == "__main__":
    main()
