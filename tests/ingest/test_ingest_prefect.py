"""The flow runs of a real Prefect server."""

import json
from datetime import timedelta

import httpx
import pytest

from runlore.cli.ingest.servers import prefect_headers
from runlore.ingest.actions import prefect_runs
from runlore.ingest.actions.files import PrefectSource, ingest_prefect
from runlore.kernel.errors import Unavailable
from runlore.kernel.instants import now, parse, to_us
from runlore.log.executions import read_facts
from runlore.settings import Settings
from runlore.stack import running
from runlore.stack.tcp_ports import free_port
from runlore.web.prefect_login import authorization, csrf_headers
from tests.ingest.csv_log import counts

pytestmark = pytest.mark.slow


class Server:
    """Makes flow runs the way workers do: through the API."""

    def __init__(self, settings: Settings) -> None:
        self.home, self.port = settings.home, settings.prefect_port
        self.url = settings.prefect_url
        self.headers = authorization(settings.home)
        self.token = csrf_headers("tests", self.get("/csrf-token?client=tests"))

    def get(self, path: str):
        answer = httpx.get(self.url + path, headers=self.headers, timeout=30)
        return answer.raise_for_status().json()

    def post(self, path: str, **body):
        headers = self.headers | self.token
        answer = httpx.post(self.url + path, json=body, headers=headers, timeout=30)
        return answer.raise_for_status().json()

    def flow(self, name: str) -> str:
        return self.post("/flows/", name=name)["id"]

    def deployment(self, name: str, flow_id: str) -> str:
        return self.post("/deployments/", name=name, flow_id=flow_id)["id"]

    def run(self, flow_id: str, *states: str, **told) -> str:
        run_id = self.post("/flow_runs/", flow_id=flow_id, **told)["id"]
        self.move(run_id, *states)
        return run_id

    def move(self, run_id: str, *states: str) -> None:
        for state in states:
            self.post(f"/flow_runs/{run_id}/set_state", state={"type": state}, force=True)


@pytest.fixture(scope="module")
def prefect(tmp_path_factory):
    home = tmp_path_factory.mktemp("prefect")
    with running(Settings(home=home, database_url=None), ("prefect",), ports="free") as stack:
        yield Server(stack.settings)


def ingest(store, server):
    source = PrefectSource(server.url, headers=server.headers)
    return ingest_prefect(store, source, now() + timedelta(seconds=1))


def test_flow_runs_become_executions_and_only_changes_are_asked_for(store, prefect, monkeypatch):
    monkeypatch.setattr(prefect_runs, "PAGE_RUNS", 3)
    flow = prefect.flow("etl")
    nightly = prefect.deployment("nightly", flow)
    done = prefect.run(
        flow,
        "RUNNING",
        "COMPLETED",
        deployment_id=nightly,
        parameters={"rows": 7, "full": True, "name": "aé", "tables": ["x"], "none": None},
    )
    failed = prefect.run(flow, "RUNNING", "FAILED")
    crashed = prefect.run(flow, "PENDING", "CRASHED")
    cancelled = prefect.run(flow, "CANCELLED")
    open_run = prefect.run(flow, "RUNNING")
    waits = prefect.run(flow, "SCHEDULED")
    others = [prefect.run(flow, "COMPLETED") for _ in range(5)]

    assert counts(ingest(store, prefect)) == (11, 0, 0)
    facts = read_facts(store).set_index("source_id")
    assert facts["status"].to_dict() == {
        done: "succeeded",
        failed: "failed",
        crashed: "failed",
        cancelled: "cancelled",
        open_run: "running",
        waits: "submitted",
        **dict.fromkeys(others, "succeeded"),
    }
    assert facts.loc[done, ["source", "actor", "kind"]].tolist() == ["prefect", "nightly", "etl"]
    assert json.loads(facts.loc[done, "inputs"]) == {"rows": 7, "full": True, "name": "aé"}
    outcome = json.loads(facts.loc[done, "outcome"])
    assert outcome["attempts"] == 1
    assert outcome["run_s"] >= 0
    assert facts.loc[open_run, "outcome"] == "{}"
    assert facts.loc[done, "known_at"] == facts.loc[done, "finished"]
    assert (facts["started"].loc[[done, failed]] >= facts["submitted"].loc[[done, failed]]).all()

    prefect.move(open_run, "COMPLETED")
    prefect.move(waits, "RUNNING", "FAILED")
    prefect.run(flow, "COMPLETED")
    assert ingest(store, prefect).new == 3
    assert ingest(store, prefect).new == 0
    history = read_facts(store)
    assert history.query("source_id == @waits")["status"].tolist() == ["submitted", "failed"]
    assert history.query("source_id == @waits")["revision"].tolist() == [0, 1]
    assert not history.duplicated(["source_id", "revision"]).any()


def test_a_run_that_is_cancelled_before_it_is_due_is_not_of_the_future(store, prefect):
    due = {"scheduled_time": (now() + timedelta(days=3)).isoformat()}
    scheduled = {"type": "SCHEDULED", "state_details": due}
    run = prefect.run(prefect.flow("later"), state=scheduled)
    prefect.move(run, "CANCELLED")
    ingest(store, prefect)
    facts = read_facts(store).set_index("source_id").loc[run]
    assert facts["status"] == "cancelled"
    assert facts["submitted"] == facts["finished"] == facts["known_at"] <= to_us(now())


def test_long_ended_runs_are_not_asked_for_again(store, prefect, monkeypatch):
    monkeypatch.setattr(prefect_runs, "OVERLAP", timedelta(0))
    flow = prefect.flow("old")
    for _ in range(3):
        prefect.run(flow, "COMPLETED")
    first, later = ingest(store, prefect), ingest(store, prefect)
    assert first.new >= 3
    assert (later.new, later.known) == (0, 1)


def test_a_page_is_gone_on_from_however_many_share_an_instant(store, prefect, monkeypatch):
    monkeypatch.setattr(prefect_runs, "PAGE_RUNS", 2)
    flow = prefect.flow("burst")
    at = "2024-03-01T00:00:00Z"
    due = {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}
    for _ in range(5):
        run_id = prefect.post("/flow_runs/", flow_id=flow, state=due)["id"]
        prefect.move(run_id, "COMPLETED")
    ingest(store, prefect)
    burst = read_facts(store).query("kind == 'burst'")
    assert burst["submitted"].tolist() == [to_us(parse(at))] * 5


def test_a_server_that_is_away_is_named(store):
    with pytest.raises(Unavailable, match=r"Prefect at http://127\.0\.0\.1:9/api/flow_runs"):
        ingest_prefect(store, PrefectSource("http://127.0.0.1:9/api"), now())


def test_an_answer_that_is_an_error_is_told(store, prefect):
    nowhere = PrefectSource(prefect.url + "/nothing", headers=prefect.headers)
    with pytest.raises(Unavailable, match="Missing CSRF token"):
        ingest_prefect(store, nowhere, now())


def test_without_the_login_nothing_is_read(store, prefect):
    with pytest.raises(Unavailable, match="answered 401"):
        ingest_prefect(store, PrefectSource(prefect.url), now())


def test_the_command_brings_the_login_of_the_home_to_its_own_server_alone(prefect, monkeypatch):
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    own = Settings(home=prefect.home, prefect_port=prefect.port)
    assert prefect_headers(own, None, None) == prefect.headers
    assert prefect_headers(own, "http://127.0.0.1:9/api", "a key") == {
        "Authorization": "Bearer a key"
    }
    down = own.model_copy(update={"prefect_port": free_port("127.0.0.1")})
    assert prefect_headers(down, None, None) == {}
