"""The response examples of OpenAPI are real answers: as the service gives them now.

With RUNLORE_WRITE_EXAMPLES=1 the answers become the examples (`make examples`).
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from handmade import write_bundle

from bentos.api.assistant import EXAMPLE as ASSISTANT
from bentos.api.plans import EXAMPLE as TASKS
from bentos.api.points import EXAMPLE as POINTS
from bentos.api.pools import EXAMPLE as POOL
from bentos.app import response_examples
from bentos.app.response_examples import FILE, Examples
from bentos.predict.live_versions import Live, Serving, load
from runlore.kernel import instants
from runlore.store.engine import Store
from tests.bentos import patience, product_pages, products_world, signals_calls
from tests.bentos.conftest import Serve
from tests.ingest.csv_log import HEADER, Log, row
from tests.ingest.lineage_events import event
from tests.planning import queued_jobs
from tests.privacy import private_posts

WORK = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {"nodes": 4, "queue": "long"}}
ENDED = {"status": "succeeded", "finished": "2026-11-02T12:11:00Z", "outcome": {"cost": 1.5}}
PLAN = {
    "name": "planner",
    "variants": [{"name": "model"}],
    "metrics": [{"name": "merged", "event": "merge"}],
    "window_s": 86_400,
    "exposure": 0.5,
    "rule": {"least_units": 100, "least_time_h": 0},
}
REPLAY = {
    "kind": "job",
    "slots": 8,
    "size_input": "processors",
    "limit_input": "requested_s",
    "what_if": [10],
}
WAY = "/ab-tests/planner"
ANN = {"actor": "ann"}
WHY = ANN | {"because": "the times were local"}
LINEAGE = event("START", 0)
# Method, path of the document, the path that is called, and the body. {ID}: of the first answer.
CALLS: tuple[tuple[str, str, str, Any], ...] = (
    (
        "POST",
        "/predict/failure-risk",
        "/predict/failure-risk?reasons=2",
        WORK | {"execution": "b-17"},
    ),
    (
        "POST",
        "/predict/duration",
        "/predict/duration?reasons=2&quantiles=0.5,0.95&support=1",
        WORK | {"actor": "new"},
    ),
    ("POST", "/predict/failure-risk/batch", "/predict/failure-risk/batch", [WORK]),
    ("POST", "/predict/duration/batch", "/predict/duration/batch", [WORK]),
    ("GET", "/predictions/{id}", "/predictions/{ID}", None),
    (
        "POST",
        "/executions",
        "/executions",
        WORK | {"id": "b-17", "submitted": "2026-11-02T12:00:00Z"},
    ),
    (
        "POST",
        "/executions",
        "/executions",
        WORK | {"id": "b-17", "submitted": "2026-11-02T12:00:00Z"},
    ),
    ("POST", "/executions/{id}/outcome", "/executions/b-17/outcome", ENDED),
    ("POST", "/executions/{id}/outcome", "/executions/b-17/outcome", ENDED),
    ("GET", "/executions/{id}", "/executions/b-17", None),
    ("GET", "/estimates/promises", "/estimates/promises", None),
    ("PUT", "/pools/{name}", "/pools/gpu", POOL),
    ("GET", "/pools", "/pools", None),
    ("DELETE", "/pools/{name}", "/pools/gpu", None),
    ("POST", "/plans", "/plans", TASKS),
    ("GET", "/plans", "/plans", None),
    ("GET", "/plans/{id}", "/plans/1", None),
    ("GET", "/capacity", "/capacity?objective=90%25 start within 5min", None),
    (
        "POST",
        "/capacity",
        "/capacity",
        {"pool": "exporters", "scenarios": [{"name": "more", "arrivals": 3.5}]},
    ),
    ("GET", "/security/alerts", "/security/alerts", None),
    ("GET", "/security/rules", "/security/rules", None),
    ("GET", "/ingests", "/ingests", None),
    ("GET", "/alerts", "/alerts", None),
    ("GET", "/alerts/{id}", "/alerts/1", None),
    ("POST", "/alerts/{id}/ack", "/alerts/1/ack", ANN),
    ("POST", "/api/v1/lineage", "/api/v1/lineage", LINEAGE),
    ("POST", "/api/v1/lineage", "/api/v1/lineage", LINEAGE),
    ("POST", "/api/v1/lineage/batch", "/api/v1/lineage/batch", [event("COMPLETE", 9)]),
    ("POST", "/api/v1/lineage/batch", "/api/v1/lineage/batch", [event("COMPLETE", 9)]),
    ("POST", "/ingests/{id}/undo", "/ingests/1/undo", WHY),
    ("POST", "/sources/{source}/undo", "/sources/log/undo", WHY),
    ("POST", "/mcp", "/mcp", ASSISTANT),
    ("POST", "/metrics/points", "/metrics/points", POINTS),
    ("POST", "/estimates", "/estimates", {"kind": "release", "inputs": {"size": 20.0}}),
    ("POST", "/plans/replay", "/plans/replay", REPLAY),
    ("GET", "/projects", "/projects", None),
    ("GET", "/projects/borrowed", "/projects/borrowed?project=web&kind=release", None),
    ("POST", "/recommendations", "/recommendations", {"project": "web", "actor": "ann"}),
    ("GET", "/recommendations", "/recommendations", None),
    ("GET", "/patterns", "/patterns?actor=ann", None),
    ("GET", "/maintenance", "/maintenance?failures=failed&horizon=14", None),
    ("GET", "/maintenance/due", "/maintenance/due", None),
    ("POST", "/advice", "/advice", {"actor": "ann"}),
    ("GET", "/advice", "/advice", None),
    ("GET", "/advice/record", "/advice/record", None),
    ("POST", "/advice/mitigation", "/advice/mitigation", {"actor": "ann", "kind": "build"}),
    ("GET", "/privacy/aggregates", "/privacy/aggregates", None),
    ("GET", "/privacy/benchmark", "/privacy/benchmark?persona=persona-1", None),
    ("GET", "/privacy/budget", "/privacy/budget", None),
    ("GET", "/engagement/suggestions", "/engagement/suggestions", None),
    ("GET", "/engagement/suggestions/{id}", "/engagement/suggestions/draft-17", None),
    (
        "POST",
        "/engagement/suggestions/{id}",
        "/engagement/suggestions/draft-17?target_score=80",
        {"requested_by": "ann"},
    ),
    ("GET", "/engagement/times", "/engagement/times?persona=mia&zone=Europe/Berlin", None),
    ("POST", "/privacy/opt-outs/{persona}", "/privacy/opt-outs/ann", ANN),
    ("GET", "/privacy/opt-outs", "/privacy/opt-outs", None),
    ("DELETE", "/privacy/opt-outs/{persona}", "/privacy/opt-outs/ann", None),
    ("GET", "/projects/similar", "/projects/similar?project=web&limit=1", None),
    ("POST", "/metrics/points", "/metrics/points", POINTS),
    ("POST", "/ab-tests", "/ab-tests", PLAN),
    ("POST", "/ab-tests", "/ab-tests", PLAN),
    ("GET", "/ab-tests", "/ab-tests", None),
    ("POST", "/ab-tests/{name}/start", f"{WAY}/start", ANN),
    ("POST", "/ab-tests/{name}/exposure", f"{WAY}/exposure", ANN | {"exposure": 1.0}),
    (
        "POST",
        "/ab-tests/{name}/units",
        f"{WAY}/units",
        {"units": [{"unit": "ann"}, {"unit": "ben"}]},
    ),
    (
        "POST",
        "/ab-tests/{name}/events",
        f"{WAY}/events",
        [
            {"id": "m-1", "unit": "ann", "event": "merge"},
            {"id": "m-2", "unit": "zoe", "event": "merge"},
        ],
    ),
    ("POST", "/ab-tests/{name}/analyses", f"{WAY}/analyses", ANN),
    ("GET", "/ab-tests/{name}/analyses", f"{WAY}/analyses", None),
    ("GET", "/ab-tests/{name}", WAY, None),
    ("POST", "/ab-tests/{name}/stop", f"{WAY}/stop", ANN | {"reason": "the planner changed"}),
)


@pytest.fixture
def client(serve: Serve, serving: Serving) -> httpx.Client:
    """A service that asks nobody for a key, so that the names in bodies are on record."""
    return serve(serving, api_keys="off", **signals_calls.DECLARED)


@pytest.fixture
def quantity(tmp_path: Path) -> Live:
    folder = write_bundle(tmp_path / "quantity", "duration", has_quantiles=True)
    return load(folder, "7", "duration", "wall")


@pytest.fixture
def answers(
    client: httpx.Client, serving: Serving, store: Store, quantity: Live, tmp_path: Path
) -> Examples:
    """What the service answers now, and the answers of the products' pages, tested elsewhere."""
    serving.put("duration", quantity)
    products_world.deviate(store)
    products_world.finish(store)
    private_posts.tell_aggregate(store, instants.now())
    products_world.publish(store)
    queued_jobs.write_jobs(store, 110)
    Log(store, tmp_path / "log.csv", [HEADER, *map(row, range(20))]).ingest(source="log")
    found: Examples = {}
    first = ""
    for method, path, called, body in (*CALLS, *signals_calls.CALLS):
        if path == signals_calls.PATHS[0][0]:
            signals_calls.fill(store)
        answer = patience.request(client, method, called.replace("{ID}", first), json=body)
        assert answer.is_success, (path, answer.text)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        content = answer.json() if is_json else answer.text
        first = first or content["id"]
        found.setdefault(f"{method} {path}", {})[str(answer.status_code)] = content
    document = client.get("/docs.json").json()
    for method, path, status, content in _of_pages(document):
        found.setdefault(f"{method} {path}", {}).setdefault(status, content)
    return found


