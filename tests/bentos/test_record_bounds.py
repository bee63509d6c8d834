"""One execution is not added to without end, and a date does not make months without end."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.serving.actions import recording
from runlore.serving.actions.recording import ExecutionStatus, OutcomeReport, Submission
from runlore.serving.queries import recording as recorded
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos.conftest import Serve

WORK = {"id": "job-1", "actor": "ann", "kind": "build"}
OUTCOME = "/executions/job-1/outcome"
MONTHS = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'runlore.executions'::regclass"


def ago(days: float) -> datetime:
    return instants.now() - timedelta(days=days)


def costs(client: httpx.Client, values: Iterable[int]) -> list[int]:
    """The statuses of outcomes that differ by their cost."""
    bodies = [{"status": "succeeded", "outcome": {"cost": cost}} for cost in values]
    return [client.post(OUTCOME, json=body).status_code for body in bodies]


@pytest.fixture
def narrow(serve: Serve, serving: Serving) -> httpx.Client:
    return serve(serving, max_revisions=3)


def test_an_execution_is_corrected_so_often_and_no_more(narrow: httpx.Client) -> None:
    narrow.post("/executions", json=WORK).raise_for_status()
    assert costs(narrow, range(5)) == [201, 201, 201, 409, 409]
    refused = narrow.post(OUTCOME, json={"status": "failed"}).json()
    assert refused["field"] == "id"
    assert "'job-1'" in refused["detail"]
    assert "RUNLORE_MAX_REVISIONS" in refused["detail"]
    assert costs(narrow, [2]) == [200]
    assert len(narrow.get("/executions/job-1").json()["facts"]) == 4


def test_news_of_open_work_end_as_well_and_the_first_outcome_is_taken_all_the_same(
    narrow: httpx.Client,
) -> None:
    began = ago(0.5)
    work = WORK | {"submitted": began.isoformat()}
    narrow.post("/executions", json=work).raise_for_status()
    starts = [(began + timedelta(minutes=n)).isoformat() for n in range(1, 6)]
    statuses = [
        narrow.post("/executions", json=work | {"started": at}).status_code for at in starts
    ]
    assert statuses == [201, 201, 201, 409, 409]
    assert costs(narrow, range(2)) == [201, 409]


def test_a_hundred_times_is_usual() -> None:
    assert (Settings().max_revisions, Settings().max_backdating_days) == (100, 366)


def test_a_correction_reads_no_more_however_many_there_were(store: Store) -> None:
    recording.record_submission(store, Submission("ann", "build", "", source_id="job-1"))
    for cost in range(150):
        ending = OutcomeReport(
            ExecutionStatus.FAILED if cost % 2 else ExecutionStatus.SUCCEEDED,
            outcome={"cost": cost},
        )
        recording.record_outcome(store, "api", "job-1", ending)
    with store.connect() as connection:
        facts = recorded.open_execution(connection, "api", "job-1").facts
    assert [fact.revision for fact in facts] == [0, 1, 150]
    assert len(recording.read_execution(store, "api", "job-1")) == 151


def test_old_dates_make_no_months(client: httpx.Client, store: Store) -> None:
    with store.begin() as connection:
        before = connection.scalar(text(MONTHS))
    for years in range(2, 40):
        body = WORK | {"id": f"job-{years}", "submitted": ago(365.25 * years).isoformat()}
        answer = client.post("/executions", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, "submitted")
        assert "RUNLORE_MAX_BACKDATING_DAYS" in answer.json()["detail"]
    with store.begin() as connection:
        assert connection.scalar(text(MONTHS)) == before


@pytest.mark.parametrize(
    ("days_most", "days_old", "status"),
    [(366, 365.9, 201), (366, 366.1, 422), (2, 1.9, 201), (2, 2.1, 422), (0, 10_000, 201)],
)
def test_work_may_be_as_old_as_the_setting_says(
    serve: Serve, serving: Serving, days_most: int, days_old: float, status: int
) -> None:
    client = serve(serving, max_backdating_days=days_most)
    body = WORK | {"submitted": ago(days_old).isoformat()}
    assert client.post("/executions", json=body).status_code == status


def test_a_log_that_is_replayed_may_be_of_any_age(serve: Serve, serving: Serving) -> None:
    serving.clock = "record"
    client = serve(serving, clock="record")
    body = WORK | {"submitted": "1999-12-31T10:00:00Z"}
    assert client.post("/executions", json=body).status_code == 201


def test_an_outcome_may_come_late(serve: Serve, serving: Serving, store: Store) -> None:
    """What was recorded or brought in long ago ends when it ends."""
    old = ago(900)
    recording.record_submission(store, Submission("ann", "", "", source_id="job-1", submitted=old))
    client = serve(serving)
    assert client.post(OUTCOME, json={"status": "failed"}).status_code == 201
