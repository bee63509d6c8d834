"""The live page without its script: what happened last, and how everything stands."""

import httpx

from runlore.store.engine import Store
from runlore.store.live_outbox import Topic, publish

PATH = "/console/live"
SCRIPT = "<script>alert(1)</script>"


def test_it_shows_what_happened_and_how_it_stands(console: httpx.Client, world: Store) -> None:
    with world.begin() as connection:
        data = {"event": "started", "training": 3, "reason": SCRIPT}
        publish(connection, Topic.TRAININGS, SCRIPT, data)
    page = console.get(PATH).text
    assert "0 predictions a second; 2 alerts are open" in page
    assert "training 3 started" in page
    assert SCRIPT not in page
    assert "nodes moved (PSI 0.410)." in page
    assert 'aria-label="Newest scores"' in page


def test_one_topic_is_shown_alone(console: httpx.Client, world: Store) -> None:
    with world.begin() as connection:
        publish(connection, Topic.AGENTS, "ann", {"load": 0.5})
    assert "Ann: load 0.5." in console.get(PATH).text
    page = console.get(PATH, params={"topics": "alerts"}).text
    assert "Ann: load 0.5." not in page
    assert "drift of failure-risk opened" in page
    assert console.get(PATH, params={"topics": "weather"}).status_code == 422
