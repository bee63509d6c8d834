"""Logs of tools to ingest: for each importer, a log of any size in the tool's own shape."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ToolLog:
    """make: the text of a log of so many executions. header: how many of its first lines are no
    rows. An execution may have several rows."""

    format: str
    suffix: str
    make: Callable[[int], str]
    header: int = 1


def sacct(jobs: int) -> str:
    """Jobs of 30 s with two steps each, one a minute; each seventh fails."""
    lines = [
        "JobID|User|JobName|Partition|Submit|Start|End|ElapsedRaw|State|ExitCode|ReqCPUS|MaxRSS\n"
    ]
    for number in range(jobs):
        start = BEGIN + timedelta(minutes=number)
        stamps = f"{start:%Y-%m-%dT%H:%M:%S}|{start + timedelta(seconds=30):%Y-%m-%dT%H:%M:%S}|30"
        end = "COMPLETED|0:0" if number % 7 else "FAILED|1:0"
        submit = f"{start - timedelta(seconds=9):%Y-%m-%dT%H:%M:%S}"
        lines += [
            f"{number}|u{number % 5}|sim|cpu|{submit}|{stamps}|{end}|{number % 3 + 1}|\n",
            f"{number}.batch||batch||{stamps[:19]}|{stamps}|{end}|1|{number}K\n",
            f"{number}.0||hostname||{stamps[:19]}|{stamps}|{end}|1|{number + 9}K\n",
        ]
    return "".join(lines)


TOOL_LOGS = {log.format: log for log in (ToolLog("slurm", ".txt", sacct),)}
