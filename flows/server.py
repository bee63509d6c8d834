"""The Prefect server of the stack: Prefect's own application, with a guard in front of it.

    python -m flows.server

What Prefect's own settings can do is left to them, see `runlore.stack.environment`: the login, no
other page's requests, no requests without a token. The guard adds what they cannot.
"""

import logging
import os
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from flows import sqlite_upgrade
from flows.log_format import use_log_format
from runlore import process
from runlore.app import open_app
from runlore.kernel.errors import Misconfigured, RunloreError
from runlore.stack import prefect_tuning
from runlore.stack.environment import PREFECT_SERVER_LOGIN, sqlite_file
from runlore.web.guard import Guard
from runlore.web.json_only import JsonOnly
from runlore.web.page_redirects import PageRedirects
from runlore.web.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp

    from runlore.kernel.page_links import PageLinks

JOB_INTERVAL = timedelta(seconds=1)

log = logging.getLogger("runlore.prefect")


def application(
    hosts: "Iterable[str]", links: "Callable[[str], PageLinks] | None" = None
) -> "ASGIApp":
    """Prefect's pages and API with its services, which begin with the application's lifespan.

    hosts: further names under which browsers reach it. links: makes links to the other pages.
    """
    with process.imports_uncollected():
        from prefect.server.api.server import create_app

        slow_job_queue()
    app: ASGIApp = JsonOnly(create_app(final=True), below="/api/")
    return Guard(app if links is None else PageRedirects(app, links), hosts=hosts)


def slow_job_queue() -> None:
    """Let the job queue inside the server look for work once a second instead of four times.

    That is a third of what an idle server costs, and Prefect has no setting for it. Nobody waits
    for these jobs: they mark late runs, delete old ones and tidy up.
    """
    from docket import Worker
    from prefect.server.api import background_workers

    slow = partial(Worker, minimum_check_interval=JOB_INTERVAL, scheduling_resolution=JOB_INTERVAL)
    vars(background_workers)["Worker"] = slow


def main() -> None:
    """Serve on the host and port of the settings, never without a login."""
    process.begin("prefect")
    use_log_format()
    try:
        with open_app() as product:
            settings = product.settings
        if not os.environ.get(PREFECT_SERVER_LOGIN):
            raise Misconfigured(f"{PREFECT_SERVER_LOGIN}: must be `user:password`")
        for name, value in prefect_tuning.of_server(settings).items():
            os.environ.setdefault(name, value)  # before Prefect is imported, which reads them
        sqlite_upgrade.upgrade(sqlite_file(settings), os.environ, _say)
    except RunloreError as error:
        raise SystemExit(f"runlore: {error}") from error
    app = application(settings.allowed_hosts, settings.pages)
    process.take_over_logs()
    serve(app, settings.host, settings.prefect_port)


def _say(text: str) -> None:
    log.info("%s", text)


if __name__ == "__main__":
    main()
