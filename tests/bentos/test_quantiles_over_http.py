"""Quantiles and what is known of a request, over HTTP: asked for by query, and on the ledger."""

import json
from typing import Any

import httpx
import pytest
from handmade import write_bundle
from typer.testing import CliRunner

from bentos.predict.live_versions import Live, Serving, load
from runlore.cli import app

BODY = {"actor": "ann", "kind": "build", "inputs": {"nodes": 4, "queue": "lonng"}}


@pytest.fixture(scope="module")
def quantity(tmp_path_factory: pytest.TempPathFactory) -> Live:
    folder = write_bundle(tmp_path_factory.mktemp("q"), "duration", has_quantiles=True)
    return load(folder, "8", "duration", "wall")


@pytest.fixture
def client(serve: Any, serving: Serving, quantity: Live) -> httpx.Client:
    serving.put("duration", quantity)
    return serve(serving)


def test_quantiles_ascend_with_their_level_and_are_on_the_ledger(client: httpx.Client) -> None:
    answer = client.post("/predict/duration?quantiles=0.95,0.5,0.05", json=BODY).json()
    assert list(answer["quantiles"]) == ["0.05", "0.5", "0.95"]
    assert list(answer["quantiles"].values()) == sorted(answer["quantiles"].values())
    row = client.get(f"/predictions/{answer['id']}").json()
    assert (row["quantiles"], row["support"]) == (answer["quantiles"], answer["support"])


def test_a_batch_has_the_quantiles_of_its_requests(client: httpx.Client) -> None:
    bodies = [BODY, {**BODY, "actor": "zed"}, {**BODY, "inputs": {"nodes": 9}}]
    batch = client.post("/predict/duration/batch?quantiles=0.9", json=bodies).json()
    alone = [client.post("/predict/duration?quantiles=0.9", json=body).json() for body in bodies]
    for one, other in zip(batch, alone, strict=True):
        assert one["quantiles"]["0.9"] == pytest.approx(other["quantiles"]["0.9"], rel=1e-5)


def test_without_asking_there_are_none(client: httpx.Client) -> None:
    answer = client.post("/predict/duration", json=BODY).json()
    assert (answer["quantiles"], answer["unknown"]) == (None, None)
    assert answer["support"] in ("none", "little", "good")
    row = client.get(f"/predictions/{answer['id']}").json()
    assert (row["quantiles"], row["support"]) == (None, answer["support"])


BEYOND = "0.5" + " " * 1_000 + "and what is not read"


@pytest.mark.parametrize(
    "levels",
    ["0", "1", "-0.5", "1.5", "nan", "inf", "half", "", ",", "0.5,", "0x1", "0.5," * 999, BEYOND],
)
def test_levels_that_are_none_are_named(client: httpx.Client, levels: str) -> None:
    for path in ("/predict/duration", "/predict/duration/batch"):
        body: Any = BODY if path.endswith("duration") else [BODY]
        refused = client.post(path, params={"quantiles": levels}, json=body)
        assert (refused.status_code, refused.json()["field"]) == (422, "quantiles")


def test_a_probability_has_no_quantiles(client: httpx.Client) -> None:
    refused = client.post("/predict/failure-risk?quantiles=0.5", json=BODY)
    assert (refused.status_code, refused.json()["field"]) == (422, "quantiles")
    assert "ask a quantity" in refused.json()["detail"]


def test_a_version_of_before_quantiles_is_refused_with_the_remedy(
    serve: Any, serving: Serving
) -> None:
    refused = serve(serving).post("/predict/duration?quantiles=0.5", json=BODY)
    assert refused.status_code == 409
    assert "train it again" in refused.json()["detail"]


def test_what_is_not_known_is_told_with_the_nearest(client: httpx.Client) -> None:
    answer = client.post("/predict/failure-risk?support=1", json=BODY).json()
    parts = {part["field"]: part for part in answer["unknown"]}
    assert parts["inputs.queue"]["nearest"] == "long"
    refused = client.post("/predict/failure-risk?support=perhaps", json=BODY)
    assert (refused.status_code, refused.json()["field"]) == (422, "support")


def test_a_large_batch_has_words_but_no_details(client: httpx.Client) -> None:
    batch = client.post("/predict/failure-risk/batch?support=1", json=[BODY] * 101).json()
    assert len({one["support"] for one in batch}) == 1
    assert {one["unknown"] for one in batch} == {None}


def told(client: httpx.Client, *arguments: str, code: int = 0) -> Any:
    """What a command says when it asks the service."""
    url = ("--url", str(client.base_url), "--json")
    done = CliRunner().invoke(app, [*arguments, "--actor", "ann", "--kind", "build", *url])
    assert done.exit_code == code, (done.output, done.exception)
    return json.loads(done.stdout)


def test_the_commands_ask_a_running_service(client: httpx.Client) -> None:
    [answer] = told(client, "predict", "duration", "--quantile", "0.9")["answers"]
    row = client.get(f"/predictions/{answer['id']}").json()
    assert (row["prediction"], row["quantiles"]) == (answer["prediction"], answer["quantiles"])
    limit = told(client, "limit", "duration", "--quantile", "0.9", "--format", "slurm")
    assert limit["limit"] == pytest.approx(answer["quantiles"]["0.9"], rel=1e-5)
    assert told(client, "gate", "failure-risk", "--max", "1")["state"] == "passes"
    assert told(client, "gate", "duration", "--max", "0s", code=1)["state"] == "risky"
    assert told(client, "gate", "no-such", "--max", "1", code=2)["state"] == "no answer"


def test_a_number_that_is_a_word_to_the_service_is_sent_as_text(client: httpx.Client) -> None:
    [answer] = told(client, "predict", "failure-risk", "--input", "queue=7")["answers"]
    assert "inputs.queue" in {part["field"] for part in answer["unknown"]}


def test_the_document_describes_the_parameters(client: httpx.Client) -> None:
    document = client.get("/docs.json").json()
    for path in ("/predict/duration", "/predict/duration/batch"):
        parameters = {one["name"] for one in document["paths"][path]["post"]["parameters"]}
        assert parameters == {"reasons", "support", "quantiles"}
