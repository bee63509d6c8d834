"""The pages of the ledger: the newest answers, and one of them."""

import re
import uuid
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from runlore.store.engine import Store
from runlore.store.schema import ledger

PATH = "/console/ledger"
SCRIPT = "<script>alert(1)</script>"
ASK: dict[str, Any] = {"actor": "ann", "kind": "build", "scope": "", "inputs": {}}


def test_the_newest_answers_are_listed_by_spec_arm_and_status(console: httpx.Client) -> None:
    answered = console.post("/predict/duration", json=ASK).json()
    page = console.get(PATH).text
    assert "13 requests, 1 of them refused" in page
    assert page.index(answered["id"]) < page.index("failure-risk<br>")
    assert "1 answer, none refused" in console.get(PATH, params={"spec": "duration"}).text
    assert "1 answer, none refused" in console.get(PATH, params={"arm": "shadow"}).text
    assert "refused: 422" in console.get(PATH, params={"status": "422"}).text
    assert "No answer matches" in console.get(PATH, params={"version": "99"}).text


@pytest.mark.parametrize(
    "query", [{"status": "600"}, {"status": "x"}, {"before": "x"}, {"before": "2026_1"}]
)
def test_a_filter_of_the_ledger_that_says_nothing_is_refused(
    console: httpx.Client, query: dict[str, str]
) -> None:
    assert console.get(PATH, params=query).status_code == 422


def test_an_answer_has_its_reasons_features_and_outcome(console: httpx.Client) -> None:
    ask = ASK | {"execution": "b-3"}
    answered = console.post("/predict/failure-risk", json=ask).json()
    page = console.get(f"{PATH}/{answered['id']}").text
    assert re.search(r"failure-risk: [\d.]+ %", page)
    assert "Usual in training" in page
    assert "b-3" in page
    plain = console.get(f"/predictions/{answered['id']}", params={"reasons": 3}).json()
    for reason in plain["reasons"]:
        assert reason["text"].replace("'", "&#39;") in page


def test_an_answer_of_a_version_that_is_gone_says_how_to_repeat_it(
    console: httpx.Client, world: Store
) -> None:
    answered = console.post("/predict/duration", json=ASK).json()
    with world.begin() as connection:
        connection.execute(update(ledger).values(version="1"))
    page = console.get(f"{PATH}/{answered['id']}").text
    assert "does not answer here any more" in page
    assert f"runlore ledger replay {answered['id']}" in page


def test_a_refusal_says_why(console: httpx.Client) -> None:
    body = ASK | {"actor": SCRIPT, SCRIPT: 1}
    assert console.post("/predict/duration", json=body).status_code == 422
    listed = console.get(PATH, params={"spec": "duration"}).text
    number = re.search(rf"{PATH}/([0-9a-f-]{{36}})", listed)
    assert number
    page = console.get(f"{PATH}/{number[1]}").text
    assert "duration refused this request" in page
    assert "&lt;script&gt;alert(1)" in page
    assert SCRIPT not in page + listed


def test_what_is_no_answer_is_not_found(console: httpx.Client) -> None:
    assert console.get(f"{PATH}/{uuid.uuid4()}").status_code == 404
    assert console.get(f"{PATH}/no-id").status_code == 422


def test_what_came_with_an_answer_is_escaped(console: httpx.Client, world: Store) -> None:
    odd = f"{SCRIPT}\"'><img src=x onerror=alert(1)>"
    answered = console.post("/predict/duration", json=ASK).json()
    changed = {
        "request": {"actor": odd, "kind": odd, "scope": odd, "inputs": {odd: odd}},
        "reasons": [{"feature": odd, "text": odd}],
        "error": odd,
        "arm": odd,
        "version": odd,
        "key_id": odd,
    }
    with world.begin() as connection:
        connection.execute(update(ledger).values(**changed))
    for path in (PATH, f"{PATH}/{answered['id']}"):
        page = console.get(path).text
        assert SCRIPT not in page
        assert "<img src=x" not in page
