"""The page of a version: what became of it, in a headline, with the reasons on record."""

from typing import Any

import httpx
import pytest

from bentos.console.spec.versions import fate
from runlore.registry.alias_history import AliasHistoryEntry
from tests.bentos.products_world import AT

CHAMPION, CHALLENGER = "champion", "challenger"


def entry(alias: str, version: str | None, action: Any, reason: str) -> AliasHistoryEntry:
    return AliasHistoryEntry(1, AT, "risk", alias, version, None, action, "ann", reason, {}, "")


FIRST = entry(CHAMPION, "1", "announce", "it passed; all gates")
SECOND = AliasHistoryEntry(
    2, AT, "risk", CHAMPION, "2", "1", "promote", "zoe", "better on October", {}, ""
)


@pytest.mark.parametrize(
    ("version", "history", "headline", "reason"),
    [
        ("1", [FIRST], "Version 1 answers", "all gates"),
        ("1", [FIRST, SECOND], "Version 1 answered, until version 2", "better on October"),
        ("2", [FIRST, SECOND], "Version 2 answers", "promote by zoe"),
        ("3", [FIRST, entry("", "3", "register", "no better")], "never competed", "no better"),
        ("4", [FIRST, entry(CHALLENGER, "4", "announce", "x")], "waits as challenger", ""),
    ],
)
def test_the_headline_says_what_became_of_it(
    version: str, history: list[AliasHistoryEntry], headline: str, reason: str
) -> None:
    found = fate(version, history, ())
    assert headline in found.headline
    assert reason in " ".join(found.reasons)


def test_each_version_of_the_history_has_its_page(console: httpx.Client) -> None:
    page = console.get("/console/specs/failure-risk").text
    assert 'href="/console/specs/failure-risk/versions/6"' in page
    old = console.get("/console/specs/failure-risk/versions/6").text
    assert "Version 6 answered, until version 7 took over" in old
    assert "better on October" in old
    assert "Version 8" in console.get("/console/specs/failure-risk/versions/8").text
    for wrong in ("99", "x", "%00", "6" * 50):
        assert console.get(f"/console/specs/failure-risk/versions/{wrong}").status_code == 404
