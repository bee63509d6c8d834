"""The worker of the stack: `python -m flows.worker`. It runs what deployments/prefect.yaml names.

Prefect's own process worker runs what a deployment says: a command, an environment, steps before
the flow, any file. Who may write to the server could so run anything as the worker's user. This
one takes none of that from the server: only flows of the file, each started the same way: forked
from this process (`flows.warm`), or by a command where that cannot be. It asks for due runs every
`RUNLORE_PREFECT_POLL_S` seconds, and as soon as the server says that one is scheduled.
"""

import argparse
import asyncio
import logging
import os
import socket
from abc import ABC
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

import anyio.abc
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_WORKER_QUERY_SECONDS, temporary_settings
from prefect.utilities.processutils import setup_signal_handlers_worker
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from flows import pool, register, warm
from flows.log_format import use_log_format
from flows.wakeups import Wakeups
from runlore import process
from runlore.app import open_app
from runlore.kernel import instants
from runlore.kernel.errors import Refused
from runlore.stack.services import FLOWS_AT_ONCE, POOL

ENTRYPOINT = "PREFECT__FLOW_ENTRYPOINT"  # Prefect's engine loads this before a deployment's own

STARTING_S = 2.0  # a run is started so long before it is due; it waits for the rest of it

log = logging.getLogger("runlore.worker")


class FixedConfiguration(ProcessJobConfiguration):
    """The same for every run, whatever the server's template, a deployment or a run says."""

    run_command: ClassVar[str] = pool.COMMAND

    @classmethod
    async def from_template_and_values(
        cls,
        base_job_template: dict[str, Any],
        values: dict[str, Any],
        client: PrefectClient | None = None,
    ) -> "FixedConfiguration":
        return cls(command=cls.run_command)


class PoolWorker(ProcessWorker, ABC):
    """Refuses runs of other deployments, which end as crashed.

    entrypoints: of the flows that it runs. wakeups: are told when a run has ended, whose place
    another one may take. `ABC` keeps Prefect from registering this class in place of its own.
    """

    job_configuration = FixedConfiguration

    def __init__(
        self,
        *,
        entrypoints: Collection[str],
        wakeups: Wakeups | None = None,
        poll_s: int = 20,
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(
            work_pool_name=POOL,
            base_job_template=pool.TEMPLATE,
            prefetch_seconds=STARTING_S,
            **options,
        )
        self._poll_s = poll_s
        self._entrypoints = frozenset(entrypoints)
        self._wakeups = wakeups or Wakeups()

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        configuration.env[ENTRYPOINT] = await self._entrypoint(flow_run)
        try:
            return await super().run(flow_run, configuration, task_status)
        finally:
            self._wakeups.add()

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Also sets the alarm for the next run that is due before the next poll."""
        submitted = await super().get_and_submit_flow_runs()
        now = instants.now()
        polled = now + timedelta(seconds=2 * self._poll_s)
        upcoming = await self.client.get_scheduled_flow_runs_for_work_pool(
            POOL, scheduled_before=polled
        )
        times = [run.flow_run.next_scheduled_start_time for run in upcoming]
        waits = [time.timestamp() - now.timestamp() - STARTING_S for time in times if time]
        later = [seconds for seconds in waits if seconds > 0]
        if later:
            self._wakeups.set_alarm(min(later))
        return submitted

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
    process.begin("worker")
    process.take_over_logs()
    use_log_format()
    parser = argparse.ArgumentParser(prog="python -m flows.worker", description=__doc__)
    parser.add_argument("--name", help="how the server lists it")
    parser.add_argument("--with-healthcheck", action="store_true", help="answer at /health")
    options = parser.parse_args()
    with open_app() as app:
        settings = app.settings
    names = entrypoints()
    folder = settings.home.absolute() / "runs" / f"{socket.gethostname()}-{os.getpid()}"
    if warm.prepare():
        request = warm.fork(folder)
        if request is not None:
            process.log_as("flow")
            warm.run_engine(request)
            return
        FixedConfiguration.run_command = warm.command(folder, pool.COMMAND.split())
    else:
        log.warning("flow runs begin as processes of their own: this one cannot be forked")
    setup_signal_handlers_worker(os.getpid(), "the worker", _say)
    with (
        suppress(KeyboardInterrupt, asyncio.CancelledError),
        temporary_settings({PREFECT_WORKER_QUERY_SECONDS: settings.prefect_poll_s}),
    ):
        asyncio.run(_work(names, settings.prefect_poll_s, options))


async def _work(names: Collection[str], poll_s: int, options: argparse.Namespace) -> None:
    wakeups = Wakeups()
    worker = PoolWorker(
        entrypoints=names, wakeups=wakeups, poll_s=poll_s, name=options.name, limit=FLOWS_AT_ONCE
    )
    watching = asyncio.create_task(wakeups.watch(), name="watch for scheduled runs")
    looking = asyncio.create_task(_look(worker, wakeups), name="look for runs when woken")
    try:
        await worker.start(with_healthcheck=options.with_healthcheck, printer=_say)
    finally:
        watching.cancel()
        looking.cancel()


async def _look(worker: PoolWorker, wakeups: Wakeups) -> None:
    """What fails here is done again by the worker's own poll."""
    async for _ in wakeups.each():
        if worker.is_setup:
            with suppress(Exception):
                await worker.get_and_submit_flow_runs()


def _say(text: str) -> None:
    log.info("%s", text)


if __name__ == "__main__":
    main()
