"""Make the Prefect server know what deployments/prefect.yaml says: `python -m flows.register`.

A spec of the settings that the file does not name has the deployments of its first one. Else it is
the same as `prefect deploy --all` in half the time, and idempotent: a deployment that is there
in this version is left alone, so what somebody paused or rescheduled in the UI stays so.
"""

import hashlib
import json
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import FlowRunFilter, WorkPoolFilter
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.states import Crashed
from prefect.utilities.callables import parameter_schema

import runlore
from flows import automations, pool
from runlore import process
from runlore.app import open_app
from runlore.kernel import instants
from runlore.kernel.errors import RunloreError
from runlore.stack.services import POOL

log = logging.getLogger("runlore.schedules")

PLACEHOLDER = re.compile(r"\{\{\s*\$(\w+)\s*\}\}")


def folder() -> Path:
    """Where prefect.yaml is: inside an installed package, or beside a checkout's."""
    package = Path(runlore.__file__).parent
    packaged = package / "_deployments"
    return packaged if packaged.exists() else package.parent / "deployments"


def read(path: Path, variables: Mapping[str, str]) -> list[dict[str, Any]]:
    """The deployments of a prefect.yaml, with `{{ $NAME }}` filled in."""
    text = PLACEHOLDER.sub(lambda match: variables.get(match[1], ""), path.read_text())
    deployments: list[dict[str, Any]] = yaml.safe_load(text)["deployments"]
    return deployments


