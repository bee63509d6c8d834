"""Demo data of content: simulated posts of four personas, their best times and suggestions."""

from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from runlore.cli.demo.tour import ACTOR, DemoWorld

if TYPE_CHECKING:
    from runlore.store.engine import Store

INSTANT = "%Y-%m-%dT%H:%M:%SZ"  # as the records have it
PERSONAS, WEEKS, POSTS_PER_DAY = 4, 17, 3.0


def add_content(world: DemoWorld) -> str:
    """Ingest the posts once, and search what would bring each persona more engagement."""
    from runlore.engagement.actions.suggesting import search_all

    if not _is_there(world.app.store):
        _ingest(world)
    personas, advised = search_all(world.app.store, ACTOR, world.now)
    return f"content: posts of {personas} personas, {advised} of them with suggestions"


def _is_there(store: "Store") -> bool:
    from runlore.simulate.content import CONTENT_SOURCE

    query = "SELECT EXISTS (SELECT FROM runlore.executions WHERE source = %s)"
    with store.connect() as connection:
        row = connection.execute(query, (CONTENT_SOURCE,)).fetchone()
    return bool(row and row[0])


def _ingest(world: DemoWorld) -> None:
    from runlore.ingest.actions.files import ingest_file
    from runlore.ingest.actions.opening import FileSource
    from runlore.records.mapping import declare
    from runlore.simulate.content import (
        CONTENT_SOURCE,
        ContentScenario,
        content_mapping,
        simulate_content,
        write_content,
    )

    monday = world.now.astimezone(UTC) - timedelta(weeks=WEEKS, days=world.now.weekday())
    scenario = ContentScenario(
        personas=PERSONAS,
        days=7 * WEEKS,
        posts_per_day=POSTS_PER_DAY,
        first=monday.replace(hour=0, minute=0, second=0, microsecond=0),
    )
    content = simulate_content(scenario)
    known = content.records[content.records["measured"] <= world.now.strftime(INSTANT)]
    rows, _ = write_content(replace(content, records=known), world.app.settings.home / "demo")
    mapping = {name: part for name, part in content_mapping().items() if name != "source"}
    source = FileSource(rows, "csv", CONTENT_SOURCE, declare(mapping))
    ingest_file(world.app.store, source, world.now)
