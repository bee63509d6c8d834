"""OpenLineage events over HTTP: recorded at once, in any order, with errors that name the field."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bentos.predict.live_versions import Serving
from runlore.ingest.actions import lineage_events
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.lineage_events import EventIntake, receive_events, record_waiting
from runlore.ingest.actions.opening import FileSource
from runlore.kernel import instants
from runlore.log.executions import read_facts
from runlore.serving.actions import api_keys, states
from runlore.serving.actions.recording_bounds import UNBOUNDED
from runlore.store.engine import Store
from tests.bentos.conftest import Serve
from tests.ingest.lineage_events import RUN, event

PATH = "/api/v1/lineage"
NOW = instants.now().replace(microsecond=0)


def sent(kind: str, seconds: float, run: str = RUN, **parts: Any) -> dict[str, Any]:
    """An event of the last hour."""
    at = NOW - timedelta(hours=1) + timedelta(seconds=seconds)
    return event(kind, 0, run, time=at.isoformat(), **parts)


def known(store: Store) -> list[tuple[Any, ...]]:
    """Of each execution what is known last: id, status, seconds to its start and to its end."""
    facts = read_facts(store).sort_values("revision").groupby(["source_id", "submitted"]).last()
    return [
        (name[0], row.status, seconds(row.started, name[1]), seconds(row.finished, name[1]))
        for name, row in facts.iterrows()
    ]


def seconds(instant: int, since: int) -> float | None:
    return None if instant < 0 else (instant - since) / 1e6


def test_an_event_is_recorded_at_once(client: httpx.Client, store: Store) -> None:
    begun = client.post(PATH, json=sent("START", 0))
    assert (begun.status_code, begun.json()["submissions"]) == (201, 1)
    assert known(store) == [(RUN, "running", 0.0, None)]
    ended = client.post(PATH, json=sent("COMPLETE", 9))
    assert (ended.status_code, ended.json()["outcomes"]) == (201, 1)
    assert known(store) == [(RUN, "succeeded", 0.0, 9.0)]
    again = client.post(PATH, json=sent("COMPLETE", 9))
    assert (again.status_code, again.json()["outcomes"]) == (200, 0)
    assert len(read_facts(store)) == 2


def test_it_is_known_when_it_came(client: httpx.Client, store: Store) -> None:
    client.post(PATH, json=sent("START", 0))
    [known_at] = read_facts(store)["known_at"]
    assert known_at / 1e6 > NOW.timestamp() - 1, "not at the time of the event, an hour ago"


@pytest.mark.parametrize("path", [PATH, f"{PATH}/batch"])
def test_a_list_of_events_is_taken(client: httpx.Client, store: Store, path: str) -> None:
    events = [sent("COMPLETE", 9, "b"), sent("START", 0, "a"), sent("START", 1, "b")]
    receipt = client.post(path, json=[*events, *events]).json()
    assert receipt == {
        "events": 6,
        "runs": 2,
        "submissions": 2,
        "outcomes": 1,
        "waiting": 0,
        "skipped": 0,
    }
    assert known(store) == [("a", "running", 0.0, None), ("b", "succeeded", 0.0, 8.0)]


def test_a_run_without_a_start_waits_for_it(client: httpx.Client, store: Store) -> None:
    first = client.post(PATH, json=sent("FAIL", 9))
    assert (first.status_code, first.json()["waiting"]) == (200, 1)
    assert known(store) == []
    client.post(PATH, json=sent("START", 0))
    assert known(store) == [(RUN, "failed", 0.0, 9.0)]


def test_a_run_whose_start_does_not_come_is_recorded_without(
    client: httpx.Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post(PATH, json=sent("COMPLETE", 9))
    assert record_waiting(store, UNBOUNDED) == 0, "it may still come"
    monkeypatch.setattr(lineage_events, "WAIT_FOR_START_S", 0.0)
    assert record_waiting(store, UNBOUNDED) == 1
    assert known(store) == [(RUN, "succeeded", None, 0.0)]
    assert record_waiting(store, UNBOUNDED) == 0
    client.post(PATH, json=sent("START", 0))
    assert known(store) == [(RUN, "succeeded", None, 0.0)], "the submission does not move"


def test_a_list_that_takes_too_long_is_recorded_later(
    client: httpx.Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage_events, "RECORD_S", 0.0)
    receipt = client.post(PATH, json=[sent("START", 0, run) for run in "abc"]).json()
    assert (receipt["submissions"], receipt["waiting"]) == (1, 2)
    monkeypatch.setattr(lineage_events, "WAIT_FOR_START_S", 0.0)
    assert record_waiting(store, UNBOUNDED) == 2
    assert [row[:2] for row in known(store)] == [(run, "running") for run in "abc"]


def test_what_a_crash_left_unrecorded_is_recorded_later(
    store: Store, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lineage_events, "record_outcome", crash)
    events = [sent("START", 0), sent("COMPLETE", 9)]
    with pytest.raises(KeyboardInterrupt):
        receive_events(store, events, EventIntake(NOW))
    monkeypatch.undo()
    monkeypatch.setattr(lineage_events, "WAIT_FOR_START_S", 0.0)
    assert record_waiting(store, UNBOUNDED) == 1
    assert known(store) == [(RUN, "succeeded", 0.0, 9.0)]


def test_the_states_of_features_are_those_of_the_whole_log(
    client: httpx.Client, store: Store
) -> None:
    for number in range(6):
        run, job = f"run{number}", f"job{number % 2}"
        client.post(PATH, json=sent("START", number, run, job=job))
    for number in range(6):
        run, job = f"run{number}", f"job{number % 2}"
        client.post(PATH, json=sent("COMPLETE" if number % 3 else "FAIL", 20, run, job=job))
    client.post(PATH, json=sent("FAIL", 30, "run1", job="job1"))
    rebuilt = states.rebuild(store)
    assert sum(history.keys for history in rebuilt) > 0
    assert sum(history.changed for history in rebuilt) == 0


def test_files_and_the_receiver_share_what_is_known(
    client: httpx.Client, store: Store, tmp_path: Path
) -> None:
    client.post(PATH, json=sent("START", 0))
    file = tmp_path / "events.ndjson"
    file.write_text("".join(f"{json.dumps(sent(*row))}\n" for row in [("START", 0), ("FAIL", 9)]))
    ingest_file(store, FileSource(file, "openlineage", "openlineage"), NOW)
    assert known(store) == [(RUN, "failed", 0.0, 9.0)]
    assert client.post(PATH, json=sent("FAIL", 9)).json()["outcomes"] == 0


def test_the_same_events_at_once_are_recorded_once(client: httpx.Client, store: Store) -> None:
    events = [sent("START", 0), sent("RUNNING", 3), sent("COMPLETE", 9)] * 4
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda row: client.post(PATH, json=row), events))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert known(store) == [(RUN, "succeeded", 0.0, 9.0)]
    assert sum(answer.json()["submissions"] for answer in answers) == 1
    assert sum(answer.json()["outcomes"] for answer in answers) == 1


def test_a_compressed_body_is_taken(client: httpx.Client, store: Store) -> None:
    body = gzip.compress(json.dumps(sent("START", 0)).encode())
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    assert client.post(PATH, content=body, headers=headers).status_code == 201
    for broken, status in ((body[:-9], 400), (b"no gzip", 400), (body, 422)):
        encoding = "br" if status == 422 else "gzip"
        answer = client.post(PATH, content=broken, headers={"content-encoding": encoding})
        assert answer.status_code == status


def test_a_body_that_inflates_too_far_is_refused(client: httpx.Client) -> None:
    bomb = gzip.compress(b" " * (40 << 20))
    answer = client.post(PATH, content=bomb, headers={"content-encoding": "gzip"})
    assert answer.status_code == 413


WRONG: dict[str, tuple[Any, int, str | None]] = {
    "no time": (sent("START", 0) | {"eventTime": None}, 422, "eventTime"),
    "no zone": (sent("START", 0) | {"eventTime": "2026-05-01T12:00:00"}, 422, "eventTime"),
    "of the future": (sent("START", 86_400), 422, "eventTime"),
    "years ago": (sent("START", 0) | {"eventTime": "2011-01-01T00:00:00Z"}, 422, "eventTime"),
    "no run": (sent("START", 0) | {"run": {}}, 422, "run.runId"),
    "no job": (sent("START", 0) | {"job": {"namespace": "a"}}, 422, "job.name"),
    "a wrong type": (sent("BEGIN", 0), 422, "eventType"),
    "one of a list": ([sent("START", 0), sent("BEGIN", 0)], 422, "1.eventType"),
    "too many": ([sent("START", 0)] * 1_001, 422, "events"),
    "text": ("START", 422, "event"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_names_the_field_and_nothing_is_recorded(
    client: httpx.Client, store: Store, name: str
) -> None:
    body, status, field = WRONG[name]
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert read_facts(store).empty
    assert client.post(PATH, content=b"{").status_code == 400


def test_a_key_needs_the_scope_record(serve: Serve, serving: Serving, store: Store) -> None:
    keys = [api_keys.create(store, "airflow", [scope], NOW).text for scope in ("record", "predict")]
    client = serve(serving, api_keys="required")
    answers = [
        client.post(PATH, json=sent("START", 0), headers={"Authorization": f"Bearer {key}"})
        for key in keys
    ]
    assert [answer.status_code for answer in answers] == [201, 403]
    assert client.post(PATH, json=sent("START", 0)).status_code == 401
