"""Statuses over HTTP: in any case, and in the words of other tools."""

import httpx
import pytest

WORK = {"actor": "ann", "kind": "build", "id": "b-1"}


@pytest.mark.parametrize("word", ["succeeded", "COMPLETED", "Completed", "completed", " Success "])
def test_an_outcome_has_its_status_in_any_case(client: httpx.Client, word: str) -> None:
    assert client.post("/executions", json=WORK | {"status": "RUNNING"}).status_code == 201
    ended = client.post("/executions/b-1/outcome", json={"status": word})
    assert (ended.status_code, ended.json()["status"]) == (201, "succeeded")


@pytest.mark.parametrize("word", ["RUNNING", "gone", 3, None])
def test_what_is_no_final_status_is_refused_by_name(client: httpx.Client, word: object) -> None:
    assert client.post("/executions", json=WORK).status_code == 201
    refused = client.post("/executions/b-1/outcome", json={"status": word})
    assert (refused.status_code, refused.json()["field"]) == (422, "status")
