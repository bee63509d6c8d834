"""`runlore ingest prefect`: the records of a server."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.ingest.running import FileRun, emit_summary, progress_bar, shown_if_behind
from runlore.cli.output import Json

if TYPE_CHECKING:
    from runlore.settings import Settings


def from_prefect(
    api_url: Annotated[
        str | None,
        typer.Option(help="API of the Prefect server.  [default: RUNLORE_PREFECT_API_URL]"),
    ] = None,
    source: Annotated[str, typer.Option(help="Name of the source.")] = "prefect",
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="PREFECT_API_KEY",
            help="API key, sent as a bearer token unless PREFECT_API_AUTH_STRING is set.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Import the flow runs of a Prefect server.

    Later imports read only what may have changed.

    Example: runlore ingest prefect --api-url http://127.0.0.1:4200/api
    """
    from runlore.app import open_app
    from runlore.ingest.actions.files import PrefectSource, ingest_prefect
    from runlore.kernel.instants import now

    run = FileRun(json)
    with open_app() as app:
        headers = prefect_headers(app.settings, api_url, api_key)
        most = app.settings.max_revisions
        server = PrefectSource(api_url or app.settings.prefect_url, source, headers, most)
        with progress_bar(server.api_url) as progress, shown_if_behind(run):
            summary = ingest_prefect(app.store, server, now(), progress)
    emit_summary(summary, run)


def prefect_headers(chosen: "Settings", api_url: str | None, api_key: str | None) -> dict[str, str]:
    """Send the home's login only to the home's own server: this user's process on its port."""
    from runlore.registry.credentials import listens_as
    from runlore.web import prefect_login

    is_own = api_url is None and chosen.prefect_api_url is None
    if is_own and listens_as(chosen.prefect_port, os.getuid()):
        return prefect_login.authorization(chosen.home)
    return prefect_login.authorization_header(os.environ.get(prefect_login.LOGIN), api_key)
