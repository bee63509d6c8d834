"""Older products' routes: served as documented, documented as served, each example tried."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema
import pytest
from sqlalchemy import text

from bentos.app.endpoints import ENDPOINTS
from bentos.predict.live_versions import Serving
from runlore import registry
from runlore.kernel import instants
from runlore.registry import connect
from runlore.serving.actions import api_keys, skew
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos import products_world
from tests.bentos.conftest import Serve
from tests.bentos.product_pages import DOCS, PRODUCTS, differences, examples, renamed, routes
from tests.privacy import private_posts

PREFIXES = ("/ab-tests", "/api/", "/ai/")
OTHERS = ("/api/v1/lineage", "/api/v1/write")  # of OpenLineage and of Prometheus
PAGES = (DOCS / "ab.md", *PRODUCTS)
ROUTES = sorted(set().union(*map(routes, PAGES)))
TRAINING, TRAIN = "/api/v3/model-training", "/ai/learning/train-models"
STATUS, PERFORMANCE = "/api/v3/model-status", "/api/v3/model-performance"
ALERTS, STATS = "/api/v3/model-alerts", "/ai/learning/stats"
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def home(database: Store) -> Iterator[Path]:
    """Where MLflow's tables are there already, as they are for a service that has started."""
    folder = Path(tempfile.mkdtemp(prefix="rl-"))
    connect(Settings(home=folder, mlflow_tracking_uri=None), database).champion("a")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def world(home: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"RUNLORE_{name.upper()}", raising=False)
    monkeypatch.setenv("RUNLORE_HOME", str(home))
    products_world.fill(store)
    return store


@pytest.fixture
def client(serve: Serve, serving: Serving) -> httpx.Client:
    """A service that asks nobody for a key, so that the names in bodies are on record."""
    return serve(serving, api_keys="off")


def valid(client: httpx.Client, path: str, answer: httpx.Response) -> dict:
    document = client.get("/openapi.json").json()
    method = str(answer.request.method).lower()
    responses = document["paths"][path][method]["responses"]
    [content] = responses[str(answer.status_code)]["content"].values()
    told = answer.json()
    jsonschema.validate(told, {**content["schema"], "components": document["components"]})
    return told


def test_every_documented_route_is_served_and_every_served_one_is_documented(
    client: httpx.Client,
) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    served = {
        (method.upper(), path)
        for path, methods in paths.items()
        if path.startswith(PREFIXES) and not path.startswith(OTHERS)
        for method in methods
    }
    assert served == {(method, path) for method, path, _ in ROUTES}
    listed = {
        (e.method, e.documented_path, e.scope) for e in ENDPOINTS if e.path.startswith(PREFIXES)
    }
    assert {row for row in listed if not row[1].startswith(OTHERS)} == set(ROUTES)


@pytest.mark.parametrize("page", PRODUCTS, ids=lambda page: page.stem)
def test_every_route_of_a_product_has_an_example(page: Path) -> None:
    def shape(way: str) -> str:
        return way.partition("?")[0]

    tried = {(each.method, shape(each.way)) for each in examples(page)}
    for method, path, _ in routes(page):
        pattern = path.split("{")[0]
        assert any(m == method and way.startswith(pattern) for m, way in tried), (method, path)


def patient(client: httpx.Client, method: str, way: str, body: str) -> httpx.Response:
    """A slow machine says 504 while it learns a kind for the first time, and to try again."""
    for _ in range(10):
        answer = client.request(method, way, content=body or None)
        if answer.status_code != 504:
            break
    return answer


