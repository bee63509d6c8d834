"""Which tool wrote a file, as its first bytes show."""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

FileKind = (
    Literal["csv", "parquet", "jsonl", "swf", "openlineage", "snakemake"]
    | Literal["airflow", "github", "gitlab", "jenkins", "slurm", "nextflow"]
)

FILE_KINDS: tuple[FileKind, ...] = (
    *("csv", "parquet", "jsonl", "swf", "openlineage", "snakemake"),
    *("airflow", "github", "gitlab", "jenkins", "slurm", "nextflow"),
)
PARQUET = b"PAR1"
BLANKS = b"\xef\xbb\xbf \t\r\n"
SWF_FIELDS = 18
SNAKEMAKE = re.compile(rb"^(Building DAG of jobs|Assuming unrestricted shared filesystem)", re.M)
# The columns or keys that only one tool writes together, in lower case.
MARKS: Mapping[FileKind, tuple[frozenset[str], ...]] = {
    "airflow": (frozenset({"dag_id", "task_id", "state"}), frozenset({"task_instances"})),
    "github": (
        frozenset({"databaseid", "conclusion"}),
        frozenset({"workflow_runs"}),
        frozenset({"conclusion", "run_attempt"}),
        frozenset({"conclusion", "workflow_name"}),
        frozenset({"conclusion", "workflowname"}),
        frozenset({"jobs", "total_count"}),
    ),
    "gitlab": (
        frozenset({"stage", "pipeline", "status"}),
        frozenset({"stage", "web_url", "status"}),
        frozenset({"stage", "queued_duration", "status"}),
    ),
    "jenkins": (
        frozenset({"_class", "builds"}),
        frozenset({"_class", "jobs"}),
        frozenset({"builds"}),
        frozenset({"result", "timestamp", "number"}),
    ),
    "openlineage": (
        frozenset({"eventtype", "eventtime", "run"}),
        frozenset({"schemaurl", "producer"}),
    ),
    "slurm": (frozenset({"jobid", "state"}), frozenset({"jobidraw", "state"})),
    "nextflow": (
        frozenset({"task_id", "hash", "status"}),
        frozenset({"task_id", "native_id", "status"}),
        frozenset({"task_id", "name", "status", "realtime"}),
        frozenset({"hash", "name", "status", "realtime"}),
    ),
}
JSON_TOOLS: tuple[FileKind, ...] = ("openlineage", "airflow", "github", "gitlab", "jenkins")
LINE_TOOLS: tuple[FileKind, ...] = ("slurm", "nextflow", "airflow", "github", "gitlab", "jenkins")


def detect(head: bytes) -> FileKind:
    """The format of a file by its first bytes; csv where no other shows.

    >>> detect(b"; UnixStartTime: 0\\n"), detect(b"JobID|State|User\\n"), detect(b"[]")
    ('swf', 'slurm', 'jsonl')
    """
    if head.startswith(PARQUET):
        return "parquet"
    text = head.lstrip(BLANKS)
    if text[:1] in (b"{", b"["):
        return next((tool for tool in JSON_TOOLS if _is_of(tool, json_keys(text))), "jsonl")
    if _is_swf(text):
        return "swf"
    if SNAKEMAKE.search(text):
        return "snakemake"
    names = header_names(text)
    return next((tool for tool in LINE_TOOLS if _is_of(tool, names)), "csv")


def header_names(text: bytes) -> frozenset[str]:
    """The names in the first line, in lower case, whatever separates them."""
    line = text.partition(b"\n")[0].decode("utf-8", "replace")
    return frozenset(name.strip(' "\r').lower() for name in re.split(r"[,;\t|]", line))


def json_keys(text: bytes) -> frozenset[str]:
    """The keys of the outermost object and of the first object in a list, in lower case."""
    keys: set[str] = set()
    first = first_object(text)
    if isinstance(first, Mapping):
        keys |= {str(key).lower() for key in first}
    else:  # an object that is longer than what was read
        keys |= {key.lower() for key in re.findall(r'"(\w+)"\s*:', text[:4096].decode("latin-1"))}
    return frozenset(keys)


def first_object(text: bytes) -> Any:  # noqa: ANN401  (what JSON can hold)
    """The first JSON object of a text, or of its list; None where it is cut off or broken."""
    decoded = text.decode("utf-8", "replace")
    start = decoded.find("{")
    if start < 0:
        return None
    try:
        return json.JSONDecoder().raw_decode(decoded, start)[0]
    except (ValueError, RecursionError):
        return None


def _is_of(tool: FileKind, names: frozenset[str]) -> bool:
    return any(mark <= names for mark in MARKS[tool])


def _is_swf(text: bytes) -> bool:
    """Comments that begin with a semicolon, or lines of eighteen numbers."""
    line = text.partition(b"\n")[0].strip()
    if line.startswith(b";"):
        return True
    fields = line.split()
    return len(fields) == SWF_FIELDS and all(re.fullmatch(rb"-?[0-9.]+", one) for one in fields)
