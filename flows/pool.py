"""The work pool: every run of it is started the same way, whatever its deployment asks for."""

from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists

from runlore.stack.services import POOL

COMMAND = "python -m runlore.process prefect.engine"
ABOUT = "Runs every flow of Runlore, on the machine of its worker. Each starts in the same way."
TEMPLATE: dict[str, Any] = {
    "job_configuration": {"command": COMMAND},
    "variables": {"type": "object", "properties": {}, "additionalProperties": False},
}


def ensure(client: SyncPrefectClient) -> None:
    """Make the pool, or give the one that is there this template.

    An older pool took a command, an environment and a folder from deployments and runs.
    """
    try:
        pool = WorkPoolCreate(
            name=POOL, description=ABOUT, type="process", base_job_template=TEMPLATE
        )
        client.create_work_pool(pool)
    except ObjectAlreadyExists:
        known = client.read_work_pool(POOL)
        if known.base_job_template != TEMPLATE or not known.description:
            about = known.description or ABOUT
            update = WorkPoolUpdate(base_job_template=TEMPLATE, description=about)
            client.update_work_pool(POOL, update)
