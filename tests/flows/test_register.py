"""Deployments on a real Prefect server, and a worker that runs what is due."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolUpdate
from prefect.client.schemas.objects import FlowRun
from prefect.flows import load_flow_from_entrypoint
from prefect.states import Running
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker

from flows import pool, register
from flows.runner import in_process
from runlore.kernel import instants
from runlore.stack import Stack, running
from runlore.triggers import rules as triggers

REPOSITORY = Path(__file__).parents[2]
TRIVIAL = {
    "name": "often",
    "entrypoint": "tests.flows.trivial.add",
    "parameters": {"left": 40, "right": 2},
    "schedules": [{"interval": 15.0, "timezone": "UTC"}],
    "tags": ["test"],
    "work_pool": {"name": "runlore"},
}
OFTEN = TRIVIAL | {"entrypoint": "flows.experiments.ab", "parameters": {"at": None}}


@pytest.fixture
def client(prefect_server: Stack) -> Iterator[SyncPrefectClient]:
    with in_process(prefect_server.settings), get_client(sync_client=True) as client:
        yield client


def deployed() -> list[dict[str, Any]]:
    return register.read(REPOSITORY / "deployments" / "prefect.yaml", {"RUNLORE_HOME": "/home"})


def first_final_run(
    client: SyncPrefectClient, deployment_id: UUID, seconds: float
) -> FlowRun | None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for run in client.read_flow_runs():
            if run.deployment_id == deployment_id and run.state and run.state.is_final():
                return run
        time.sleep(0.5)
    return None


def test_a_placeholder_is_filled_from_the_variables() -> None:
    [inbox] = [deployment for deployment in deployed() if deployment["name"] == "ingest-inbox"]
    assert inbox["parameters"]["path"] == "/home/inbox/executions.csv"


def test_every_deployment_has_schedule_or_trigger_parameters_tags_and_pool() -> None:
    for deployment in deployed():
        assert deployment["work_pool"]["name"] == "runlore"
        schedules = deployment.get("schedules", ())
        assert deployment.get("triggers") or schedules
        assert all({"cron", "timezone", "slug"} <= schedule.keys() for schedule in schedules)
        assert deployment["tags"][0] == "runlore"
        assert deployment["parameters"]
        assert deployment["description"].endswith(".")


def test_train_score_monitor_and_rollout_run_for_each_spec_of_the_catalog() -> None:
    found = {(d["entrypoint"].split(".")[1], d["parameters"].get("spec")) for d in deployed()}
    specs = ("failure-risk", "duration")
    flows = ("training", "serving", "monitoring", "retraining", "rollout")
    expected = {(flow, spec) for flow in flows for spec in specs}
    of_no_spec = (
        "advice",
        "experiments",
        "federated",
        "ingest",
        "planning",
        "privacy",
        "reports",
        "retrain",
        "signals",
    )
    assert found == expected | {(flow, None) for flow in of_no_spec}


def test_a_new_spec_is_put_on_the_clock_of_the_first() -> None:
    found = register.of_specs(deployed(), ("nightly-risk", "failure-risk"))
    mine = [each for each in found if each["parameters"].get("spec") == "nightly-risk"]
    first = [each for each in found if each["parameters"].get("spec") == "failure-risk"]
    assert [each["entrypoint"] for each in mine] == [each["entrypoint"] for each in first]
    assert [each["schedules"] for each in mine] == [each["schedules"] for each in first]
    assert [each["name"] for each in mine] == [
        f"{what}-nightly-risk"
        for what in ("train", "score", "monitor", "request-retraining", "step-rollout")
    ]
    assert {each["formerly"] for each in mine} == {"nightly-risk"}
    assert all("nightly-risk" in each["description"] for each in mine)
    triggers = [trigger for each in mine for trigger in each["triggers"]]
    assert {trigger["match"]["prefect.resource.id"] for trigger in triggers} == {
        "runlore.spec.nightly-risk"
    }
    assert {trigger["name"] for trigger in triggers} == {
        "runlore-retraining-nightly-risk",
        "runlore-rollout-nightly-risk",
    }
    assert "duration" not in {each["parameters"].get("spec") for each in found}
    assert {each["name"] for each in found if "spec" not in each["parameters"]} == {
        "retrain-on-request",
        "analyse-ab-tests",
        "make-due-reports",
        "federate-personas",
        "watch-capacity",
        "watch-series",
        "learn-promises",
        "plan-night",
        "renew-advice",
        "expire-personal-data",
        "ingest-inbox",
    }


def test_a_spec_that_the_file_names_is_left_as_it_stands_there() -> None:
    own = {**TRIVIAL, "parameters": {"spec": "mine"}, "description": "Own."}
    every = [*deployed(), own]
    found = register.of_specs(every, ("failure-risk", "duration", "mine"))
    assert found == every
    assert register.of_specs([TRIVIAL], ("mine",)) == [TRIVIAL]


@pytest.mark.slow
def test_specs_of_the_settings_are_registered_where_prefect_finds_them(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "runlore.schedules")
    monkeypatch.setenv("RUNLORE_SPECS", '["tests.flows.own_spec:NIGHTLY"]')
    monkeypatch.setattr(register.sys, "argv", ["register"])
    register.main()
    assert "16 deployments" in caplog.text
    present = client.read_deployments()
    names = [each.name for each in present if each.parameters.get("spec") == "nightly-risk"]
    assert len(names) == 5
    assert all(name.endswith("-nightly-risk") for name in names)
    monkeypatch.setenv("RUNLORE_SPECS", '["tests.flows.own_spec:NOWHERE"]')
    with pytest.raises(SystemExit, match="RUNLORE_SPECS"):
        register.main()


def test_what_is_looked_at_only_while_it_goes_on_is_started_by_events() -> None:
    looking = ("flows.rollout.rollout", "flows.retraining.retraining", "flows.experiments.ab")
    found = [each for each in deployed() if each["entrypoint"] in looking]
    assert len(found) == 5
    for deployment in found:
        [schedule] = deployment["schedules"]
        assert schedule["cron"].split()[1] == "*/6"
        [trigger] = deployment["triggers"]
        [event] = trigger["expect"]
        assert event in (triggers.ROLLOUT, triggers.RETRAINING, triggers.AB)
        of = deployment["parameters"].get("spec")
        resource = triggers.TESTS if of is None else f"runlore.spec.{of}"
        assert trigger["match"] == {"prefect.resource.id": resource}


def test_the_length_of_a_monitored_window_is_left_to_the_spec() -> None:
    monitors = [each for each in deployed() if each["entrypoint"] == "flows.monitoring.monitor"]
    assert [each["parameters"]["window_days"] for each in monitors] == [None, None]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_registering_again_changes_nothing_that_somebody_paused(client: SyncPrefectClient) -> None:
    paused = TRIVIAL | {"name": "paused", "schedules": [{"cron": "0 3 * * *", "timezone": "UTC"}]}
    assert register.register(client, [paused]) == ["add/paused"]
    before = client.read_deployment_by_name("add/paused")
    client.update_deployment_schedule(before.id, before.schedules[0].id, active=False)
    assert register.register(client, [paused]) == []
    after = client.read_deployment_by_name("add/paused")
    assert not after.schedules[0].active
    assert register.register(client, [paused | {"parameters": {"left": 1, "right": 1}}])
    changed = client.read_deployment_by_name("add/paused")
    assert changed.id == before.id
    assert changed.parameters == {"left": 1, "right": 1}
    assert [schedule.active for schedule in changed.schedules] == [True]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_deployment_of_a_former_name_ends_and_its_schedules_stay_as_they_were(
    client: SyncPrefectClient,
) -> None:
    schedules = [{"cron": "0 3 * * *", "timezone": "UTC"}]
    former = TRIVIAL | {"name": "former", "schedules": schedules}
    register.register(client, [former])
    before = client.read_deployment_by_name("add/former")
    client.update_deployment_schedule(before.id, before.schedules[0].id, active=False)
    named = {"slug": "nightly", "cron": "0 4 * * *", "timezone": "UTC"}
    renamed = former | {"name": "add-numbers", "formerly": "former", "schedules": [named]}
    assert register.register(client, [renamed]) == ["add/add-numbers"]
    assert register.register(client, [renamed]) == []
    names = {each.name for each in client.read_deployments()}
    assert "add-numbers" in names
    assert "former" not in names
    [schedule] = client.read_deployment_by_name("add/add-numbers").schedules
    assert (schedule.slug, schedule.active) == ("nightly", False)
    assert getattr(schedule.schedule, "cron", None) == "0 3 * * *"


@pytest.mark.slow
def test_every_parameter_of_a_flow_is_explained_in_the_form_of_prefects_page() -> None:
    for entrypoint in {each["entrypoint"] for each in deployed()}:
        schema = parameter_schema(load_flow_from_entrypoint(entrypoint))
        assert schema.properties
        for name, field in schema.properties.items():
            assert field.get("description", "").endswith("."), (entrypoint, name)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "brought",
    [
        {"job_variables": {"command": "true"}},
        {"pull_steps": [{"prefect.deployments.steps.run_shell_script": {"script": "true"}}]},
    ],
)
def test_a_deployment_that_was_given_a_command_or_steps_is_put_right(
    client: SyncPrefectClient, brought: dict[str, Any]
) -> None:
    register.register(client, [OFTEN | {"name": "altered", "schedules": []}])
    deployment_id = client.read_deployment_by_name("ab/altered").id
    client.update_deployment(deployment_id, DeploymentUpdate(**brought))
    assert register.register(client, [OFTEN | {"name": "altered", "schedules": []}])
    healed = client.read_deployment(deployment_id)
    assert (healed.job_variables, healed.pull_steps) == ({}, [])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_pool_of_an_older_release_gets_the_fixed_template(client: SyncPrefectClient) -> None:
    old = ProcessWorker.get_default_base_job_template()
    register.register(client, [])
    client.update_work_pool("runlore", WorkPoolUpdate(base_job_template=old))
    assert "{{ command }}" in str(client.read_work_pool("runlore").base_job_template)
    register.register(client, [])
    assert client.read_work_pool("runlore").base_job_template == pool.TEMPLATE


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_that_died_with_its_worker_is_marked_as_crashed(client: SyncPrefectClient) -> None:
    register.register(client, [TRIVIAL | {"name": "lost", "schedules": []}])
    deployment = client.read_deployment_by_name("add/lost")
    run = client.create_flow_run_from_deployment(deployment.id)
    client.set_flow_run_state(run.id, Running(), force=True)
    assert register.bury(client, instants.now()) == 1
    state = client.read_flow_run(run.id).state
    assert state is not None
    assert state.is_crashed()
    assert register.bury(client, instants.now()) == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_schedule_makes_runs_and_the_worker_runs_them(
    prefect_server: Stack, client: SyncPrefectClient
) -> None:
    """On SQLAlchemy 2.1 the schedule looks active and no run is ever made."""
    with running(prefect_server.settings, ("worker",)) as borrowed:
        assert borrowed.settings.prefect_port == prefect_server.settings.prefect_port
        register.register(client, [OFTEN])
        deployment = client.read_deployment_by_name("ab/often")
        run = first_final_run(client, deployment.id, seconds=200)
        client.delete_deployment(deployment.id)
    assert run is not None
    assert run.state is not None
    assert run.state.is_completed()
    assert run.auto_scheduled
