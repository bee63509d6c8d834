"""Run flows in this process, recorded by the running Prefect server or a temporary one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from runlore.settings import Settings


@contextmanager
def flow_run(settings: Settings) -> Iterator[Settings]:
    """Record flows called inside the block; yields the settings with the ports in use."""
    from runlore import stack
    from runlore.stack import environment

    with stack.running(settings, ("prefect",), ports="free") as running:
        os.environ.update(environment.of_prefect_clients(running.settings))
        os.environ.update(environment.login_of_prefect_clients(running.settings))
        from flows.console import brief
        from flows.runner import in_process

        with in_process(running.settings), brief():
            yield running.settings
