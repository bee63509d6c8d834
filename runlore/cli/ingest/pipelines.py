"""`runlore ingest airflow`, `github`, `gitlab` and `jenkins`: schedulers and CI servers."""

from runlore.cli.ingest.options import File, Timezone, ToolSource
from runlore.cli.ingest.running import run_tool
from runlore.cli.output import Json


def from_airflow(
    file: File, source: ToolSource = None, timezone: Timezone = None, json: Json = False
) -> None:
    """Import Airflow's task instances: JSON of its API, or its table task_instance as CSV.

    Each try of a task is one execution. Tasks that never ran are counted as skipped.

    Example: runlore ingest airflow task_instance.csv.gz
    """
    run_tool(file, "airflow", source, timezone, json=json)


def from_github(
    file: File, source: ToolSource = None, timezone: Timezone = None, json: Json = False
) -> None:
    """Import runs and jobs of GitHub Actions: output of gh, or pages of its API.

    Each attempt of a run is one execution, and so is each job.

    Example: runlore ingest github runs.json
    """
    run_tool(file, "github", source, timezone, json=json)


def from_gitlab(
    file: File, source: ToolSource = None, timezone: Timezone = None, json: Json = False
) -> None:
    """Import jobs of GitLab CI: pages of its API, or the same fields as CSV.

    Example: runlore ingest gitlab jobs.json
    """
    run_tool(file, "gitlab", source, timezone, json=json)


def from_jenkins(
    file: File, source: ToolSource = None, timezone: Timezone = None, json: Json = False
) -> None:
    """Import builds of Jenkins: JSON of its API, or the same fields as CSV.

    Example: runlore ingest jenkins builds.json
    """
    run_tool(file, "jenkins", source, timezone, json=json)
