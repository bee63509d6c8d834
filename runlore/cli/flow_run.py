"""Run flows in this process, recorded by the running Prefect server or a temporary one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runlore.cli.output import echo
from runlore.settings import Settings

if TYPE_CHECKING:
    from runlore.stack.child import ServiceEvent


@contextmanager
def flow_run(settings: Settings) -> Iterator[Settings]:
    """Record flows called inside the block; yields the settings with the ports in use."""
    from runlore import stack
    from runlore.stack import environment

    with stack.running(settings, ("prefect",), ports="free", tell=_tell_delay) as running:
        os.environ.update(environment.of_prefect_clients(running.settings))
        os.environ.update(environment.login_of_prefect_clients(running.settings))
        from flows.console import brief
        from flows.runner import in_process

        with in_process(running.settings), brief():
            yield running.settings


def _tell_delay(event: "ServiceEvent") -> None:
    """Say why the start takes longer than usual, such as a copy of older records."""
    if event.state == "starting" and event.detail:
        echo(f"{event.name}: {event.detail}", err=True)
