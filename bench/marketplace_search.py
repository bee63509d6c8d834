"""Search a marketplace of 10,000 packages with installations and outcomes.

    PYTHONPATH=. python bench/marketplace_search.py [--packages N] [--searches N]

Searches draw their words, type, capability, rating, price, order and page at random. The time is
that of `search_catalog` on the embedded PostgreSQL, in this process, without HTTP.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

import numpy as np

from runlore.agents.rules.registration import AGENT_TYPES
from runlore.marketplace.actions.catalog import search_catalog
from runlore.marketplace.queries import packages
from runlore.marketplace.queries.search import ORDERS, CatalogQuery
from runlore.marketplace.rules.digests import manifest_digest
from runlore.settings import Settings
from runlore.store.engine import Store, open_store
from tests.marketplace.packed import manifest

WORDS = (  # noqa: SIM905
    "content trend post image video review brand safety engagement schedule social calendar"
    " research summary translate caption hashtag metric budget audience tone keyword market"
    " legal medical code data table chart email support ticket invoice travel recipe sport"
).split()
# Every third package is installed, and its agent has ended tasks.
INSTALL = """
INSERT INTO runlore.agents (id, name, type, version, max_concurrent_tasks, tasks_completed,
 tasks_failed)
SELECT gen_random_uuid(), 'agent of ' || name, 'custom', '1.0.0', 1, (random() * 200)::int,
 (random() * 20)::int FROM runlore.marketplace_packages WHERE random() < 0.33
"""
RECORD = """
INSERT INTO runlore.marketplace_installations (agent_id, package_id, agent_name, version, digest,
 permissions)
SELECT a.id, p.id, a.name, p.version, '', '{}'
FROM runlore.agents a JOIN runlore.marketplace_packages p ON a.name = 'agent of ' || p.name
"""


def fill(store: Store, count: int, draw: random.Random) -> None:
    with store.connect() as connection:
        for number in range(count):
            words = draw.sample(WORDS, 12)
            made = manifest(
                f"{words[0]}-{words[1]}-{number}",
                publisher=f"publisher-{number % 500}",
                price={"cents": draw.choice([0, 0, 500, 1900])},
                card={
                    "title": f"{words[0].title()}{words[1].title()} {number}",
                    "description": " ".join(words),
                    "agent_type": draw.choice(AGENT_TYPES),
                    "capabilities": words[:4],
                },
            )
            package_id = packages.add_package(connection, made, "listed")
            assert package_id is not None
            packages.add_version(connection, package_id, made, manifest_digest(made), ("x", b"x"))
        connection.execute(INSTALL)
        connection.execute(RECORD)
    with store.connect() as connection:
        connection.execute("ANALYZE runlore.marketplace_packages")
        connection.execute("ANALYZE runlore.marketplace_installations")
        connection.execute("ANALYZE runlore.agents")


def drawn(draw: random.Random) -> CatalogQuery:
    words = draw.choice(["", draw.choice(WORDS), draw.choice(WORDS)[:3], " ".join(WORDS[:2])])
    return CatalogQuery(
        text=words,
        type=draw.choice([None, *AGENT_TYPES]),
        capabilities=draw.choice([(), (draw.choice(WORDS),)]),
        min_rating=draw.choice([None, 3.0, 4.5]),
        max_price_cents=draw.choice([None, 0]),
        sort_by=draw.choice(list(ORDERS)),
        limit=20,
        offset=draw.choice([0, 0, 20, 200]),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=1_000)
    options = parser.parse_args()
    draw = random.Random(7)
    with (
        tempfile.TemporaryDirectory(dir="/tmp", prefix="rl-") as folder,
        open_store(Settings(home=Path(folder), database_url=None)) as store,
    ):
        fill(store, options.packages, draw)
        wanted = [CatalogQuery(), *(drawn(draw) for _ in range(options.searches))]
        search_catalog(store, wanted[0])
        took = []
        for query in wanted:
            begun = time.perf_counter()
            search_catalog(store, query)
            took.append(1000 * (time.perf_counter() - begun))
    p50, p90, p99 = np.percentile(took, [50, 90, 99])
    print(f"{options.packages:,} packages, {len(took):,} searches, ms:")
    print(f"p50 {p50:.1f}   p90 {p90:.1f}   p99 {p99:.1f}   longest {max(took):.1f}")


if __name__ == "__main__":
    main()
