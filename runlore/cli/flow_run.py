"""Run flows in this process, recorded by the running Prefect server or a temporary one."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runlore.cli.output import echo
from runlore.settings import Settings

if TYPE_CHECKING:
    from runlore.stack.child import ServiceEvent

SERVERS = {"prefect": "the Prefect server, which records the run"}


def nothing() -> None:
    """Prepare nothing."""


@contextmanager
def flow_run(settings: Settings, prepare: Callable[[], object] = nothing) -> Iterator[Settings]:
    """Record flows called inside the block; yields the settings with the ports in use.

    prepare: runs in a thread while the server starts, such as slow imports; what it raises is
    raised here.
    """
    from runlore import stack
    from runlore.stack import environment

    # Prefect, which `prepare` may import, reads its folder and its silence then.
    os.environ.update(environment.of_prefect_clients(settings))
    with (
        _in_thread(prepare) as prepared,
        stack.running(settings, ("prefect",), ports="free", tell=tell_progress) as running,
    ):
        prepared.result()
        os.environ.update(environment.of_prefect_clients(running.settings))
        os.environ.update(environment.login_of_prefect_clients(running.settings))
        from flows.console import brief
        from flows.runner import in_process

        with in_process(running.settings), brief():
            yield running.settings


@contextmanager
def _in_thread(prepare: Callable[[], object]) -> Iterator[Future[object]]:
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(prepare)


def tell_progress(event: "ServiceEvent") -> None:
    """Say on standard error what is started, and why it takes longer than usual."""
    server = SERVERS.get(event.name)
    if server is None:
        return
    if event.state == "starting":
        echo(
            f"   {event.name}: {event.detail}" if event.detail else f"   starting {server}",
            err=True,
        )
