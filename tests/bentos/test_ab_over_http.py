"""A/B tests over HTTP: from a plan to a winner, in Runlore's own words."""

from datetime import timedelta
from typing import Any

import httpx
import jsonschema
import pytest

from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.serving.actions import api_keys
from runlore.store.engine import Store
from tests.bentos.conftest import Serve
from tests.experiments.ab_world import wait_until

SUCCESS = {"name": "success", "event": "conversion"}
PLAN = {
    "name": "risk or rule",
    "variants": [{"name": "model"}],
    "metrics": [SUCCESS],
    "rule": {"least_units": 100, "least_time_h": 0},
    "window_s": 86_400,
}
WAY = "/ab-tests/risk or rule"


def schema_of(client: httpx.Client, path: str, method: str, status: str = "200") -> dict:
    document = client.get("/openapi.json").json()
    content = document["paths"][path][method]["responses"][status]["content"]
    return {**content["application/json"]["schema"], "components": document["components"]}


def started(client: httpx.Client, **changes: object) -> None:
    assert client.post("/ab-tests", json=PLAN | changes).status_code == 201
    assert client.post(f"{WAY}/start", json={"actor": "ann"}).status_code == 200


def dealt(client: httpx.Client, units: int) -> dict[str, str]:
    return {each["unit"]: each["variant"] for each in assigned(client, units)}


def assigned(client: httpx.Client, units: int) -> list[dict[str, Any]]:
    asked = {"units": [{"unit": f"u{number}"} for number in range(units)]}
    assignments: list[dict[str, Any]] = client.post(f"{WAY}/units", json=asked).json()[
        "assignments"
    ]
    return assignments


def test_a_test_goes_from_its_plan_to_its_winner(client: httpx.Client) -> None:
    started(client, window_s=1)
    variants = dealt(client, 2000)
    assert set(variants.values()) == {"control", "model"}
    assert dealt(client, 2000) == variants
    events = [
        {"id": a["unit"], "unit": a["unit"], "event": "conversion", "at": a["exposed_at"]}
        for number, a in enumerate(assigned(client, 2000))
        if number % 10 < (5 if a["variant"] == "model" else 2)
    ]
    taken = client.post(f"{WAY}/events", json=events).json()
    assert (taken["added"], taken["rejected"]) == (len(events), 0)
    again = client.post(f"{WAY}/events", json=events).json()
    assert (again["added"], again["duplicates"]) == (0, len(events))
    status = client.get(WAY).json()
    jsonschema.validate(status, schema_of(client, "/ab-tests/{name}", "get"))
    assert (status["looks"], status["test"]["state"]) == (0, "running")
    wait_until(lambda: client.get(WAY).json()["missing"] == ["nothing: analyse it"])
    look = client.post(f"{WAY}/analyses", json={"actor": "ann"}).json()
    jsonschema.validate(look, schema_of(client, "/ab-tests/{name}/analyses", "post"))
    assert (look["answer"], look["winner"], look["is_final"]) == ("winner", "model", True)
    over = client.get(WAY).json()
    assert (over["test"]["state"], over["test"]["winner"]) == ("decided", "model")
    assert [each["action"] for each in over["actions"]] == ["created", "started", "decided"]
    assert client.get(f"{WAY}/analyses").json()["looks"] == [look]
    late = client.post(f"{WAY}/units", json={"units": [{"unit": "new"}]}).json()["assignments"]
    assert late == [{"unit": "new", "variant": "model", "is_in_test": False, "exposed_at": None}]


def test_a_plan_made_twice_is_one_test_and_another_plan_is_refused_once_it_runs(
    client: httpx.Client,
) -> None:
    first = client.post("/ab-tests", json=PLAN)
    again = client.post("/ab-tests", json=PLAN)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    client.post(f"{WAY}/start")
    other = client.post("/ab-tests?replace=true", json=PLAN | {"description": "changed"})
    assert (other.status_code, other.json()["title"]) == (409, "Refused")
    assert client.get("/ab-tests").json()["tests"][0]["plan"]["description"] == ""


def test_another_plan_of_a_name_replaces_the_first_only_when_asked_to(client: httpx.Client) -> None:
    client.post("/ab-tests", json=PLAN)
    other = PLAN | {"description": "changed"}
    refused = client.post("/ab-tests", json=other)
    assert (refused.status_code, refused.json()["title"]) == (409, "Refused")
    unclear = client.post("/ab-tests?replace=maybe", json=other)
    assert (unclear.status_code, unclear.json()["field"]) == (422, "replace")
    assert client.get("/ab-tests").json()["tests"][0]["plan"]["description"] == ""
    replaced = client.post("/ab-tests?replace=true", json=other)
    assert (replaced.status_code, replaced.json()["plan"]["description"]) == (201, "changed")
    assert client.post("/ab-tests", json=other).status_code == 200


def test_what_is_wrong_with_events_is_told_event_by_event(client: httpx.Client) -> None:
    started(client)
    dealt(client, 2)
    future = (instants.now() + timedelta(days=1)).isoformat()
    events = [
        {"id": "1", "unit": "nobody", "event": "conversion"},
        {"id": "2", "unit": "u1", "event": "conversion", "at": future},
        {"id": "3", "unit": "u1", "event": "conversion"},
    ]
    told = client.post(f"{WAY}/events", json=events).json()
    jsonschema.validate(told, schema_of(client, "/ab-tests/{name}/events", "post"))
    assert (told["added"], told["rejected"]) == (1, 2)
    assert [(each["place"], each["reason"].split(":")[0]) for each in told["rejects"]] == [
        (0, "unit"),
        (1, "at"),
    ]


