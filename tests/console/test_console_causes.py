"""The page of causes: what failures rose with, from where people look, or that it is not known."""

import html
import re
from datetime import timedelta

import httpx
import pytest

from bentos.console.causes.page import causes_link
from runlore.kernel import instants
from runlore.store.engine import Store
from tests.advice.cause_log import NOW, write_incident

PATH = "/console/causes"
HIT = "<b class=pwned>h-3</b>"


def test_a_cause_is_named_with_its_evidence(console: httpx.Client, world: Store) -> None:
    empty = console.get(PATH, params={"kind": "nothing"})
    assert (empty.status_code, "nothing to compare" in empty.text) == (200, True)
    shift = instants.now() - NOW - timedelta(minutes=5)
    write_incident(world, shift=shift, hit=HIT)
    page = console.get(PATH).text
    assert "Failures rose with scope &lt;b class=pwned&gt;h-3" in page
    assert "<b class=pwned>" not in page
    assert page.count('<span class="badge bad">cause</span>') == 1
    earlier = causes_link(NOW + shift - timedelta(days=3), NOW + shift - timedelta(days=2))
    assert "<h1>Failures rose with" not in console.get(earlier).text
    listed = console.get("/console/executions", params={"scope": HIT, "status": "failed"}).text
    story = console.get(html.unescape(re.findall(r'"(/console/executions/one[^"]*)"', listed)[0]))
    why = html.unescape(re.findall(rf'"({PATH}[^"]*)"', story.text)[-1])
    assert "execution=r" in why
    assert "Failures rose with scope" in console.get(why).text
    for name, value in (("since", "x"), ("until", "2026-13-01"), ("kind", "\0")):
        assert console.get(PATH, params={name: value}).status_code == 422
    assert console.get(PATH, params={"execution": "unknown"}).status_code == 200


@pytest.mark.parametrize("hours", [0, 5])
def test_a_link_spans_an_hour_at_least(hours: int) -> None:
    link = causes_link(NOW, NOW + timedelta(hours=hours))
    assert (NOW + timedelta(hours=max(hours, 1))).isoformat().replace("+", "%2B").replace(
        ":", "%3A"
    ) in link
