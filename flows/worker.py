"""The worker of the stack: `python -m flows.worker`. It runs what deployments/prefect.yaml names.

Prefect's own process worker runs what a deployment says: a command, an environment, steps before
the flow, any file. Who may write to the server could so run anything as the worker's user. This
one takes none of that from the server: only flows of the file, each started the same way.
"""

import argparse
import asyncio
import os
import sys
from abc import ABC
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import anyio.abc
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.utilities.processutils import setup_signal_handlers_worker
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from flows import pool, register
from runlore import process
from runlore.kernel.errors import Refused
from runlore.stack.services import FLOWS_AT_ONCE, POOL

ENTRYPOINT = "PREFECT__FLOW_ENTRYPOINT"  # Prefect's engine loads this before a deployment's own


class FixedConfiguration(ProcessJobConfiguration):
    """The same for every run, whatever the server's template, a deployment or a run says."""

    @classmethod
    async def from_template_and_values(
        cls,
        base_job_template: dict[str, Any],
        values: dict[str, Any],
        client: PrefectClient | None = None,
    ) -> "FixedConfiguration":
        return cls(command=pool.COMMAND)


class Worker(ProcessWorker, ABC):
    """Refuses runs of other deployments, which end as crashed.

    entrypoints: of the flows that it runs. `ABC` keeps Prefect from registering this class in
    place of its own.
    """

    job_configuration = FixedConfiguration

    def __init__(self, *, entrypoints: Collection[str], **options: Any) -> None:  # noqa: ANN401
        super().__init__(work_pool_name=POOL, base_job_template=pool.TEMPLATE, **options)
        self._entrypoints = frozenset(entrypoints)

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        configuration.env[ENTRYPOINT] = await self._entrypoint(flow_run)
        return await super().run(flow_run, configuration, task_status)

    async def _entrypoint(self, flow_run: FlowRun) -> str:
        """Of the run's deployment, if it is one of ours: read once, as it may change meanwhile."""
        if flow_run.deployment_id is None:
            raise Refused("the run has no deployment")
        deployment = await self.client.read_deployment(flow_run.deployment_id)
        if deployment.entrypoint not in self._entrypoints:
            raise Refused(
                f"deployment {deployment.name!r}: {deployment.entrypoint!r} is no flow of"
                " deployments/prefect.yaml"
            )
        if deployment.pull_steps:
            raise Refused(f"deployment {deployment.name!r}: it has steps to run before the flow")
        return deployment.entrypoint


def entrypoints() -> set[str]:
    """Of the flows that deployments/prefect.yaml names."""
    return {
        deployment["entrypoint"]
        for deployment in register.read(register.folder() / "prefect.yaml", {})
    }


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    process.begin()
    parser = argparse.ArgumentParser(prog="python -m flows.worker", description=__doc__)
    parser.add_argument("--name", help="how the server lists it")
    parser.add_argument("--with-healthcheck", action="store_true", help="answer at /health")
    chosen = parser.parse_args()
    worker = Worker(entrypoints=entrypoints(), name=chosen.name, limit=FLOWS_AT_ONCE)
    setup_signal_handlers_worker(os.getpid(), "the worker", _say)
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(worker.start(with_healthcheck=chosen.with_healthcheck, printer=_say))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
