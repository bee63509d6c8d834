"""The OpenAPI document is one: its structure, its schemas and its references."""

import json
import re

import httpx
import jsonschema
import pytest
from fastapi.openapi.models import OpenAPI


@pytest.fixture
def document(client: httpx.Client) -> dict:
    found: dict = client.get("/docs.json").json()
    assert len(found["paths"]) > 30
    return found


def test_its_structure_is_that_of_openapi(document: dict) -> None:
    parsed = OpenAPI.model_validate(document)
    assert parsed.paths is not None
    assert parsed.components is not None
    operations = [
        operation
        for path in document["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post", "patch", "put", "delete")
    ]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids)) >= len(document["paths"])


def test_every_schema_is_one_and_every_reference_leads_somewhere(document: dict) -> None:
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    named = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named <= set(schemas)


def test_every_parameter_of_a_path_is_declared(document: dict) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path)), path
