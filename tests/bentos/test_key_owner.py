"""Who did something: the owner of the key with which it came, whatever the body says."""

import httpx
import pytest
from sqlalchemy import text

from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.serving.actions import api_keys
from runlore.store.engine import Store
from tests.bentos.conftest import Serve
from tests.bentos.test_ab_over_http import PLAN, WAY
from tests.bentos.test_alerts_over_http import found

MALLORY = {"actor": "mallory"}
ALERTS, MODELS, RESULTS, CONTENT = (
    "/api/v3/model-alerts",
    "/api/v3/ab-tests",
    "/api/v3/test-results",
    "/api/v1/ml-learning/ab-tests",
)
MODEL_TEST = {
    "test_name": "planner",
    "approaches": [{"name": "v1"}, {"name": "v2"}],
    "baseline": "v1",
    "min_hours": 0,
}
CONTENT_TEST = {
    "test_name": "teaser",
    "variants": [{"name": "a", "is_control": True}, {"name": "b"}],
    "success_metric": "ctr",
}


@pytest.fixture
def carol(serve: Serve, serving: Serving, store: Store) -> httpx.Client:
    """A client with a key whose owner is carol."""
    key = api_keys.create(store, "carol", ["record", "read"], instants.now()).text
    client = serve(serving, api_keys="required")
    client.headers["X-API-Key"] = key
    return client


def actors(store: Store) -> set[str]:
    """Whoever acted in an A/B test or looked at one."""
    query = "SELECT actor FROM runlore.ab_actions UNION SELECT actor FROM runlore.ab_analyses"
    with store.engine.connect() as connection:
        return set(connection.execute(text(query)).scalars())


def test_an_alert_is_acknowledged_by_the_owner_of_the_key(
    carol: httpx.Client, store: Store
) -> None:
    told = carol.post(f"/alerts/{found(store)}/ack", json=MALLORY).json()
    assert told["acknowledged_by"] == "carol"
    assert "mallory" not in str(told)


@pytest.mark.parametrize(
    ("action", "field"), [("acknowledge", "acknowledged_by"), ("resolve", "resolved_by")]
)
def test_a_product_alert_is_settled_by_the_owner_of_the_key(
    carol: httpx.Client, store: Store, action: str, field: str
) -> None:
    change = {"alert_id": found(store), "action": action, **MALLORY}
    assert carol.patch(ALERTS, json=change).json()[field] == "carol"


def test_an_a_b_test_is_led_by_the_owner_of_the_key(carol: httpx.Client, store: Store) -> None:
    carol.post("/ab-tests", json=PLAN).raise_for_status()
    steps = (("start", {}), ("exposure", {"exposure": 1}), ("analyses", {}), ("stop", {}))
    for step, more in steps:
        carol.post(f"{WAY}/{step}", json=MALLORY | more).raise_for_status()
    assert actors(store) == {"carol"}


def test_a_product_test_is_led_by_the_owner_of_the_key(carol: httpx.Client, store: Store) -> None:
    test_id = carol.post(MODELS, json=MODEL_TEST).raise_for_status().json()["test_id"]
    for step in ("start", "stop"):
        change = {"test_id": test_id, "action": step, **MALLORY}
        carol.patch(MODELS, json=change).raise_for_status()
    carol.post(RESULTS, json={"test_id": test_id, "analyze": True}).raise_for_status()
    made = carol.post(f"{CONTENT}/create", json=CONTENT_TEST).raise_for_status()
    test_id = made.json()["test_id"]
    for step in ("start", "analyze"):
        carol.post(f"{CONTENT}/{test_id}/{step}").raise_for_status()
    assert actors(store) == {"carol"}


def test_without_a_key_it_is_who_the_body_says(client: httpx.Client, store: Store) -> None:
    told = client.post(f"/alerts/{found(store)}/ack", json=MALLORY).json()
    assert told["acknowledged_by"] == "mallory"


def test_a_key_that_nobody_asked_for_counts_too(
    serve: Serve, serving: Serving, store: Store
) -> None:
    key = api_keys.create(store, "carol", ["read"], instants.now()).text
    client = serve(serving, api_keys="auto")
    way = f"/alerts/{found(store)}/ack"
    told = client.post(way, json=MALLORY, headers={"X-API-Key": key}).json()
    assert told["acknowledged_by"] == "carol"
