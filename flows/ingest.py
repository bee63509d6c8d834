"""Ingest a log."""

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from runlore.ingest.actions.opening import Format
from tasks.edge import flow_app
from tasks.ingest import ingest_log


def run_name() -> str:
    """What a run is called: by the file, without its folder."""
    return f"ingest {Path(str(flow_run.parameters['path'])).name}"


@flow(name="ingest", flow_run_name=run_name, timeout_seconds=6 * 3600)
def ingest(
    path: str,
    format: Format = "csv",  # noqa: A002  (the word of the UI's form)
    source: str | None = None,
    mapping: dict[str, Any] | None = None,
) -> dict[str, int]:
    """Ingest the rows that were added to a file.

    Returns the numbers of new, known and rejected rows.

    Args:
        path: The file, as the worker finds it.
        format: The format of the file.
        source: The source name of its records; empty: that of the mapping, else `inbox`.
        mapping: What the columns mean, as in a mapping file.
    """
    with flow_app():
        return ingest_log(Path(path), format, source, mapping or {})
