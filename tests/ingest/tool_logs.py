"""Logs of tools to ingest: for each importer, a log of any size in the tool's own shape."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.ingest.pipeline_logs import (
    github_jobs,
    gitlab_jobs,
    jenkins_builds,
    task_instances,
)

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ToolLog:
    """make: the text of a log of so many executions. header: how many of its first lines are no
    rows. counts_lines: every other line is a row."""

    format: str
    suffix: str
    make: Callable[[int], str]
    header: int = 1
    counts_lines: bool = True

    def rows(self, executions: int) -> int:
        lines = self.make(executions).count("\n") - self.header
        return lines if self.counts_lines else executions


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


def trace(tasks: int) -> str:
    """Tasks of 30 s, one a minute; each seventh fails, and a cached one comes before each tenth."""
    lines = [
        "task_id\thash\tnative_id\tname\tstatus\texit\tsubmit\tstart\tcomplete\trealtime\tcpus"
        "\tmemory\tpeak_rss\n"
    ]
    for number in range(tasks):
        start = BEGIN + timedelta(minutes=number)
        stamps = "\t".join(
            f"{start + timedelta(seconds=s):%Y-%m-%d %H:%M:%S}.250" for s in (-9, 0, 30)
        )
        task_hash = f"{number % 256:02x}/{number:06x}"
        name = f"RNASEQ:ALIGN (sample_{number % 5})"
        if number % 10 == 9:
            lines.append(
                f"{number}\tff/{number:06x}\t{number}\t{name}\tCACHED\t0\t{stamps}\t29.5s\t4\t8 GB"
                "\t1 GB\n"
            )
        end = "COMPLETED\t0" if number % 7 else "FAILED\t137"
        lines.append(
            f"{number}\t{task_hash}\t{number}\t{name}\t{end}\t{stamps}\t29.5s\t{number % 3 + 1}"
            f"\t8 GB\t{number + 1} MB\n"
        )
    return "".join(lines)


def snakemake_log(jobs: int) -> str:
    """Jobs of 30 s, one a minute; each seventh fails."""
    lines = ["SNAKEMAKE\n  Workflow ID: 7b454f04\n  User: ann\n  Working directory: /data/rnaseq\n"]
    for number in range(jobs):
        start = BEGIN + timedelta(minutes=number)
        end = "Error in rule align:\n    message: None\n    jobid: {}\n"
        if number % 7:
            end = "Finished jobid: {} (Rule: align)\n1 of 9 steps (1%) done\n"
        lines += [
            f"[{start:%a %b %d %H:%M:%S %Y}]\nlocalrule align:\n    output: {number}.bam\n"
            f"    jobid: {number}\n    wildcards: s={number % 5}\n    threads: {number % 3 + 2}\n"
            f"    resources: tmpdir=/tmp, mem_mb=200, mem=200 MB, mem_mib=191\n"
            f"[{start + timedelta(seconds=30):%a %b %d %H:%M:%S %Y}]\n",
            end.format(number),
        ]
    return "".join(lines)


def lineage_events(runs: int) -> str:
    """START and end of runs of 30 s, one a minute; each seventh fails."""
    lines = []
    for number in range(runs):
        begin = BEGIN + timedelta(minutes=number)
        ends = "COMPLETE" if number % 7 else "FAIL"
        for kind, at in (("START", begin), (ends, begin + timedelta(seconds=30))):
            event = {
                "eventType": kind,
                "eventTime": at.isoformat(),
                "run": {"runId": f"00000000-0000-4000-8000-{number:012}"},
                "job": {"namespace": "etl", "name": f"load_{number % 5}"},
                "inputs": [{"namespace": "pg", "name": f"table_{number % 3}"}],
            }
            lines.append(f"{json.dumps(event)}\n")
    return "".join(lines)


def auth_lines(logins: int) -> str:
    """Logins, one a minute; each seventh fails. A notice follows each tenth."""
    lines = []
    for number in range(logins):
        stamp = f"{BEGIN + timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}"
        at = f"{stamp} web-{number % 3} sshd[{number}]:"
        said = "Accepted publickey" if number % 7 else "Failed password"
        lines.append(
            f"{at} {said} for u{number % 5} from 192.0.2.{number % 9} port {number} ssh2\n"
        )
        if number % 10 == 9:
            lines.append(f"{at} Disconnected from user u1 192.0.2.1 port {number}\n")
    return "".join(lines)


def journal_entries(logins: int) -> str:
    """The same logins in systemd's journal."""
    lines = []
    for number in range(logins):
        said = "Accepted publickey" if number % 7 else "Failed password"
        at = BEGIN + timedelta(minutes=number)
        entry = {
            "__CURSOR": f"s=1;i={number:x}",
            "__REALTIME_TIMESTAMP": str(int(at.timestamp()) * 1_000_000),
            "_HOSTNAME": f"web-{number % 3}",
            "SYSLOG_IDENTIFIER": "sshd",
            "MESSAGE": f"{said} for u{number % 5} from 192.0.2.{number % 9} port {number} ssh2",
        }
        lines.append(f"{json.dumps(entry)}\n")
    return "".join(lines)


def audit_events(requests: int) -> str:
    """Requests to a cluster, one a minute; each seventh is refused."""
    lines = []
    for number in range(requests):
        event = {
            "kind": "Event",
            "auditID": f"id-{number}",
            "stage": "ResponseComplete",
            "verb": "patch" if number % 2 else "get",
            "user": {"username": f"u{number % 5}"},
            "objectRef": {"resource": "pods", "namespace": "shop", "name": f"web-{number}"},
            "responseStatus": {"code": 200 if number % 7 else 403},
            "requestReceivedTimestamp": f"{BEGIN + timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}",
        }
        lines.append(f"{json.dumps(event)}\n")
    return "".join(lines)


TOOL_LOGS = {
    log.format: log
    for log in (
        ToolLog("slurm", ".txt", sacct),
        ToolLog("airflow", ".csv", task_instances),
        ToolLog("github", ".json", github_jobs, header=0),
        ToolLog("gitlab", ".json", gitlab_jobs, header=0),
        ToolLog("jenkins", ".csv", jenkins_builds),
        ToolLog("nextflow", ".txt", trace),
        ToolLog("openlineage", ".ndjson", lineage_events, header=0),
        ToolLog("auth-log", ".log", auth_lines, header=0),
        ToolLog("journal", ".json", journal_entries, header=0),
        ToolLog("audit", ".log", audit_events, header=0),
        ToolLog("snakemake", ".snakemake.log", snakemake_log, counts_lines=False),
    )
}
