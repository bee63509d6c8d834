"""Bring a log in."""

from pathlib import Path
from typing import Any, Literal

from prefect import flow

from tasks.edge import flow_app
from tasks.ingest import ingest_log


@flow(name="ingest", flow_run_name="ingest {path}", timeout_seconds=6 * 3600)
def ingest(
    path: str,
    format: Literal["csv", "parquet", "swf"] = "csv",  # noqa: A002  (the word of the UI's form)
    source: str | None = None,
    mapping: dict[str, Any] | None = None,
) -> dict[str, int]:
    """Take in what a file has grown by; columns are mapped as in a mapping file.

    source: the name its records get; else that of the mapping, else `inbox`.
    Returns how many rows were new, already known, and rejected.
    """
    with flow_app():
        return ingest_log(Path(path), format, source, mapping or {})