@pytest.mark.parametrize("page", PRODUCTS, ids=lambda page: page.stem)
def test_examples_are_answered_as_documented(
    page: Path,
    client: httpx.Client,
    world: Store,
    serving: Serving,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names: dict[str, str] = {}
    if page.stem == "agent-zero":
        products_world.finish(world)
    if page.stem == "ml-learning":
        private_posts.tell_aggregate(world, instants.now())
        products_world.publish(world)
        monkeypatch.setenv("RUNLORE_SPECS", '["engagement", "engagement-success"]')
    for each in examples(page):
        way, body = renamed(each.way, names), renamed(each.body, names)
        with products_world.engaged(serving, tmp_path, is_on="/models/" in way):
            answer = patient(client, each.method, way, body)
        assert answer.status_code == each.status, answer.text
        assert list(differences(each.answer, answer.json(), names)) == [], each.way


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_other_methods_are_told_which_there_are(
    client: httpx.Client, method: str, path: str, scope: str
) -> None:
    documented = {m for m, p, _ in ROUTES if p == path}
    other = "PUT" if "DELETE" in documented else "DELETE"
    refused = client.request(other, path.replace("{name}", "a").replace("{test_id}", NOWHERE))
    assert set(refused.headers["allow"].split(", ")) - {"HEAD"} == documented


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_a_key_needs_the_documented_scope(
    serve: Serve, serving: Serving, store: Store, method: str, path: str, scope: str
) -> None:
    others = [each for each in api_keys.SCOPES if each not in (scope, "admin")]
    made = api_keys.create(store, "others", others, instants.now())
    client = serve(serving, api_keys="required")
    answer = client.request(method, path, headers={"X-API-Key": made.text})
    assert (answer.status_code, f"scope {scope!r}" in answer.json()["detail"]) == (403, True)


def test_the_openapi_document_names_the_documented_scopes(serve: Serve, serving: Serving) -> None:
    paths = serve(serving, api_keys="required").get("/openapi.json").json()["paths"]
    for method, path, scope in ROUTES:
        assert paths[path][method.lower()]["security"][0] == {"bearer": [scope]}, (method, path)


def test_examples_of_the_document_are_taken(client: httpx.Client, world: Store) -> None:
    document = client.get("/openapi.json").json()
    for path in (TRAINING, TRAIN, ALERTS):
        method = "patch" if path == ALERTS else "post"
        content = document["paths"][path][method]["requestBody"]["content"]["application/json"]
        model = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
        [example] = model["examples"]
        jsonschema.validate(example, {**model, "components": document["components"]})
        assert client.request(method, path, json=example).is_success


def test_answers_are_as_the_document_says(client: httpx.Client, world: Store) -> None:
    for path in (TRAINING, STATUS, PERFORMANCE, ALERTS, STATS):
        valid(client, path, client.get(path))
    valid(client, TRAIN, client.post(TRAIN))
    valid(client, TRAINING, client.get(TRAINING))


def test_a_training_that_is_asked_for_can_be_followed(client: httpx.Client, world: Store) -> None:
    made = client.post(TRAINING, json={"model": "duration", "requested_by": "ann"})
    told = valid(client, TRAINING, made)
    assert (made.status_code, told["status"], told["trigger"]) == (202, "queued", "person")
    assert made.headers["location"] == told["follow"]
    [one] = valid(client, TRAINING, client.get(told["follow"]))["trainings"]
    assert one == {name: value for name, value in told.items() if name != "follow"}
    again = client.post(TRAINING, json={"model": "duration", "requested_by": "bob"}).json()
    assert again["training_id"] == told["training_id"]
    assert client.get(TRAINING, params={"model": "failure-risk"}).json()["trainings"] == []


def test_a_training_is_asked_for_by_the_owner_of_the_key(
    serve: Serve, serving: Serving, world: Store
) -> None:
    key = api_keys.create(world, "carol", ["train"], instants.now()).text
    client = serve(serving, api_keys="required")
    body = {"model": "duration", "requested_by": "mallory"}
    made = client.post(TRAINING, json=body, headers={"X-API-Key": key}).json()
    assert made["requested_by"] == "carol"
    body = {"models": ["failure-risk"], "requested_by": "mallory"}
    [one] = client.post(TRAIN, json=body, headers={"X-API-Key": key}).json()["trainings"]
    assert one["requested_by"] == "carol"


def test_whoever_asks_for_a_training_may_accept_leaks(client: httpx.Client, world: Store) -> None:
    client.post("/executions", json={"actor": "ann", "kind": "build", "inputs": {"queue": "a"}})
    wish = {"model": "duration", "requested_by": "ann", "accept_leaks": {"queue": "known before"}}
    assert client.post(TRAINING, json=wish).status_code == 202
    unknown = {"models": ["duration"], "accept_leaks": {"no such input": "known before"}}
    refused = client.post(TRAIN, json=unknown)
    assert refused.status_code == 422
    assert "no execution has an input 'no such input'" in refused.text
    with world.begin() as connection:
        rows = connection.execute(
            text("SELECT spec, input, action, actor, reason FROM runlore.leak_decisions")
        )
        kept = [tuple(row) for row in rows]
    assert kept == [("duration", "queue", "accept", "ann", "known before")]


def test_without_a_name_all_models_are_trained_each_once(
    client: httpx.Client, world: Store
) -> None:
    told = valid(client, TRAIN, client.post(TRAIN))
    assert [each["model"] for each in told["trainings"]] == ["failure-risk", "duration"]
    one = client.post(TRAIN, json={"models": ["duration", "duration"]}).json()
    assert [each["model"] for each in one["trainings"]] == ["duration"]


def test_a_model_without_anything_is_untrained(
    client: httpx.Client, serving: Serving, store: Store
) -> None:
    serving.put("duration", None)
    [status] = valid(client, STATUS, client.get(STATUS, params={"model": "duration"}))["models"]
    assert (status["status"], status["version"], status["open_alerts"]) == ("untrained", None, [])
    [found] = client.get(PERFORMANCE, params={"model": "duration"}).json()["models"]
    assert (found["metrics"], found["windows"], found["drift"]) == ([], [], None)
    figures = client.get(STATS).json()
    assert figures["executions"]["success_rate"] is None


def test_the_last_look_is_told_and_outcomes_go_before_estimates(
    client: httpx.Client, world: Store
) -> None:
    [found] = client.get(PERFORMANCE, params={"model": "failure-risk"}).json()["models"]
    assert {each["metric"]: each["value"] for each in found["metrics"]} == {
        "auc": 0.81,
        "brier": 0.11,
    }
    assert {each["source"] for each in found["metrics"]} == {"measured"}
    assert [each["outcomes"] for each in found["windows"]] == [12, 880]


def test_an_alert_that_is_over_is_listed_as_resolved(client: httpx.Client, world: Store) -> None:
    change = {"alert_id": 1, "action": "resolve", "actor": "ann", "note": "was a test"}
    assert valid(client, ALERTS, client.patch(ALERTS, json=change))["status"] == "resolved"
    assert client.get(ALERTS).json()["alerts"] == []
    [one] = client.get(ALERTS, params={"status": "resolved"}).json()["alerts"]
    assert (one["resolved_by"], one["model"]) == ("ann", "failure-risk")
    assert client.patch(ALERTS, json=change).status_code == 409


def test_an_alert_about_a_version_is_one_of_its_model(client: httpx.Client, world: Store) -> None:
    hour = skew.WindowSkew(products_world.AT, 10, 3)
    found = [skew.Skew(spec, "7", 10, windows=(hour,)) for spec in ("failure-risk", "failure")]
    skew.note(world, found, products_world.AT)
    alerts = valid(client, ALERTS, client.get(ALERTS, params={"model": "failure-risk"}))["alerts"]
    told = [(each["alert_type"], each["model"], each["severity"]) for each in alerts]
    assert told == [("skew", "failure-risk", "critical"), ("drift", "failure-risk", "warning")]
    assert alerts[0]["message"].startswith("failure-risk version 7: 3 of 10 served answers")
    assert client.get(ALERTS, params={"model": "duration"}).json()["alerts"] == []
    [status] = client.get(STATUS, params={"model": "failure-risk"}).json()["models"]
    assert status["open_alerts"] == ["drift", "skew"]
    change = {"alert_id": alerts[0]["alert_id"], "action": "acknowledge", "actor": "ann"}
    taken = valid(client, ALERTS, client.patch(ALERTS, json=change))
    assert (taken["status"], taken["model"]) == ("acknowledged", "failure-risk")
    of_nobody = client.patch(ALERTS, json={**change, "alert_id": alerts[0]["alert_id"] + 1})
    assert of_nobody.status_code == 404


def test_figures_are_counted_once_for_all_who_ask(client: httpx.Client, world: Store) -> None:
    first = client.get(STATS).json()
    client.post("/executions", json={"actor": "ann", "kind": "build"})
    assert client.get(STATS).json() == first


@pytest.mark.parametrize(
    ("method", "way", "body", "status", "field"),
    [
        ("POST", TRAINING, {}, 422, "model"),
        ("POST", TRAINING, {"model": "x", "colour": "red"}, 422, "colour"),
        ("POST", TRAINING, {"model": "x"}, 404, None),
        ("POST", TRAINING, {"model": "duration", "reason": "a" * 501}, 422, "reason"),
        ("POST", TRAINING, {"model": "duration", "requested_by": " "}, 422, "requested_by"),
        ("POST", TRAIN, {"models": "all"}, 422, "models"),
        ("POST", TRAIN, {"models": ["x"]}, 404, None),
        ("GET", f"{TRAINING}?training_id=x", None, 422, "training_id"),
        ("GET", f"{TRAINING}?training_id=99", None, 404, None),
        ("GET", f"{TRAINING}?limit=0", None, 422, "limit"),
        ("GET", f"{STATUS}?model=x", None, 404, None),
        ("GET", f"{STATUS}?colour=red", None, 422, "colour"),
        ("GET", f"{PERFORMANCE}?model=a%00", None, 422, "model"),
        ("GET", f"{ALERTS}?status=odd", None, 422, "status"),
        ("GET", f"{ALERTS}?limit=1001", None, 422, "limit"),
        ("GET", f"{ALERTS}?before=-1", None, 422, "before"),
        ("PATCH", ALERTS, {"alert_id": "1", "action": "acknowledge"}, 422, "alert_id"),
        ("PATCH", ALERTS, {"alert_id": 1, "action": "dance"}, 422, "action"),
        ("PATCH", ALERTS, {"alert_id": 99, "action": "resolve"}, 404, None),
        ("PATCH", ALERTS, {"alert_id": 2, "action": "resolve"}, 404, None),
        ("GET", f"{STATS}?model=duration", None, 422, "model"),
    ],
)
def test_what_is_wrong_is_a_problem_that_names_the_field(
    client: httpx.Client,
    world: Store,
    method: str,
    way: str,
    body: object,
    status: int,
    field: str | None,
) -> None:
    answer = client.request(method, way, json=body)
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_service_without_a_database_says_so(serve: Serve) -> None:
    client = serve(Serving((), is_standalone=True))
    assert client.get(STATUS).status_code == 503
    assert STATUS not in client.get("/openapi.json").json()["paths"]


@pytest.mark.usefixtures("world")
def test_a_bento_which_has_no_registry_asks_for_no_training(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'mlflow'")

    monkeypatch.setattr(registry, "connect", missing)
    asked = client.post(TRAIN, json={})
    assert asked.status_code == 409, asked.text
    assert "ask the service of `runlore serve`" in valid(client, TRAIN, asked)["detail"]
