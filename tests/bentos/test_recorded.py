"""Executions recorded over HTTP."""

from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel import instants
from runlore.log.executions import read_facts
from runlore.store.engine import Store

WORK = {"id": "job-1", "actor": "ann", "kind": "build", "scope": "web", "inputs": {"nodes": 4}}
DONE = {"status": "succeeded", "outcome": {"cost": 1.5}}


def test_work_and_what_came_of_it_can_be_read_back(client: httpx.Client) -> None:
    made = client.post("/executions", json=WORK)
    assert made.status_code == 201
    assert made.json() | {"id": "job-1", "status": "submitted", "is_new": True} == made.json()
    done = client.post("/executions/job-1/outcome", json=DONE)
    assert done.status_code == 201
    known = client.get("/executions/job-1").json()
    assert {name: known[name] for name in WORK} == WORK
    assert [fact["status"] for fact in known["facts"]] == ["submitted", "succeeded"]
    assert known["facts"][1]["outcome"] == {"cost": 1.5}
    assert known["facts"][1]["known_at"] == done.json()["known_at"]


def test_saying_it_twice_changes_nothing(client: httpx.Client, store: Store) -> None:
    for status in (201, 200):
        assert client.post("/executions", json=WORK).status_code == status
        assert client.post("/executions/job-1/outcome", json=DONE).status_code == status
    assert len(read_facts(store)) == 2


def test_work_without_an_id_gets_one(client: httpx.Client) -> None:
    names = {client.post("/executions", json={**WORK, "id": None}).json()["id"] for _ in range(2)}
    assert len(names) == 2


def test_an_id_may_have_slashes_and_any_letters(client: httpx.Client) -> None:
    name = "team/ünï/7 8"
    client.post("/executions", json=WORK | {"id": name}).raise_for_status()
    path = httpx.URL("/executions/team%2F%C3%BCn%C3%AF%2F7%208")
    assert client.get(path).json()["id"] == name
    assert client.post(f"{path}/outcome", json=DONE).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (WORK | {"actor": "bob"}, "actor"),
        (WORK | {"status": "failed"}, "status"),
        (WORK | {"started": "2020-01-01T00:00:00Z"}, "started"),
        (WORK | {"submitted": "2020-01-01T00:00:00"}, "submitted"),
        (WORK | {"submitted": 1577836800}, "submitted"),
        (WORK | {"submitted": "2199-01-01T00:00:00Z"}, "submitted"),
        (WORK | {"submitted": "1969-01-01T00:00:00Z"}, "submitted"),
        (WORK | {"known_at": "2020-01-01T00:00:00Z"}, "known_at"),
        (WORK | {"inputs": {"nodes": {}}}, "inputs.nodes"),
        (WORK | {"inputs": {"a\x00": 1}}, "inputs.a\ufffd.[key]"),
        (WORK | {"inputs": {str(n): n for n in range(501)}}, "inputs"),
        ({"id": "x", "actor": "ann"}, "kind"),
        (WORK | {"id": "x", "actor": "é" * 251}, "actor"),
    ],
)
def test_a_wrong_submission_is_refused_with_its_field(
    client: httpx.Client, store: Store, body: dict, field: str
) -> None:
    client.post("/executions", json=WORK).raise_for_status()
    answer = client.post("/executions", json=body)
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert len(read_facts(store)) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"status": "running"}, "status"),
        ({}, "status"),
        (DONE | {"finished": "2020-01-01T00:00:00Z"}, "finished"),
        (DONE | {"finished": "2199-01-01T00:00:00Z"}, "finished"),
        (DONE | {"outcome": {"cost": "\u0000"}}, "outcome.cost"),
        (DONE | {"outcome": [1]}, "outcome"),
        (DONE | {"reason": "?"}, "reason"),
    ],
)
def test_a_wrong_outcome_is_refused_with_its_field(
    client: httpx.Client, body: dict, field: str
) -> None:
    client.post("/executions", json=WORK).raise_for_status()
    answer = client.post("/executions/job-1/outcome", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == field


def test_the_outcome_of_unknown_work_is_not_found(client: httpx.Client) -> None:
    answer = client.post("/executions/job-9/outcome", json=DONE)
    assert answer.status_code == 404
    assert "'job-9'" in answer.json()["detail"]
    assert client.get("/executions/job-9").status_code == 404


def test_an_id_that_cannot_be_is_refused(client: httpx.Client) -> None:
    for wrong in ("%00", "x" * 501):
        answer = client.get(f"/executions/{wrong}")
        assert (answer.status_code, answer.json()["field"]) == (422, "id")


def test_when_replaying_facts_are_known_when_they_say(replaying: httpx.Client) -> None:
    at, later = "1999-12-31T10:00:00Z", "1999-12-31T11:00:00.000007Z"
    made = replaying.post("/executions", json=WORK | {"submitted": at}).json()
    assert made["known_at"] == at
    done = replaying.post("/executions/job-1/outcome", json=DONE | {"known_at": later}).json()
    assert done["known_at"] == later
    early = replaying.post("/executions", json=WORK | {"id": "2", "submitted": at}).json()
    assert early["known_at"] == later


def test_a_job_number_of_years_ago_is_other_work_now(
    client: httpx.Client, store: Store, tmp_path: Path
) -> None:
    ingest_file(store, FileSource(_log_of_2019(tmp_path), "csv", "api"), instants.now())
    late = client.post("/executions/12728/outcome", json=DONE)
    assert (late.status_code, late.json()["field"]) == (409, "correction")
    now = instants.now().isoformat()
    again = WORK | {"id": "12728 ", "submitted": now, "started": now}
    assert client.post("/executions", json=again).status_code == 201
    done = client.post("/executions/12728/outcome", json=DONE | {"finished": now})
    assert done.status_code == 201
    assert done.json()["submitted"].startswith(now[:19])
    old = client.get("/executions/12728", params={"submitted": "2019-10-03T17:00:00Z"}).json()
    assert [fact["status"] for fact in old["facts"]] == ["succeeded"]
    named = {"status": "failed", "submitted": old["submitted"], "correction": True}
    assert client.post("/executions/12728/outcome", json=named).json()["revision"] == 1
    missing = client.get("/executions/12728", params={"submitted": "2018-01-01T00:00:00Z"})
    assert missing.status_code == 404
    assert client.get("/executions/12728", params={"submitted": "2018"}).status_code == 422


def _log_of_2019(folder: Path) -> Path:
    path = folder / "old.csv"
    path.write_text(
        "id,actor,submitted,started,finished,status\n"
        "12728,ann,2019-10-03T17:00:00Z,2019-10-03T17:01:00Z,2019-10-03T17:39:29Z,ok\n"
    )
    return path


def test_a_host_whose_clock_is_behind_is_taken_at_its_duration(client: httpx.Client) -> None:
    submitted = instants.now() - timedelta(hours=1)
    times = {
        "started": submitted - timedelta(seconds=2),
        "finished": submitted + timedelta(seconds=58),
    }
    client.post("/executions", json=WORK | {"submitted": submitted.isoformat()})
    body = DONE | {name: at.isoformat() for name, at in times.items()}
    assert client.post("/executions/job-1/outcome", json=body).status_code == 201
    fact = client.get("/executions/job-1").json()["facts"][-1]
    began, ended = (datetime.fromisoformat(fact[name]) for name in times)
    assert (began, ended - began) == (submitted, timedelta(minutes=1))
