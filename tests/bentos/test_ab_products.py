"""Two products' words for A/B tests, and that routes and documents say the same."""

import re
from pathlib import Path

import httpx
import jsonschema
import pytest

from tests.experiments.ab_world import wait_until

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (DOCS / "ab.md", DOCS / "products" / "ml-learning.md", DOCS / "products" / "agent-zero.md")
ROW = re.compile(r"^\| `(GET|POST|PATCH) ([^`]+)` \| (read|record) \|", re.MULTILINE)
PREFIXES = ("/ab-tests", "/api/v3/ab-tests", "/api/v3/test-results", "/api/v1/ml-learning/ab-tests")
ROUTES = [
    row
    for page in PAGES
    for row in ROW.findall(page.read_text(encoding="utf-8"))
    if row[1].startswith(PREFIXES)
]
CONTENT, MODELS, RESULTS = (
    "/api/v1/ml-learning/ab-tests",
    "/api/v3/ab-tests",
    "/api/v3/test-results",
)
NOWHERE = "00000000-0000-4000-8000-000000000000"


def valid(client: httpx.Client, path: str, method: str, answer: httpx.Response) -> dict:
    document = client.get("/openapi.json").json()
    responses = document["paths"][path][method]["responses"]
    [content] = responses[str(answer.status_code)]["content"].values()
    told = answer.json()
    jsonschema.validate(told, {**content["schema"], "components": document["components"]})
    return told


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_examples_of_the_document_are_taken(
    client: httpx.Client, method: str, path: str, scope: str
) -> None:
    document = client.get("/openapi.json").json()
    body = document["paths"][path][method.lower()].get("requestBody")
    if body is None:
        return
    model = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    schema = document["components"]["schemas"][model]
    [example] = schema["examples"]
    jsonschema.validate(example, {**schema, "components": document["components"]})
    way = path.replace("{name}", "none").replace("{test_id}", NOWHERE)
    assert client.request(method, way, json=example).status_code in (200, 201, 404)


def test_a_content_test_goes_from_its_creation_to_its_winner(client: httpx.Client) -> None:
    asked = {
        "test_name": "Evening posts",
        "variants": [{"name": "evening"}],
        "success_metric": "ctr",
        "min_runtime_hours": 0,
        "outcome_window_hours": 1 / 3600,
    }
    made = client.post(f"{CONTENT}/create", json=asked)
    test = valid(client, f"{CONTENT}/create", "post", made)
    assert (made.status_code, test["status"]) == (201, "draft")
    assert test["variants"] == ["control", "evening"]
    assert client.post(f"{CONTENT}/create", json=asked).status_code == 200
    other = {**asked, "success_metric": "conversion_rate"}
    assert client.post(f"{CONTENT}/create", json=other).status_code == 409
    one = f"{CONTENT}/{test['test_id']}"
    assert client.post(f"{one}/start").json()["status"] == "active"
    act(client, "/ab-tests/Evening posts", "evening")
    wait_until(lambda: client.get(f"{one}/status").json()["waiting_for"] == ["nothing: analyse it"])
    status = valid(client, f"{CONTENT}/{{test_id}}/status", "get", client.get(f"{one}/status"))
    by_name = {each["variant"]: each for each in status["variant_metrics"]}
    assert by_name["evening"]["ctr"] > 2 * by_name["control"]["ctr"]
    assert by_name["evening"]["impressions"] == by_name["evening"]["sample_size"]
    assert status["has_min_sample_size"]
    assert status["has_min_runtime"]
    found = valid(client, f"{CONTENT}/{{test_id}}/analyze", "post", client.post(f"{one}/analyze"))
    assert (found["winner"], found["status"], found["is_significant"]) == (
        "evening",
        "completed",
        True,
    )
    assert found["ranking"] == ["evening", "control"]
    assert found["results"][0]["p_value"] < found["results"][0]["anytime_p_value"] < 0.05
    listed = valid(client, f"{CONTENT}/", "get", client.get(f"{CONTENT}/?status=completed"))
    assert (listed["total"], listed["tests"][0]["winner"]) == (1, "evening")
    assert client.get(f"{CONTENT}/?status=active").json()["total"] == 0


