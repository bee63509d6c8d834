"""What the service says of itself: OpenAPI, the page, metrics, paths that do not exist."""

import json
import re

import httpx
import jsonschema
import pytest
from pydantic import BaseModel

from bentos.http import schemas
from bentos.http.errors import STATUS, TITLES, status_of
from bentos.predict.live_versions import Serving
from runlore.kernel import errors
from runlore.specs.catalog import duration, failure_risk

ANN = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {"nodes": 4, "queue": "long"}}


def resolved(document: dict, part: dict) -> dict:
    return {**part, "components": document["components"]}


def request_schema(document: dict, path: str) -> dict:
    content = document["paths"][path]["post"]["requestBody"]["content"]
    return resolved(document, content["application/json"]["schema"])


def answer_schema(document: dict, path: str, method: str, status: str) -> dict:
    (content,) = document["paths"][path][method]["responses"][status]["content"].values()
    return resolved(document, content["schema"])


def test_every_spec_has_its_own_routes_and_its_own_request(client: httpx.Client) -> None:
    document = client.get("/docs.json").json()
    assert document["openapi"].startswith("3.1")
    for spec, title in ((failure_risk.SPEC, "FailureRisk"), (duration.SPEC, "Duration")):
        assert {f"/predict/{spec.name}", f"/predict/{spec.name}/batch"} <= set(document["paths"])
        inputs = document["components"]["schemas"][f"{title}Inputs"]
        keys = {key for history in spec.features.histories for key in history.keys}
        of_histories = {key.removeprefix("inputs.") for key in keys if key.startswith("inputs.")}
        assert set(inputs["properties"]) == {"nodes", "size", "queue", "site"} | of_histories
        assert inputs["additionalProperties"] is False
    assert client.get("/openapi.json").json() == document


def test_the_document_is_of_the_versions_that_answer_now(
    client: httpx.Client, serving: Serving
) -> None:
    before = client.get("/docs.json")
    assert client.get("/docs.json").content == before.content
    serving.put("duration", None)
    after = client.get("/docs.json").json()
    assert "no version yet" in json.dumps(after["paths"]["/predict/duration"], ensure_ascii=False)
    assert (
        after["paths"]["/predict/failure-risk"] == before.json()["paths"]["/predict/failure-risk"]
    )


def test_the_document_agrees_with_what_is_taken_and_answered(client: httpx.Client) -> None:
    document = client.get("/docs.json").json()
    path = "/predict/failure-risk"
    asked = request_schema(document, path)
    jsonschema.validate(ANN, asked)
    example = document["components"]["schemas"]["FailureRiskRequest"]["examples"][0]
    jsonschema.validate(example, asked)
    told = client.post("/predict/failure-risk", json=example)
    jsonschema.validate(
        told.json(), answer_schema(document, "/predict/failure-risk", "post", "200")
    )
    for wrong in ({"actor": "a"}, ANN | {"inputs": {"nodes": "4"}}, ANN | {"inputs": {"typo": 1}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, asked)
    refused = client.post("/predict/failure-risk", json={})
    jsonschema.validate(refused.json(), answer_schema(document, path, "post", "422"))
    row = client.get(f"/predictions/{told.json()['id']}").json()
    jsonschema.validate(row, answer_schema(document, "/predictions/{id}", "get", "200"))
    made = client.post("/executions", json={"id": "1", **ANN}).json()
    jsonschema.validate(made, answer_schema(document, "/executions", "post", "201"))
    history = client.get("/executions/1").json()
    jsonschema.validate(history, answer_schema(document, "/executions/{id}", "get", "200"))


def test_every_reference_of_the_document_leads_somewhere(client: httpx.Client) -> None:
    text = client.get("/docs.json").text
    known = set(client.get("/docs.json").json()["components"]["schemas"])
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= known


def test_a_spec_without_a_version_is_documented_with_any_inputs(
    client: httpx.Client, serving: Serving
) -> None:
    serving.put("duration", None)
    document = client.get("/docs.json").json()
    jsonschema.validate(
        {**ANN, "inputs": {"any": 1}}, request_schema(document, "/predict/duration")
    )


def test_fields_of_a_replay_are_documented_when_there_is_one(
    client: httpx.Client, replaying: httpx.Client
) -> None:
    document = replaying.get("/docs.json").json()
    assert "as_of" in document["components"]["schemas"]["FailureRiskRequest"]["properties"]


def test_the_page_asks_nobody_else_for_anything(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "http" not in page.lower().replace("<!doctype html>", "").replace("/html", "")
    for asset in re.findall(r'(?:src|href)="\./([^"]+)"', page):
        found = client.get(f"/{asset}")
        assert found.status_code == 200, asset


def test_metrics_count_by_spec_version_and_status(client: httpx.Client) -> None:
    name = {"spec": "failure-risk", "version": "7", "status": "200"}
    before = metric(client, "runlore_predictions_total", name)
    client.post("/predict/failure-risk", json=ANN)
    client.post("/predict/failure-risk/batch", json=[ANN] * 3)
    assert metric(client, "runlore_predictions_total", name) - before == 4
    made = metric(client, "runlore_recorded_total", {"what": "submission"})
    client.post("/executions", json={"id": "1", **ANN})
    client.post("/executions", json={"id": "1", **ANN})
    assert metric(client, "runlore_recorded_total", {"what": "submission"}) - made == 1


def test_metrics_have_no_label_that_clients_can_make_up(client: httpx.Client) -> None:
    client.get("/executions/made-up-name")
    client.get("/made-up-path")
    client.post("/predict/made-up-spec", json=ANN)
    assert "made-up" not in client.get("/metrics").text


def metric(client: httpx.Client, name: str, labels: dict[str, str]) -> float:
    for line in client.get("/metrics").text.splitlines():
        if line.startswith(f"{name}{{") and all(f'{k}="{v}"' for k, v in labels.items()):
            found = dict(re.findall(r'(\w+)="([^"]*)"', line))
            if found == labels:
                return float(line.rsplit(" ", 1)[1])
    return 0.0


def test_a_path_that_does_not_exist_is_a_problem_too(client: httpx.Client) -> None:
    answer = client.get("/nowhere")
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
    wrong = client.put("/executions")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.headers["content-type"] == "application/problem+json"


def test_every_error_of_ours_has_a_status_and_every_status_a_title() -> None:
    every = [each for each in vars(errors).values() if isinstance(each, type)]
    for kind in every:
        if issubclass(kind, errors.RunloreError) and kind is not errors.RunloreError:
            assert status_of(kind) in TITLES, kind
    assert set(STATUS.values()) <= set(TITLES)


def test_models_refuse_unknown_fields() -> None:
    models = [each for each in vars(schemas).values() if isinstance(each, type)]
    for model in models:
        if issubclass(model, BaseModel) and model is not BaseModel:
            assert model.model_config["extra"] == "forbid"
