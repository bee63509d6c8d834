"""The pages of executions: search, one story, and what is refused."""

import re
from typing import Any

import httpx
import pytest

from runlore.kernel import instants
from runlore.records.execution import ExecutionStatus
from runlore.serving.actions import recording
from runlore.serving.actions.recording import OutcomeReport, Submission
from runlore.store.engine import Store

SCRIPT = "<script>alert(1)</script>"
PATH = "/console/executions"


def one(source_id: str, **more: str) -> dict[str, Any]:
    return {"params": {"source": recording.SOURCE, "id": source_id, **more}}


def test_the_newest_executions_are_counted_and_listed(console: httpx.Client) -> None:
    page = console.get(PATH).text
    assert "5 executions: 3 succeeded, 1 submitted, 1 failed" in page
    order = re.findall(r">(b-\d)</a>", page)
    assert order == ["b-4", "b-3", "b-2", "b-1", "b-0"]


def test_a_search_keeps_its_filters_and_says_when_nothing_matches(console: httpx.Client) -> None:
    page = console.get(PATH, params={"actor": "ann", "status": "failed"}).text
    assert re.findall(r">(b-\d)</a>", page) == ["b-3"]
    assert 'value="ann"' in page
    assert "<option selected>failed" in page
    assert "No execution matches" in console.get(PATH, params={"actor": "nobody"}).text


@pytest.mark.parametrize(
    "query",
    [
        {"status": "odd"},
        {"since": "yesterday"},
        {"until": "9999-12-31T23:00:00-10:00"},
        {"before": "-1"},
        {"before": "9" * 19},
        {"actor": "a\x00b"},
        {"actor": "a" * 501},
    ],
)
def test_a_filter_that_says_nothing_is_refused_in_words(
    console: httpx.Client, query: dict[str, str]
) -> None:
    page = console.get(PATH, params=query)
    assert page.status_code == 422
    assert f"{next(iter(query))}: ".capitalize() in page.text


def test_the_last_day_of_the_calendar_is_a_day(console: httpx.Client) -> None:
    assert console.get(PATH, params={"until": "9999-12-31"}).status_code == 200


def test_the_story_of_an_execution(console: httpx.Client) -> None:
    ask = {"actor": "bob", "kind": "build", "scope": "", "execution": "b-4"}
    answered = console.post("/predict/failure-risk", json=ask, params={"reasons": 2})
    assert answered.status_code == 200, answered.text
    page = console.get(f"{PATH}/one", **one("b-4")).text
    assert "build of bob: submitted" in page
    assert f"/console/ledger/{answered.json()['id']}" in page
    assert "not known" in page
    assert "Its submission became known" in page
    assert len(set(re.findall(r">(b-[0-3])</a>", page))) == 2, "like ones: of the same actor"
    ended = {"status": "failed"}
    assert console.post("/executions/b-4/outcome", json=ended).status_code == 201
    assert "it happened" in console.get(f"{PATH}/one", **one("b-4")).text


def test_an_execution_that_nobody_asked_about_says_so(console: httpx.Client) -> None:
    page = console.get(f"{PATH}/one", **one("b-3")).text
    assert "Nobody asked for a prediction" in page
    assert "build of ann: failed" in page


def test_what_is_no_execution_is_not_found(console: httpx.Client) -> None:
    assert console.get(f"{PATH}/one", **one("b-99")).status_code == 404
    assert console.get(f"{PATH}/one").status_code == 422
    assert console.get(f"{PATH}/one", **one("b-1", submitted="x")).status_code == 422


@pytest.mark.parametrize("name", ["../..", "a/b?c=d&e", "ä ö", "%2e%2e", "#", SCRIPT])
def test_an_execution_of_any_name_has_a_page_and_no_script_runs(
    console: httpx.Client, world: Store, name: str
) -> None:
    odd = f"{name} \"'><img src=x onerror=alert(1)>"
    work = Submission(odd, odd, odd, {"note": odd, odd[:60]: 1.0}, source_id=name)
    recording.record_submission(world, work, instants.now())
    ended = OutcomeReport(ExecutionStatus.FAILED, outcome={odd[:60]: odd})
    recording.record_outcome(world, recording.SOURCE, name, ended)
    listed = console.get(PATH).text
    href = re.search(r'href="(/console/executions/one[^"]*)"', listed)
    assert href
    page = console.get(href[1].replace("&amp;", "&"))
    assert page.status_code == 200
    for text in (listed, page.text):
        assert "<img" not in text.replace('<img src="/console/static', "")
        assert "<script>" not in text
