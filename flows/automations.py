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
    pairs = [
        (trigger, deployment)
        for deployment in deployments
        for trigger in deployment.get("triggers", ())
    ]
    if not pairs:
        return []
    present = client.read_deployments()
    return [
        trigger["name"]
        for trigger, deployment in pairs
        if _put(client, automation(trigger, _id_of(present, deployment)))
    ]


def automation(trigger: Mapping[str, Any], deployment_id: UUID) -> AutomationCore:
    """Every field is given: what is left to a default is left out of an update."""
    content = json.dumps([trigger, str(deployment_id)], sort_keys=True).encode()
    version = hashlib.sha256(content).hexdigest()[:8]
    return AutomationCore(
        name=trigger["name"],
        description=f"{trigger['description']} ({version})",
        enabled=True,
        tags=["runlore"],
        trigger=EventTrigger(
            type="event",
            expect=set(trigger["expect"]),
            match=trigger["match"],
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[
            RunDeployment(
                type="run-deployment",
                source="selected",
                deployment_id=deployment_id,
                parameters=trigger["parameters"],
            )
        ],
        actions_on_trigger=[],
        actions_on_resolve=[],
    )


def _put(client: SyncPrefectClient, new: AutomationCore) -> bool:
    """Whether it had to be written."""
    known = client.read_automations_by_name(new.name)
    if not known:
        client.create_automation(new)
        return True
    if known[0].description == new.description:
        return False
    new.enabled = known[0].enabled
    client.update_automation(known[0].id, new)
    return True


def _id_of(present: list[DeploymentResponse], deployment: Mapping[str, Any]) -> UUID:
    key = (deployment["entrypoint"], deployment["name"])
    return next(
        candidate.id for candidate in present if (candidate.entrypoint, candidate.name) == key
    )
