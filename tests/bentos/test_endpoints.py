"""The list of endpoints: the router, the document, the scopes and the pages follow from it."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from bentos.app.application import application
from bentos.app.endpoints import ENDPOINTS
from bentos.app.openapi import document
from bentos.http.routing import Endpoint, Scope, Tag
from bentos.predict.live_versions import Live, Serving
from runlore.serving.actions import api_keys
from runlore.store.engine import Store

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
NATIVE = [e for e in ENDPOINTS if e.is_documented and not e.path.startswith(("/api/", "/ai/"))]
NAMES = [f"{each.method} {each.documented_path}" for each in NATIVE]


def routes_of_the_page() -> list[str]:
    """The first column of the table of routes; a prefix where a row stands for many routes."""
    rows = PAGE.partition("| route |")[2].partition("\n\n")[0].split("\n")
    columns = [row.split("|")[1] for row in rows if row.startswith("| `")]
    return [path for column in columns for path in re.findall(r"`(?:[A-Z]+ )?(/[^`…]*)", column)]


@pytest.mark.parametrize("endpoint", NATIVE, ids=NAMES)
def test_every_native_endpoint_is_in_the_table_of_the_page(endpoint: Endpoint) -> None:
    paths = routes_of_the_page()
    assert endpoint.documented_path in paths or endpoint.documented_path.startswith("/ab-tests/")


def test_every_route_of_the_page_is_an_endpoint() -> None:
    listed = [endpoint.documented_path for endpoint in ENDPOINTS]
    assert len(routes_of_the_page()) > 10
    for path in routes_of_the_page():
        assert any(each.startswith(path) for each in listed), path


def test_every_endpoint_is_routed_once_and_nothing_else_is() -> None:
    ours = [(e.method, e.path) for e in ENDPOINTS if e.handler is not None]
    assert len(set(ours)) == len(ours)
    routes = [each for each in application(lambda: None).routes if isinstance(each, Route)]
    routed = [(min(each.methods - {"HEAD"}), each.path) for each in routes]
    assert routed[:-1] == ours, "the last route answers 404"


def test_scopes_are_those_that_keys_can_have() -> None:
    assert set(get_args(Scope)) == set(api_keys.SCOPES) - {"admin"}


def test_only_pages_and_health_need_no_key() -> None:
    without = {endpoint.path for endpoint in ENDPOINTS if endpoint.scope is None}
    documents = {"/docs", "/docs.json", "/openapi.json"}
    console = {
        "/console/link",
        "/console/login",
        "/console/logout",
        "/console/static/{digest}/{name}",
    }
    card = "/.well-known/agent-card.json"
    assert without == {*documents, *console, card, "/livez", "/readyz", "/healthz"}


def test_the_document_begins_with_what_a_newcomer_needs(serving: Serving) -> None:
    page = document(serving)
    assert [tag["name"] for tag in page["tags"]] == list(Tag)
    order = [op["tags"][0] for ops in page["paths"].values() for op in ops.values()]
    assert list(dict.fromkeys(order)) == list(Tag)
    assert next(iter(page["paths"])) == "/predict/failure-risk"


@pytest.fixture(scope="module")
def page(database: Store, loaded: dict[str, Live]) -> dict[str, Any]:
    """The document of a service with a database, whose schemas are valid."""
    page = document(Serving(tuple(loaded), store=database, live=dict(loaded)))
    for schema in page["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    return page


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.examples], ids=lambda e: e.path)
def test_examples_of_an_endpoint_are_as_its_request_says(
    page: dict[str, Any], endpoint: Endpoint
) -> None:
    operation = page["paths"][endpoint.documented_path][endpoint.method.lower()]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator({**schema, "components": page["components"]})
    for example in endpoint.examples:
        validator.validate(example)