def test_a_model_test_is_assigned_rolled_out_and_decided(client: httpx.Client) -> None:
    asked = {
        "test_name": "planner",
        "approaches": [{"name": "v1"}, {"name": "v2"}],
        "baseline": "v1",
        "min_hours": 0,
        "traffic_percentage": 50,
    }
    test = valid(client, MODELS, "post", client.post(MODELS, json=asked))
    assert client.post(MODELS, json={**asked, "traffic_percentage": 60}).status_code == 409
    change = {"test_id": test["test_id"]}
    client.patch(MODELS, json={**change, "action": "start"})
    rolled = client.patch(MODELS, json={**change, "action": "rollout", "traffic_percentage": 100})
    assert valid(client, MODELS, "patch", rolled)["traffic_percentage"] == 100
    subjects = [f"task-{number}" for number in range(800)]
    told = client.patch(MODELS, json={**change, "action": "assign", "subjects": subjects})
    dealt = valid(client, MODELS, "patch", told)["assignments"]
    results = [
        {
            "id": f"r-{number}",
            "subject": each["unit"],
            "value": number % 10 < (8 if each["variant"] == "v2" else 4),
        }
        for number, each in enumerate(dealt)
    ]
    sent = client.post(RESULTS, json={**change, "results": results, "analyze": True})
    found = valid(client, RESULTS, "post", sent)
    assert (found["accepted"], found["winner"], found["looks"]) == (800, "v2", 1)
    [comparison] = found["comparisons"]
    assert (comparison["verdict"], comparison["approach"]) == ("better", "v2")
    assert comparison["fixed_p_value"] < comparison["p_value"] < 0.05
    shown = client.get(RESULTS, params=change)
    assert valid(client, RESULTS, "get", shown)["winner"] == "v2"
    [one] = valid(client, MODELS, "get", client.get(MODELS, params=change))["tests"]
    assert (one["status"], one["winner"]) == ("completed", "v2")


@pytest.mark.parametrize(
    ("method", "way", "body", "status", "field"),
    [
        ("POST", f"{CONTENT}/create", {"test_name": "a", "variants": []}, 422, "variants"),
        (
            "POST",
            f"{CONTENT}/create",
            {"test_name": "a", "variants": [{"name": "b"}], "min_sample_size": 29},
            422,
            "min_sample_size",
        ),
        (
            "POST",
            f"{CONTENT}/create",
            {"test_name": "a", "variants": [{"name": n, "is_control": True} for n in "bc"]},
            422,
            "variants",
        ),
        (
            "POST",
            f"{CONTENT}/create",
            {"test_name": "a", "variants": [{"name": "b"}], "confidence_level": 1 - 1e-16},
            422,
            "confidence_level",
        ),
        ("POST", f"{CONTENT}/x/start", {}, 422, "test_id"),
        ("GET", f"{CONTENT}/{NOWHERE}/status", None, 404, None),
        ("GET", f"{CONTENT}/?status=odd", None, 422, "status"),
        ("PATCH", MODELS, {"test_id": NOWHERE, "action": "dance"}, 422, "action"),
        ("PATCH", MODELS, {"test_id": NOWHERE, "action": "rollout"}, 422, "traffic_percentage"),
        (
            "POST",
            MODELS,
            {"test_name": "a", "approaches": [{"name": "b"}], "baseline": "c"},
            422,
            "baseline",
        ),
        (
            "POST",
            MODELS,
            {"test_name": "a", "approaches": [{"name": "b"}], "significance_level": 5e-324},
            422,
            "significance_level",
        ),
        (
            "POST",
            MODELS,
            {"test_name": "a", "approaches": [{"name": "b"}], "traffic_percentage": 5e-324},
            422,
            "traffic_percentage",
        ),
        ("GET", RESULTS, None, 422, "test_id"),
        ("GET", f"{RESULTS}?colour=red", None, 422, "colour"),
        (
            "POST",
            RESULTS,
            {"test_id": NOWHERE, "results": [{"id": "1", "subject": "a", "value": "x"}]},
            422,
            "results.0.value",
        ),
    ],
)
def test_what_is_wrong_is_a_problem_that_names_the_field(
    client: httpx.Client, method: str, way: str, body: object, status: int, field: str | None
) -> None:
    answer = client.request(method, way, json=body)
    assert (answer.status_code, answer.json().get("field")) == (status, field)
    assert answer.headers["content-type"] == "application/problem+json"


def act(client: httpx.Client, way: str, better: str) -> None:
    """600 units each see something; more of one variant click."""
    asked = {"units": [{"unit": f"u{number}"} for number in range(600)]}
    dealt = client.post(f"{way}/units", json=asked).json()["assignments"]
    events = [
        {"id": f"i{e['unit']}", "unit": e["unit"], "event": "impression", "at": e["exposed_at"]}
        for e in dealt
    ]
    events += [
        {"id": f"c{e['unit']}", "unit": e["unit"], "event": "click", "at": e["exposed_at"]}
        for number, e in enumerate(dealt)
        if number % 10 < (6 if e["variant"] == better else 2)
    ]
    assert client.post(f"{way}/events", json=events).json()["added"] == len(events)
