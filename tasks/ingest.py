"""Ingest as a task: a database that is away is tried again, a wrong file is not."""

from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource, Format
from runlore.ingest.actions.reject_list import list_rejects
from runlore.kernel.instants import now
from runlore.records.mapping import declare, split_source
from tasks.edge import task_app
from tasks.retry import RETRIES

SHOWN_REJECTS = 50
SOURCE = "inbox"  # of records whose mapping names no source


@task(
    **RETRIES,
    cache_policy=NO_CACHE,
    task_run_name="ingest {path.name}",
    timeout_seconds=6 * 3600,
)
def ingest_log(
    path: Path, file_format: Format, source: str | None, mapping: dict[str, Any]
) -> dict[str, int]:
    """Ingest one file, renew the states that serving reads, and show what was rejected.

    source: None: that of the mapping, else SOURCE.
    """
    named, parts = split_source(mapping)
    with task_app() as app:
        log = FileSource(
            path,
            file_format,
            source or named or SOURCE,
            declare(parts),
            max_revisions=app.settings.max_revisions,
            clock_tolerance_s=app.settings.clock_tolerance_s,
        )
        summary = ingest_file(app.store, log, now())
        rejected = list_rejects(app.store, SHOWN_REJECTS) if summary.rejected else []
    get_run_logger().info(
        "%s: %d new, %d already known, %d rejected",
        path,
        summary.new,
        summary.known,
        summary.rejected,
    )
    if rejected:
        rows = [{"line": r["line"], "reason": r["reason"], "raw": r["raw"]} for r in rejected]
        create_table_artifact(rows, key="rejected-rows", description=f"Rejected from {path}")
    return {"new": summary.new, "known": summary.known, "rejected": summary.rejected}
