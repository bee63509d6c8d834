"""On a real Prefect server: what is due starts one run, and a run can be cancelled."""

import time
from collections.abc import Iterator
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling

from flows import register
from flows.runner import in_process
from runlore.experiments.actions import analysis
from runlore.kernel import instants
from runlore.stack import Stack, running
from runlore.stack.services import prefect_api
from runlore.store.engine import open_store
from runlore.triggers import rules
from runlore.triggers.actions import Speaker
from tests.flows.test_ab_flow import begin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MATCH = {"prefect.resource.id": rules.TESTS}
TRIGGER = {"name": "on-event", "description": "Due.", "expect": [rules.AB], "match": MATCH}
ON_EVENT = {
    "name": "on-event",
    "entrypoint": "flows.experiments.ab",
    "parameters": {"at": None},
    "tags": ["test"],
    "work_pool": {"name": "runlore"},
    "triggers": [TRIGGER | {"parameters": {}}],
}


@pytest.fixture
def client(prefect_server: Stack) -> Iterator[SyncPrefectClient]:
    with in_process(prefect_server.settings), get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def deployment(prefect_server: Stack, client: SyncPrefectClient) -> Iterator[UUID]:
    """The only one on the server: those that other tests have left would look, too."""
    for other in client.read_deployments():
        client.delete_deployment(other.id)
    with running(prefect_server.settings, ("worker",)):
        register.register(client, [ON_EVENT])
        found = client.read_deployment_by_name("ab/on-event").id
        yield found
        client.delete_deployment(found)


def runs(client: SyncPrefectClient, deployment: UUID) -> list[FlowRun]:
    return [run for run in client.read_flow_runs() if run.deployment_id == deployment]


def final_run(client: SyncPrefectClient, deployment: UUID, seconds: float = 120) -> FlowRun:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for run in runs(client, deployment):
            if run.state is not None and run.state.is_final():
                return run
        time.sleep(0.2)
    pytest.fail(f"no run of {deployment} ended in {seconds} s")


def test_a_test_that_is_due_is_looked_at_once_and_nothing_runs_before(
    prefect_server: Stack, client: SyncPrefectClient, deployment: UUID
) -> None:
    settings = prefect_server.settings
    with open_store(settings) as store:
        speaker = Speaker(store, prefect_api(settings), [])
        speaker.speak(instants.now())
        time.sleep(2)
        assert runs(client, deployment) == []
        begin(store, "Fair one", 500)
        speaker.speak(instants.now())
        speaker.speak(instants.now())
        run = final_run(client, deployment)
        assert run.state is not None
        assert run.state.is_completed()
        _, looks = analysis.looks(store, "Fair one")
        assert [look.actor for look in looks] == ["ab flow"]
        speaker.speak(instants.now())
        time.sleep(2)
        assert len(runs(client, deployment)) == 1


def test_a_forked_run_that_is_cancelled_ends_as_cancelled(
    client: SyncPrefectClient, deployment: UUID
) -> None:
    run = client.create_flow_run_from_deployment(deployment)
    deadline = time.monotonic() + 60
    while client.read_flow_run(run.id).start_time is None and time.monotonic() < deadline:
        time.sleep(0.02)
    client.set_flow_run_state(run.id, Cancelling(), force=True)
    state = final_run(client, deployment).state
    assert state is not None
    assert state.is_cancelled()
