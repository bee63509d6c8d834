"""`runlore ingest airflow`, `github`, `gitlab` and `jenkins`: schedulers and CI servers."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.ingest.options import DryRun, TakeLastLine, Timezone, ToolSource
from runlore.cli.ingest.running import (
    FileRun,
    emit_summary,
    progress_bar,
    run_tool,
    shown_if_behind,
)
from runlore.cli.output import Json, echo
from runlore.kernel.errors import BadInput

if TYPE_CHECKING:
    from runlore.ingest.actions.pipelines import PipelineTool

Export = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="The export; .gz files are decompressed."),
]
Url = Annotated[str | None, typer.Option(help="Read from this server instead of a file.")]
Repository = Annotated[
    str | None, typer.Option(help="Read from this repository, OWNER/NAME or its address.")
]
Project = Annotated[str | None, typer.Option(help="Read from the project at this address.")]


def from_airflow(
    file: Export = None,
    url: Url = None,
    source: ToolSource = None,
    timezone: Timezone = None,
    take_last_line: TakeLastLine = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import Airflow's task instances: JSON of its API, its table task_instance as CSV, or --url.

    Each try of a task is one execution. Tasks that never ran are counted as skipped. The login of a
    server is in AIRFLOW_TOKEN, or in AIRFLOW_USERNAME and AIRFLOW_PASSWORD.

    Example: runlore ingest airflow task_instance.csv.gz
    """
    run = FileRun(json, dry_run, take_last_line)
    _ingest("airflow", file, url, source, timezone, run)


def from_github(
    file: Export = None,
    url: Repository = None,
    source: ToolSource = None,
    timezone: Timezone = None,
    take_last_line: TakeLastLine = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import runs and jobs of GitHub Actions: output of gh, pages of the API, or --url.

    Each attempt of a run is one execution, and so is each job. The token is in GH_TOKEN or
    GITHUB_TOKEN.

    Example: runlore ingest github runs.json
    """
    run = FileRun(json, dry_run, take_last_line)
    _ingest("github", file, url, source, timezone, run)


def from_gitlab(
    file: Export = None,
    url: Project = None,
    source: ToolSource = None,
    timezone: Timezone = None,
    take_last_line: TakeLastLine = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import jobs of GitLab CI: pages of the API, the same fields as CSV, or --url.

    The token is in GITLAB_TOKEN.

    Example: runlore ingest gitlab jobs.json
    """
    run = FileRun(json, dry_run, take_last_line)
    _ingest("gitlab", file, url, source, timezone, run)


def from_jenkins(
    file: Export = None,
    url: Url = None,
    source: ToolSource = None,
    timezone: Timezone = None,
    take_last_line: TakeLastLine = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import builds of Jenkins: JSON of its API, the same fields as CSV, or --url.

    The login is in JENKINS_USER and JENKINS_TOKEN.

    Example: runlore ingest jenkins builds.json
    """
    run = FileRun(json, dry_run, take_last_line)
    _ingest("jenkins", file, url, source, timezone, run)


def _ingest(
    tool: "PipelineTool",
    file: Path | None,
    url: str | None,
    source: str | None,
    timezone: str | None,
    run: FileRun,
) -> None:
    if (file is None) == (url is None):
        raise BadInput("name either a FILE or a server with --url", "url")
    if url is not None and run.is_dry:
        raise BadInput("--dry-run reads a FILE: save the export of the server first", "url")
    if file is not None:
        run_tool(file, tool, source, timezone, run)
    if url is not None:
        _ingest_server(tool, url, source or tool, timezone or "UTC", run)


def _ingest_server(
    tool: "PipelineTool", url: str, source: str, timezone: str, run: FileRun
) -> None:
    from runlore.app import open_app
    from runlore.ingest.actions.api_client import RateLimitWait
    from runlore.ingest.actions.api_histories import ApiSource, ingest_api
    from runlore.ingest.actions.files import IngestOptions
    from runlore.kernel.instants import now

    with open_app() as app, progress_bar(url) as progress:
        patience = RateLimitWait(say=partial(echo, err=True))
        server = ApiSource(tool, url, source, dict(os.environ), timezone, patience)
        chosen = app.settings
        bounds = IngestOptions(now(), chosen.max_revisions, chosen.clock_tolerance_s, progress)
        with shown_if_behind(run):
            summary = ingest_api(app.store, server, bounds)
    emit_summary(summary, run)
