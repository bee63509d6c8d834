"""Run a flow in this process, seen by the Prefect server: the one that is up, or one of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from runlore.settings import Settings


@contextmanager
def flow_run(settings: Settings) -> Iterator[Settings]:
    """Flows called inside the block are recorded; gives the settings with the ports in use."""
    from runlore import stack
    from runlore.stack import environment

    with stack.running(settings, ("prefect",), ports="free") as running:
        os.environ.update(environment.of_prefect_clients(running.settings))
        os.environ.update(environment.login_of_prefect_clients(running.settings))
        from flows.console import brief
        from flows.runner import in_process

        with in_process(running.settings), brief():
            yield running.settings
