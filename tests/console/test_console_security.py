"""The page of security: what rules find, with the evidence; names are only text."""

from datetime import timedelta

import httpx

from runlore.kernel import instants
from runlore.serving.actions import recording
from runlore.serving.actions.recording import Submission
from runlore.store.engine import Store

PATH = "/console/security"
NAME = "<b class=pwned>eve</b>"


def test_alerts_are_shown_with_rules_users_and_advice(console: httpx.Client, world: Store) -> None:
    empty = console.get(PATH)
    assert (empty.status_code, "No attack was found" in empty.text) == (200, True)
    at = instants.now() - timedelta(hours=1)
    for number in range(2):
        event = Submission(NAME, "key-added", "web-1", {"source_ip": "203.0.113.9"}, submitted=at)
        recording.record_submission(world, event)
        at += timedelta(minutes=1 + number)
    page = console.get(PATH)
    assert page.status_code == 200, page.text
    for text in (
        "1 alert",
        "A login key is added",
        "web-1",
        "203.0.113.9",
        "check whose key it is",
    ):
        assert text.lower() in page.text.lower()
    assert "<b class=pwned>" not in page.text
    assert "No attack was found" in console.get(PATH, params={"level": "critical"}).text
    for bad in ({"days": "2"}, {"level": "loud"}):
        assert console.get(PATH, params=bad).status_code == 422
