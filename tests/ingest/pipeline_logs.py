"""Exports of Airflow and of CI servers, and what is read out of them."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from runlore.ingest.actions.formats import START
from runlore.ingest.actions.opening import FileSource, open_log
from runlore.kernel.instants import to_us
from runlore.records.mapping import ColumnMapping

NOW = datetime(2026, 12, 1, tzinfo=UTC)
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Export:
    """What an export was read as. executions: by id; instants are hours:minutes:seconds."""

    executions: dict[str, dict[str, Any]]
    skipped: dict[str, int]
    reasons: list[str]
    rows: int


def read_export(
    folder: Path, tool: str, content: object, suffix: str = "", timezone: str = "UTC"
) -> Export:
    """Read text as it is, and other content as JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    path = folder / f"export{suffix or ('.csv' if isinstance(content, str) else '.json')}"
    path.write_text(text)
    source = FileSource(path, tool, tool, ColumnMapping(timezone=timezone))
    pieces = list(open_log(source, to_us(NOW)).pieces(START))
    skipped = Counter()
    for piece in pieces:
        skipped.update(piece.parsed.skipped)
    records = pa.concat_tables([piece.parsed.records for piece in pieces])
    reasons = [row["reason"] for piece in pieces for row in piece.parsed.rejects.to_pylist()]
    rows = [_readable(row) for row in records.to_pylist()]
    return Export({row["id"]: row for row in rows}, dict(skipped), reasons, len(rows))


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: _clock(row[name]) for name in ("submitted", "started", "finished", "known_at")}
    objects = {name: json.loads(row[name]) for name in ("inputs", "outcome")}
    names = {name: row[name] for name in ("actor", "kind", "scope", "status")}
    return {"id": row["source_id"], **names, **times, **objects}


def _clock(us: int | None) -> str | None:
    if us is None:
        return None
    at = datetime.fromtimestamp(us / 1e6, UTC)
    return f"{at:%H:%M:%S.%f}".rstrip("0").rstrip(".")


def task_instances(tries: int) -> str:
    """The table of Airflow as CSV: tries of 30 s, a minute apart; each seventh fails."""
    lines = [
        "task_id,dag_id,run_id,map_index,start_date,end_date,duration,state,try_number,pool,"
        "operator,queued_dttm\n"
    ]
    for number in range(tries):
        at = BEGIN + timedelta(minutes=number)
        state = "success" if number % 7 else "failed"
        lines.append(
            f"t{number % 5},etl,manual__{number // 10},{number % 10},{at + timedelta(seconds=9)},"
            f"{at + timedelta(seconds=39)},30.0,{state},1,default_pool,PythonOperator,{at}\n"
        )
    return "".join(lines)


def github_jobs(jobs: int) -> str:
    """Jobs of GitHub, an object a line: 30 s each, a minute apart; each seventh fails."""
    lines = []
    for number in range(jobs):
        at = BEGIN + timedelta(minutes=number)
        job = {
            "id": number + 1,
            "run_id": number // 3,
            "run_attempt": 1,
            "workflow_name": "CI",
            "name": f"test {number % 3}",
            "head_branch": f"b{number % 5}",
            "status": "completed",
            "conclusion": "success" if number % 7 else "failure",
            "created_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "started_at": f"{at + timedelta(seconds=9):%Y-%m-%dT%H:%M:%SZ}",
            "completed_at": f"{at + timedelta(seconds=39):%Y-%m-%dT%H:%M:%SZ}",
            "labels": ["ubuntu-latest"],
            "runner_name": f"r{number % 4}",
        }
        lines.append(json.dumps(job) + "\n")
    return "".join(lines)


def gitlab_jobs(jobs: int) -> str:
    """Jobs of GitLab, an object a line: 30 s each, a minute apart; each seventh fails."""
    lines = []
    for number in range(jobs):
        at = BEGIN + timedelta(minutes=number)
        job = {
            "id": number + 1,
            "name": f"rspec {number % 3 + 1}/3",
            "stage": "test",
            "status": "success" if number % 7 else "failed",
            "ref": f"b{number % 5}",
            "created_at": f"{at:%Y-%m-%dT%H:%M:%S.000Z}",
            "started_at": f"{at + timedelta(seconds=9):%Y-%m-%dT%H:%M:%S.000Z}",
            "finished_at": f"{at + timedelta(seconds=39):%Y-%m-%dT%H:%M:%S.000Z}",
            "duration": 30.0,
            "queued_duration": 4.5,
            "user": {"username": f"u{number % 4}"},
            "pipeline": {"id": number // 3, "source": "push"},
        }
        lines.append(json.dumps(job) + "\n")
    return "".join(lines)


def jenkins_builds(builds: int) -> str:
    """Builds of Jenkins as CSV: 30 s each, a minute apart; each seventh fails."""
    lines = ["job,number,timestamp,duration,result,building,user\n"]
    for number in range(builds):
        at = int((BEGIN + timedelta(minutes=number)).timestamp() * 1000)
        result = "SUCCESS" if number % 7 else "FAILURE"
        lines.append(f"tools/app{number % 3},{number},{at},30000,{result},false,u{number % 4}\n")
    return "".join(lines)
