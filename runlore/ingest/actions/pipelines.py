"""How the exports of Airflow and of CI servers are opened: as CSV, or as JSON."""

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from runlore.records.formats.airflow import AirflowReader
from runlore.records.formats.csv import CsvLayout
from runlore.records.formats.exports import ExportParser, JenkinsParser
from runlore.records.formats.github import GithubReader
from runlore.records.formats.gitlab import GitlabReader
from runlore.records.formats.jenkins import JenkinsReader
from runlore.records.formats.tool_cells import CellReader, csv_layout
from runlore.records.mapping import ColumnMapping

PipelineTool = Literal["airflow", "github", "gitlab", "jenkins"]
PIPELINE_TOOLS: tuple[PipelineTool, ...] = get_args(PipelineTool)
# The keys under which a page of the tool's API has its list.
LISTS: Mapping[str, tuple[str, ...]] = {
    "airflow": ("task_instances",),
    "github": ("workflow_runs", "jobs"),
    "gitlab": (),
}


def open_lines(
    tool: PipelineTool, head: bytes, source: str, mapping: ColumnMapping, now_us: int
) -> CsvLayout:
    """The tool's CSV export. Raises BadInput when it lacks a column that is needed."""
    reader = _reader(tool, source, mapping.timezone, now_us)
    return csv_layout(head, reader, mapping.delimiter)


def open_objects(
    tool: PipelineTool, source: str, mapping: ColumnMapping, now_us: int
) -> ExportParser | JenkinsParser:
    """The tool's JSON export."""
    if tool == "jenkins":
        return JenkinsParser(JenkinsReader(source, mapping.timezone, now_us))
    return ExportParser(_reader(tool, source, mapping.timezone, now_us), LISTS[tool])


def _reader(tool: PipelineTool, source: str, timezone: str, now_us: int) -> CellReader:
    readers: Mapping[PipelineTool, Callable[[str, str, int], CellReader]] = {
        "airflow": AirflowReader,
        "github": GithubReader,
        "gitlab": GitlabReader,
        "jenkins": JenkinsReader,
    }
    return readers[tool](source, timezone, now_us)
