"""The page that answers a form: the same answer as the API's, and what if."""

import re
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from bentos.console.prediction import answering
from bentos.console.prediction.request_form import form_fields, request_body
from bentos.predict.live_versions import Live, Serving
from runlore.kernel.errors import BadInput
from runlore.models.learned_ranges import LearnedRange
from runlore.serving.actions.prediction import Predictor
from runlore.store.engine import Store
from runlore.store.schema import ledger
from tests.console.conftest import MakeKey, form_token, log_in

PATH = "/console/predict"
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
ASKED = {"actor": "ann", "kind": "build", "scope": "", "inputs.nodes": "4", "inputs.queue": "long"}


@pytest.fixture
def serving(serving: Serving) -> Serving:
    """The versions know the ranges of their numbers."""
    ranges = {
        "inputs.nodes": LearnedRange(1.0, 64.0, 0.0),
        "inputs.size": LearnedRange(0.5, 2.25, 0.0),
    }
    serving.live = {
        name: Live(Predictor(replace(live.bundle, ranges=ranges)), live.schema)
        for name, live in serving.live.items()
    }
    return serving


def ask(client: httpx.Client, spec: str, form: dict[str, str]) -> httpx.Response:
    token = form_token(client.get(f"{PATH}/{spec}").text)
    return client.post(f"{PATH}/{spec}", data=form | {"form_token": token})


def entries(store: Store, arm: str = "champion-batch") -> int:
    with store.begin() as connection:
        rows = select(func.count()).select_from(ledger).where(ledger.c.arm == arm)
        return connection.scalar(rows) or 0


def test_the_form_has_what_the_version_knows(console: httpx.Client) -> None:
    assert console.get(PATH).headers["location"] == f"{PATH}/failure-risk"
    page = console.get(f"{PATH}/duration").text
    for name in ("actor", "kind", "scope", "inputs.nodes", "inputs.size", "inputs.queue"):
        assert f'name="{name}"' in page, name
    for word in ("ann", "bob", "short", "long"):
        assert f'<option value="{word}">' in page, word
    assert re.search(r'type="range"[^>]* min="1" max="64" step="1"', page)
    assert re.search(r'type="range"[^>]* min="0.5" max="2.25" step="0.0175"', page)
    assert "learned from 1 to 64" in page


@pytest.mark.parametrize("spec", ["duration", "failure-risk"])
def test_the_answer_is_that_of_the_api_and_on_the_ledger(
    console: httpx.Client, world: Store, spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "LEAST_SPAN", 0.0)  # versions made by hand hardly move
    page = ask(console, spec, ASKED)
    assert page.status_code == 200
    assert entries(world) == 1
    number = re.search(r"/console/ledger/([0-9a-f-]{36})", page.text)
    assert number
    recorded = console.get(f"/predictions/{number[1]}").json()
    body = {"actor": "ann", "kind": "build", "inputs": {"nodes": 4.0, "queue": "long"}}
    plain = console.post(f"/predict/{spec}", json=body).json()
    again = console.get(f"/predictions/{plain['id']}").json()
    assert recorded["features"][:4] == again["features"][:4], "the others depend on the instant"
    assert recorded["prediction"] == pytest.approx(plain["prediction"], abs=0.2)
    assert (recorded["arm"], recorded["source_id"]) == ("champion-batch", None)
    assert recorded["request"] == {**body, "scope": ""}
    assert "What if nodes were another?" in page.text
    assert 'value="4"' in page.text, "the form stays as it was filled in"
    assert "support</span>" in page.text


def test_what_a_slider_asks_is_not_on_the_ledger(console: httpx.Client, world: Store) -> None:
    page = ask(console, "duration", ASKED | {"what_if": "1"}).text
    assert "What if: not on the ledger." in page
    assert "What if nodes were another?" not in page
    assert entries(world) == 0


def test_what_the_version_does_not_know_is_said(console: httpx.Client) -> None:
    page = ask(console, "duration", ASKED | {"actor": "annn", "inputs.nodes": "900"}).text
    assert "&#39;annn&#39; was never seen; the nearest known is &#39;ann&#39;" in page
    assert "900 is beyond what was learned, 1 to 64" in page
    assert "little support" in page


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("inputs.nodes", "four", "is not a number"),
        ("inputs.nodes", "nan", "is not a number"),
        ("inputs.nodes", "1e300", "number between"),
        ("inputs.queue", "a" * 2_001, "at most 2000 characters"),
        ("actor", "a\x1fb", "actor: "),
    ],
)
def test_a_form_that_says_nothing_usable_comes_back_as_it_was(
    console: httpx.Client, world: Store, name: str, text: str, message: str
) -> None:
    page = ask(console, "duration", ASKED | {name: text})
    assert page.status_code == 422
    assert message in page.text
    assert f'value="{text}"' in page.text
    assert entries(world) == 0


def test_the_address_may_fill_the_form_in(console: httpx.Client) -> None:
    page = console.get(PATH, params={"actor": "bob", "inputs.nodes": "7"}, follow_redirects=True)
    assert str(page.url).endswith("/failure-risk?actor=bob&inputs.nodes=7")
    assert 'name="actor" value="bob"' in page.text
    assert 'name="inputs.nodes" value="7"' in page.text
    assert 'name="inputs.size" value=""' in page.text, "what the address leaves out is not said"


def test_scripts_in_the_form_stay_text(console: httpx.Client) -> None:
    form = dict.fromkeys(("actor", "kind", "scope", "inputs.nodes", "inputs.queue"), SCRIPT)
    for page in (
        ask(console, "duration", form),
        ask(console, "duration", form | {"inputs.nodes": "1"}),
        console.get(f"{PATH}/duration", params=form),
    ):
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


def test_a_key_that_may_only_read_gets_no_answer(
    locked: httpx.Client, make_key: MakeKey, world: Store
) -> None:
    log_in(locked, make_key("read"))
    page = locked.get(f"{PATH}/duration").text
    assert "does not allow predictions" in page
    form = ASKED | {"form_token": form_token(page)}
    assert locked.post(f"{PATH}/duration", data=form).status_code == 403
    assert entries(world) == 0


def test_the_key_that_asked_is_on_record(
    locked: httpx.Client, make_key: MakeKey, world: Store
) -> None:
    key = make_key("read", "predict")
    log_in(locked, key)
    assert ask(locked, "duration", ASKED).status_code == 200
    with world.begin() as connection:
        chosen = select(ledger.c.key_id).where(ledger.c.arm == "champion-batch")
        assert connection.scalar(chosen) in key


def test_where_no_version_answers_the_page_says_what_to_do(
    console: httpx.Client, serving: Serving
) -> None:
    assert console.get(f"{PATH}/no-spec").status_code == 404
    serving.live = {}
    assert "No version answers yet" in console.get(PATH).text
    assert console.get(f"{PATH}/duration").status_code == 503


def test_inputs_of_other_kinds_are_read_as_their_text_says(loaded: dict[str, Live]) -> None:
    bundle = loaded["duration"].bundle
    texts: dict[str, Any] = {"4": 4, "true": True, "ab": "ab", "[1]": "[1]", "NaN": "NaN", "": None}
    for text, value in texts.items():
        body = request_body(form_fields(bundle, {"actor": "ann", "inputs.site": text}))
        assert body["inputs"].get("site") == value, text
    with pytest.raises(BadInput, match="is not a number"):
        request_body(form_fields(bundle, {"inputs.nodes": "x"}))