@pytest.mark.parametrize(
    ("way", "body", "status", "field"),
    [
        ("/ab-tests", {**PLAN, "colour": "red"}, 422, "colour"),
        ("/ab-tests", {**PLAN, "variants": []}, 422, "variants"),
        ("/ab-tests", {**PLAN, "name": "a/b"}, 422, "name"),
        ("/ab-tests", {**PLAN, "control": "none"}, 422, "control"),
        ("/ab-tests", {**PLAN, "window_s": None}, 422, "window_s"),
        ("/ab-tests", {**PLAN, "metrics": [{**SUCCESS, "cap": 9}]}, 422, "cap"),
        ("/ab-tests", {**PLAN, "units": "ledger"}, 422, "ledger"),
        ("/ab-tests/none/start", {}, 404, None),
        ("/ab-tests/none/events", [{"id": "1", "unit": "u", "event": "e"}], 404, None),
        (f"{WAY}/events", [{"id": "1", "unit": "u"}], 422, "0.event"),
        (f"{WAY}/events", [{"id": "1", "unit": "u", "event": "e", "value": "x"}], 422, "0.value"),
        (f"{WAY}/events", [{"id": "1", "unit": "u", "event": "e", "value": "1"}], 422, "0.value"),
        (f"{WAY}/events", [{"id": "1", "unit": "u", "event": "e", "value": False}], 422, "0.value"),
        (f"{WAY}/events", [{"id": "1", "unit": "u", "event": "e", "a": 1}], 422, "0.a"),
        (f"{WAY}/events", [{"id": "1", "unit": "u", "event": "e", "at": 1.7e9}], 422, "0.at"),
        (f"{WAY}/events", [{"id": "1", "unit": "u\x00", "event": "e"}], 422, "0.unit"),
        (f"{WAY}/events", [], 422, "body"),
        (f"{WAY}/exposure", {"exposure": 0}, 422, "exposure"),
        (f"{WAY}/exposure", {"exposure": 0.5}, 422, "exposure"),
        (f"{WAY}/stop", {"actor": " "}, 422, "actor"),
        (f"{WAY}/units", {"units": [{"unit": "a", "variant": "model"}, {"unit": "b"}]}, 422, None),
        (f"{WAY}/units", {"units": [{"unit": "a", "variant": "model"}]}, 409, None),
    ],
)
def test_what_is_wrong_is_a_problem_that_names_the_field(
    client: httpx.Client, way: str, body: object, status: int, field: str | None
) -> None:
    started(client)
    answer = client.post(way, json=body)
    assert answer.status_code == status
    assert field is None or answer.json()["field"] == field
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_no_json_is_told_so(client: httpx.Client) -> None:
    started(client)
    assert client.post(f"{WAY}/events", content=b"[{").status_code == 400


def test_before_its_start_nothing_is_dealt_out_and_after_a_stop_nothing_is_taken(
    client: httpx.Client,
) -> None:
    client.post("/ab-tests", json=PLAN)
    early = client.post(f"{WAY}/units", json={"units": [{"unit": "a"}]})
    assert early.status_code == 409
    client.post(f"{WAY}/start")
    stopped = client.post(f"{WAY}/stop", json={"actor": "ann", "reason": "wrong text"}).json()
    assert stopped["state"] == "stopped"
    action = client.get(WAY).json()["actions"][-1]
    assert (action["actor"], action["reason"]) == ("ann", "wrong text")
    assert client.post(f"{WAY}/exposure", json={"exposure": 1}).status_code == 409


def test_keys_with_the_right_scope_come_in(serve: Serve, serving: Serving, store: Store) -> None:
    reader = {"X-API-Key": api_keys.create(store, "reader", ["read"], instants.now()).text}
    writer = {"X-API-Key": api_keys.create(store, "writer", ["record"], instants.now()).text}
    client = serve(serving, api_keys="required")
    assert client.get("/ab-tests").status_code == 401
    assert client.get("/ab-tests", headers=writer).status_code == 403
    assert client.post("/ab-tests", json=PLAN, headers=reader).status_code == 403
    assert client.post("/ab-tests", json=PLAN, headers=writer).status_code == 201
    assert client.get(WAY, headers=reader).status_code == 200


def test_a_service_without_a_database_says_so(serve: Serve) -> None:
    client = serve(Serving((), is_standalone=True))
    assert client.get("/ab-tests").status_code == 503
    assert "/ab-tests" not in client.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"description": "a\x00b"},
        {"salt": "\x00"},
        {"variants": [{"name": "model", "description": "\x00"}]},
    ],
)
def test_free_text_of_a_plan_has_no_nul(client: httpx.Client, wrong: dict) -> None:
    assert client.post("/ab-tests", json=PLAN | wrong).status_code == 422
    fine = {"description": "two\nlines\n", "salt": " \t"}
    assert client.post("/ab-tests", json=PLAN | fine).status_code == 201
