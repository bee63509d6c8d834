"""Make the Prefect server start deployments on events, as deployments/prefect.yaml says.

An automation is known by its name. One that is there in this version is left alone, so what
somebody paused or changed in the UI stays so; a newer version takes its place and stays paused.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture


def register(client: SyncPrefectClient, deployments: Sequence[Mapping[str, Any]]) -> list[str]:
    """Create or update the automations that are not there in this version; their names."""
    wanted = [(given, each) for each in deployments for given in each.get("triggers", ())]
    if not wanted:
        return []
    present = client.read_deployments()
    return [
        given["name"]
        for given, each in wanted
        if _put(client, automation(given, _id_of(present, each)))
    ]


def automation(given: Mapping[str, Any], deployment_id: UUID) -> AutomationCore:
    """Every field is given: what is left to a default is left out of an update."""
    content = json.dumps([given, str(deployment_id)], sort_keys=True).encode()
    version = hashlib.sha256(content).hexdigest()[:8]
    return AutomationCore(
        name=given["name"],
        description=f"{given['description']} ({version})",
        enabled=True,
        tags=["runlore"],
        trigger=EventTrigger(
            type="event",
            expect=set(given["expect"]),
            match=given["match"],
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[
            RunDeployment(
                type="run-deployment",
                source="selected",
                deployment_id=deployment_id,
                parameters=given["parameters"],
            )
        ],
        actions_on_trigger=[],
        actions_on_resolve=[],
    )


def _put(client: SyncPrefectClient, wanted: AutomationCore) -> bool:
    """Whether it had to be written."""
    known = client.read_automations_by_name(wanted.name)
    if not known:
        client.create_automation(wanted)
        return True
    if known[0].description == wanted.description:
        return False
    wanted.enabled = known[0].enabled
    client.update_automation(known[0].id, wanted)
    return True


def _id_of(present: list[DeploymentResponse], deployment: Mapping[str, Any]) -> UUID:
    wanted = (deployment["entrypoint"], deployment["name"])
    return next(each.id for each in present if (each.entrypoint, each.name) == wanted)
