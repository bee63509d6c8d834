"""The page of health: the figure, its parts with links to their evidence, and its course."""

from datetime import timedelta

import httpx

from runlore.kernel import instants
from runlore.signals.actions.health_watch import measure_health
from runlore.store.engine import Store
from tests.signals.health_world import write_world

PATH = "/console/health"


def test_without_a_history_the_page_says_why_and_shows_the_parts(console: httpx.Client) -> None:
    page = console.get(PATH)
    assert page.status_code == 200, page.text
    assert "<h1>Health is unknown</h1>" in page.text
    assert "0 past days can be judged" in page.text
    assert "says nothing about later failures here (n = 0)" in page.text
    assert console.get(PATH, params={"scope": "nowhere"}).status_code == 404


def test_a_scope_has_its_figure_evidence_and_course(console: httpx.Client, world: Store) -> None:
    scope = "<b class=pwned>prod</b>"
    now = instants.now()
    write_world(world, precedes=True, scope=scope, now=now)
    for days in (2, 1, 0):
        measure_health(world, now - timedelta(days=days))
    whole = console.get(PATH)
    assert whole.status_code == 200, whole.text
    assert "% healthy</h1>" in whole.text
    assert "How was it before?" in whole.text
    assert "Which scopes are the least healthy?" in whole.text
    assert "/console/health?scope=" in whole.text
    page = console.get(PATH, params={"scope": scope})
    assert "odds of more failures than usual the day after" in page.text
    assert "/console/alerts" in page.text
    assert "failed in the last 24 h" in page.text
    assert "<b class=pwned>" not in whole.text + page.text