def _of_pages(document: dict[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    for page in product_pages.PRODUCTS:
        for example in product_pages.examples(page):
            called = example.way.partition("?")[0]
            for path, operations in document["paths"].items():
                pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
                is_there = str(example.status) in operations.get(example.method.lower(), {}).get(
                    "responses", {}
                )
                if re.fullmatch(pattern, called) and is_there:
                    yield example.method, path, str(example.status), example.answer


def shape(value: Any) -> Any:
    """Fields and kinds of values; numbers are one kind, and null may stand for any."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


def test_the_examples_are_what_is_answered(answers: Examples) -> None:
    if os.environ.get("RUNLORE_WRITE_EXAMPLES"):
        FILE.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n", "utf-8")
        response_examples.response_examples.cache_clear()
    examples = json.loads(FILE.read_text(encoding="utf-8"))
    assert examples.keys() == answers.keys(), "`make examples` writes them anew"
    for name, by_status in answers.items():
        assert shape(examples[name]) == shape(by_status), (name, "`make examples` writes it anew")


def test_each_example_is_in_the_document_and_fits_its_schema(client: httpx.Client) -> None:
    document = client.get("/docs.json").json()
    count = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], path
            assert operation["tags"], path
            for status, response in operation["responses"].items():
                for media in response.get("content", {}).values():
                    if "example" in media:
                        count += 1
                        schema = media["schema"] | {"components": document["components"]}
                        jsonschema.validate(media["example"], schema)
                        expected = response_examples.example_of(method.upper(), path, status)
                        assert media["example"] == expected
    assert count == sum(map(len, response_examples.response_examples().values()))


def test_servers_tags_and_keys_stand_in_the_document(client: httpx.Client) -> None:
    document = client.get("/docs.json").json()
    assert document["servers"][0]["url"] == "/"
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header", "login"}
    named = {tag["name"] for tag in document["tags"]}
    operations = [one for by_method in document["paths"].values() for one in by_method.values()]
    assert {tag for one in operations for tag in one["tags"]} <= named
    assert len({one["operationId"] for one in operations}) == len(operations)
