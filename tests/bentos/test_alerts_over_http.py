"""Alerts over HTTP: read, filtered, acknowledged; as the document says, behind keys."""

from datetime import UTC, datetime, timedelta

import httpx
import jsonschema
import pytest

from bentos.predict.live_versions import Serving
from runlore.alerts.actions import handling
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel import instants
from runlore.serving.actions import api_keys
from runlore.store.engine import Store
from tests.bentos.conftest import Serve

AT = datetime(2026, 11, 1, tzinfo=UTC)


def found(store: Store, subject: str = "duration", kind: str = "drift") -> int:
    finding = AlertFinding(
        kind, subject, Severity.WARNING, "it moved", "sure", "look", AT, {"psi": 0.4}
    )
    with store.begin() as connection:
        return handling.raise_alert(connection, finding, AT).id


def schema_of(document: dict, path: str, method: str = "get") -> dict:
    content = document["paths"][path][method]["responses"]["200"]["content"]
    return {
        **content["application/json"]["schema"],
        "components": document["components"],
    }


def test_what_deviates_is_listed_the_newest_first_and_page_by_page(
    client: httpx.Client, store: Store
) -> None:
    ids = [found(store, f"spec-{number}") for number in range(5)]
    first = client.get("/alerts", params={"limit": 3}).json()
    assert [each["id"] for each in first["alerts"]] == ids[:1:-1]
    rest = client.get("/alerts", params={"limit": 3, "before": first["next"]}).json()
    assert [each["id"] for each in rest["alerts"]] == ids[1::-1]
    assert rest["next"] is None
    assert first["alerts"][0]["what"] == "it moved"


def test_filters_choose_by_kind_subject_and_state(client: httpx.Client, store: Store) -> None:
    drift, skew = found(store), found(store, kind="skew")
    handling.close(store, skew, "ann", "", AT + timedelta(hours=1))
    for params, expected in (
        ({}, [drift]),
        ({"state": "resolved"}, [skew]),
        ({"state": "all"}, [skew, drift]),
        ({"state": "all", "kind": "skew"}, [skew]),
        ({"subject": "other"}, []),
    ):
        told = client.get("/alerts", params=params).json()["alerts"]
        assert [each["id"] for each in told] == expected, params


def test_one_alert_comes_with_evidence_history_and_deliveries(
    client: httpx.Client, store: Store
) -> None:
    told = client.get(f"/alerts/{found(store)}").json()
    assert told["evidence"] == {"psi": 0.4}
    assert [each["event"] for each in told["history"]] == ["opened"]
    assert (told["state"], told["deliveries"], told["since"]) == (
        "open",
        [],
        "2026-11-01T00:00:00Z",
    )


def test_it_is_acknowledged_once_it_is_known_and_not_when_it_is_over(
    client: httpx.Client, store: Store
) -> None:
    number = found(store)
    told = client.post(f"/alerts/{number}/ack", json={"actor": "ann", "note": "on it"})
    assert told.status_code == 200
    assert told.json()["state"] == "acknowledged"
    assert told.json()["history"][-1]["actor"] == "ann"
    handling.close(store, number, "ann", "", instants.now())
    over = client.post(f"/alerts/{number}/ack", json={"actor": "ann"})
    assert (over.status_code, over.json()["title"]) == (409, "Refused")
    assert client.post("/alerts/999/ack", json={"actor": "ann"}).status_code == 404


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/alerts/x", "id"),
        ("/alerts/0", "id"),
        ("/alerts/99999999999999999999", "id"),
        ("/alerts?state=odd", "state"),
        ("/alerts?limit=0", "limit"),
        ("/alerts?limit=1001", "limit"),
        ("/alerts?before=-1", "before"),
        ("/alerts?kind=a%00b", "kind"),
        ("/alerts?colour=red", "colour"),
    ],
)
def test_a_wrong_question_is_a_problem_that_names_the_field(
    client: httpx.Client, path: str, field: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ("{}", 422, "actor"),
        ('{"actor": ""}', 422, "actor"),
        ('{"actor": "a", "note": 3}', 422, "note"),
        ('{"actor": "a", "more": 3}', 422, "more"),
        ('{"actor": "  "}', 422, "actor"),
        ("{", 400, None),
    ],
)
def test_a_wrong_acknowledgement_changes_nothing(
    client: httpx.Client, store: Store, body: str, status: int, field: str | None
) -> None:
    number = found(store)
    answer = client.post(f"/alerts/{number}/ack", content=body)
    assert (answer.status_code, answer.json().get("field")) == (status, field)
    assert client.get(f"/alerts/{number}").json()["state"] == "open"


def test_the_document_says_what_is_answered(client: httpx.Client, store: Store) -> None:
    document = client.get("/openapi.json").json()
    number = found(store)
    for path, told in (
        ("/alerts", client.get("/alerts")),
        ("/alerts/{id}", client.get(f"/alerts/{number}")),
    ):
        jsonschema.validate(told.json(), schema_of(document, path))
    body = document["components"]["schemas"]["Acknowledgement"]["examples"][0]
    told = client.post(f"/alerts/{number}/ack", json=body)
    jsonschema.validate(told.json(), schema_of(document, "/alerts/{id}/ack", "post"))


def test_keys_with_the_right_scope_come_in(serve: Serve, serving: Serving, store: Store) -> None:
    number = found(store)
    reader = api_keys.create(store, "reader", ["read"], instants.now()).text
    writer = api_keys.create(store, "writer", ["record"], instants.now()).text
    client = serve(serving, api_keys="required")
    assert client.get("/alerts").status_code == 401
    assert client.get("/alerts", headers={"X-API-Key": writer}).status_code == 403
    assert client.get("/alerts", headers={"X-API-Key": reader}).status_code == 200
    way = f"/alerts/{number}/ack"
    ann = {"actor": "ann"}
    assert client.post(way, json=ann, headers={"X-API-Key": reader}).status_code == 403
    assert client.post(way, json=ann, headers={"X-API-Key": writer}).status_code == 200
    closed = client.get("/openapi.json").json()["paths"]["/alerts/{id}/ack"]["post"]
    assert closed["security"] == [{"bearer": ["record"]}, {"header": ["record"]}, {"login": []}]


def test_a_service_without_a_database_says_so(serve: Serve) -> None:
    client = serve(Serving((), is_standalone=True))
    assert client.get("/alerts").status_code == 503
    assert "/alerts" not in client.get("/openapi.json").json()["paths"]
