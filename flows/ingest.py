"""Ingest a log."""

from pathlib import Path
from typing import Any

from prefect import flow

from runlore.ingest.actions.opening import Format
from tasks.edge import flow_app
from tasks.ingest import ingest_log


@flow(name="ingest", flow_run_name="ingest {path}", timeout_seconds=6 * 3600)
def ingest(
    path: str,
    format: Format = "csv",  # noqa: A002  (the word of the UI's form)
    source: str | None = None,
    mapping: dict[str, Any] | None = None,
) -> dict[str, int]:
    """Ingest the rows that were added to a file; columns are mapped as in a mapping file.

    source: the source name of its records; by default that of the mapping, else `inbox`.
    Returns the numbers of new, known and rejected rows.
    """
    with flow_app():
        return ingest_log(Path(path), format, source, mapping or {})
