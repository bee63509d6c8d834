"""`runlore ingest openlineage`: events of Airflow, Spark, dbt, Flink, Dagster and others."""

from runlore.cli.ingest.options import DryRun, File, Timezone, ToolSource
from runlore.cli.ingest.running import FileRun, run_tool
from runlore.cli.output import Json


def from_openlineage(
    file: File,
    source: ToolSource = None,
    timezone: Timezone = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Import OpenLineage events: an event in each line, or JSON documents with events.

    All events of a run are one execution, in whatever order they come.

    Example: runlore ingest openlineage events.ndjson
    """
    run_tool(file, "openlineage", source, timezone, FileRun(json, dry_run))
