"""Simulated posts in a store."""

from datetime import UTC, datetime

from runlore.ingest.queries import facts
from runlore.simulate.content import ContentScenario, SimulatedContent, simulate_content
from runlore.store.engine import Store

SMALL = ContentScenario(personas=4, days=60, posts_per_day=1.5)


def write_posts(store: Store, scenario: ContentScenario = SMALL) -> SimulatedContent:
    content = simulate_content(scenario)
    add_content(store, content)
    return content


def add_content(store: Store, content: SimulatedContent) -> None:
    batch = facts.batch("executions", content.facts())
    facts.ensure_partitions(store, batch)
    with store.connect() as connection:
        facts.add(connection, batch, datetime(2030, 1, 1, tzinfo=UTC))
