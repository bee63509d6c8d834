"""`runlore ingest auth-log`, `journal` and `audit`: logins, commands and changes as executions."""

from typing import Annotated

import typer

from runlore.cli.ingest.options import DryRun, File, TakeLastLine, Timezone, ToolSource
from runlore.cli.ingest.running import FileRun, run_tool
from runlore.cli.output import Json

Year = Annotated[
    int | None,
    typer.Option(
        min=1970,
        max=2199,
        help="Year of the first line, where stamps have none.  [default: the latest possible]",
    ),
]


def from_auth_log(
    file: File,
    source: ToolSource = None,
    timezone: Timezone = None,
    year: Year = None,
    take_last_line: TakeLastLine = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import logins, commands and account changes from auth.log or secure.

    Lines of sshd, sudo, su, PAM, useradd and systemd-logind become executions: the user is the
    actor, the host the scope. Messages are not kept. Lines that are no event are counted.

    Example: runlore ingest auth-log /var/log/auth.log --timezone Europe/Berlin
    """
    from datetime import UTC, datetime

    start = None if year is None else datetime(year, 1, 1, tzinfo=UTC)
    run = FileRun(json, dry_run, take_last_line)
    run_tool(file, "auth-log", source, timezone, run, start)


def from_journal(
    file: File,
    source: ToolSource = None,
    take_last_line: TakeLastLine = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import logins, commands and account changes from systemd's journal.

    The file is what `journalctl -o json` prints. Entries exported again are known by their cursor.

    Example: runlore ingest journal journal.json
    """
    run_tool(file, "journal", source, None, FileRun(json, dry_run, take_last_line))


def from_audit(
    file: File,
    source: ToolSource = None,
    timezone: Timezone = None,
    take_last_line: TakeLastLine = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import audit events in JSON lines: of Kubernetes, or in the Elastic Common Schema.

    The user is the actor; the namespace or host is the scope. Bodies and messages are not kept.

    Example: runlore ingest audit /var/log/kubernetes/audit.log
    """
    run_tool(file, "audit", source, timezone, FileRun(json, dry_run, take_last_line))