def of_specs(
    deployments: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> list[Mapping[str, Any]]:
    """Those of these specs, and those of none.

    A spec that has no deployment here gets those of the first spec that has, at the same times.
    """
    of = [deployment.get("parameters", {}).get("spec") for deployment in deployments]
    first = next((spec for spec in of if spec is not None), None)
    pattern = [
        deployment
        for deployment, spec in zip(deployments, of, strict=True)
        if first is not None and spec == first
    ]
    existing = [
        deployment
        for deployment, spec in zip(deployments, of, strict=True)
        if spec in (None, *names)
    ]
    new = [name for name in names if name not in of]
    return [
        *existing,
        *(_copied(deployment, str(first), name) for name in new for deployment in pattern),
    ]


def _copied(deployment: Mapping[str, Any], spec: str, name: str) -> Mapping[str, Any]:
    """Its triggers hear the events of the new spec; it and they are named after the spec."""
    named = {
        key: value.replace(spec, name)
        for key in ("name", "formerly", "description")
        if (value := deployment.get(key))
    }
    triggers = json.dumps(deployment.get("triggers", [])).replace(spec, name)
    return {
        **deployment,
        **named,
        "triggers": json.loads(triggers),
        "parameters": {**deployment.get("parameters", {}), "spec": name},
    }


def version_of(deployment: Mapping[str, Any]) -> str:
    """A name for exactly this text under exactly this release.

    >>> version_of({"name": "a"}) == version_of({"name": "b"})
    False
    """
    content = json.dumps(deployment, sort_keys=True).encode()
    return f"{runlore.__version__}-{hashlib.sha256(content).hexdigest()[:8]}"


def register(client: SyncPrefectClient, deployments: Sequence[Mapping[str, Any]]) -> list[str]:
    """Create or update what is not there in this version; return the names of those.

    One that was given variables or steps of its own is put right: its runs would be refused.
    """
    pool.ensure(client)
    present = client.read_deployments()
    right = {
        (known.entrypoint, known.name, known.version)
        for known in present
        if not (known.job_variables or known.pull_steps)
    }
    changed = [
        (deployment, former)
        for deployment in deployments
        if (former := _former(present, deployment)) is not None
        or (deployment["entrypoint"], deployment["name"], version_of(deployment)) not in right
    ]
    return [
        *(put(client, deployment, former) for deployment, former in changed),
        *automations.register(client, deployments),
    ]


def put(
    client: SyncPrefectClient,
    deployment: Mapping[str, Any],
    former: DeploymentResponse | None = None,
) -> str:
    """Create or update a deployment; one that it takes the place of is deleted."""
    flow: Flow[..., Any] = load_flow_from_entrypoint(deployment["entrypoint"])
    client.create_deployment(
        flow_id=client.create_flow(flow),
        name=deployment["name"],
        version=version_of(deployment),
        description=deployment.get("description"),
        entrypoint=deployment["entrypoint"],
        pull_steps=[],
        parameters=deployment.get("parameters", {}),
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        enforce_parameter_schema=True,
        schedules=_schedules(deployment, former),
        paused=former.paused if former else None,
        tags=deployment.get("tags", []),
        work_pool_name=deployment["work_pool"]["name"],
        job_variables={},
    )
    if former is not None:
        client.delete_deployment(former.id)
    return f"{flow.name}/{deployment['name']}"


def _former(
    present: Sequence[DeploymentResponse], deployment: Mapping[str, Any]
) -> DeploymentResponse | None:
    """What an older release registered for the same flow under another name."""
    key = (deployment["entrypoint"], deployment.get("formerly"))
    return next((known for known in present if (known.entrypoint, known.name) == key), None)


def _schedules(
    deployment: Mapping[str, Any], former: DeploymentResponse | None
) -> list[DeploymentScheduleCreate]:
    """Those of the file; where a deployment takes the place of a former one, as they were there."""
    declared = [schedule(entry) for entry in deployment.get("schedules", ())]
    if former is None:
        return declared
    slugs = [*(entry.slug for entry in declared), *repeat(None, len(former.schedules))]
    return [
        DeploymentScheduleCreate(
            schedule=was.schedule,
            active=was.active,
            slug=was.slug or slug,
            parameters=was.parameters,
        )
        for was, slug in zip(former.schedules, slugs, strict=False)
    ]


def schedule(entry: Mapping[str, Any]) -> DeploymentScheduleCreate:
    """A `cron` line, or an `interval` in seconds; both with a time zone."""
    when: CronSchedule | IntervalSchedule
    if "cron" in entry:
        when = CronSchedule(cron=entry["cron"], timezone=entry["timezone"])
    else:
        interval = timedelta(seconds=entry["interval"])
        when = IntervalSchedule(interval=interval, timezone=entry["timezone"])
    active, slug = entry.get("active", True), entry.get("slug")
    return DeploymentScheduleCreate(schedule=when, active=active, slug=slug)


def bury(client: SyncPrefectClient, before: datetime) -> int:
    """Mark as crashed what was running when the worker was killed; return how many.

    Only right while no worker of the pool runs anything that began before `before`.
    """
    running = {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}
    lost = [
        run
        for run in client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate(running),
            work_pool_filter=WorkPoolFilter.model_validate({"name": {"any_": [POOL]}}),
        )
        if run.state is not None and run.state.timestamp < before
    ]
    for run in lost:
        message = "its process ended with the worker, which was killed"
        client.set_flow_run_state(run.id, Crashed(message=message), force=True)
    return len(lost)


def main() -> None:
    """Register all; with `--bury-lost`, settle what a killed worker left behind, too."""
    began = instants.now()
    with open_app() as app:
        variables = {**os.environ, "RUNLORE_HOME": str(app.settings.home.absolute())}
        try:
            names = [spec.name for spec in app.specs]
        except RunloreError as error:
            raise SystemExit(f"runlore: {error}") from error
    deployments = of_specs(read(folder() / "prefect.yaml", variables), names)
    with get_client(sync_client=True) as client:
        lost = bury(client, began) if "--bury-lost" in sys.argv[1:] else 0
        changed = register(client, deployments)
    log.info(
        "%d deployments, %d new or changed, %d lost runs settled",
        len(deployments),
        len(changed),
        lost,
    )


if __name__ == "__main__":
    process.begin("schedules")
    process.take_over_logs()
    main()
