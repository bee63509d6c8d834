"""Which column of an unknown table is which field of an execution, by names and first cells."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runlore.records.mapping import STATUS_WORDS, ColumnMapping, status_words

# Names in lower case with one underscore between words, the best first.
NAMES: Mapping[str, tuple[str, ...]] = {
    "submitted": (
        *("submitted_at", "submitted", "submit_time", "submission_time", "submit", "queued_at"),
        *("queued_dttm", "queued", "queue_time", "enqueued_at", "requested_at", "created_at"),
        *("createdat", "created", "creation_time", "scheduled_at", "received_at", "eingang"),
        *("eingegangen_am", "eingegangen", "erstellt_am", "erstellt", "angelegt_am"),
    ),
    "started": (
        *("started_at", "startedat", "started", "start_time", "start_date", "start", "start_ts"),
        *("build_started_at", "begin", "began", "began_at", "begin_time", "beginn", "gestartet"),
        *("gestartet_am", "startzeit"),
    ),
    "finished": (
        *("finished_at", "finished", "finish_time", "ended_at", "ended", "end_time", "end_date"),
        *("end", "end_ts", "completed_at", "completed", "completion_time", "complete"),
        *("stopped_at", "stop_time", "closed_at", "ende", "endzeit", "beendet", "beendet_am"),
        "fertig_am",
    ),
    "duration_s": (
        *("duration_s", "duration_sec", "duration_seconds", "elapsed_s", "elapsed_seconds"),
        *("elapsed_sec", "runtime_s", "run_time_s", "runtime_seconds", "run_time_seconds"),
        *("elapsedraw", "duration", "elapsed", "runtime", "run_time", "dauer_s", "dauer"),
    ),
    "duration_ms": ("duration_ms", "elapsed_ms", "runtime_ms", "run_time_ms", "duration_millis"),
    "status": (
        *("status", "state", "result", "outcome", "conclusion", "verdict", "build_status"),
        *("build_result", "job_status", "job_state", "run_status", "task_status", "final_status"),
        *("ergebnis", "zustand"),
    ),
    "actor": (
        *("actor", "user", "username", "user_name", "user_id", "owner", "submitted_by"),
        *("started_by", "triggered_by", "requested_by", "requester", "author", "login", "account"),
        *("who", "developer", "committer", "bearbeiter", "benutzer", "nutzer"),
    ),
    "kind": (
        *("kind", "job_type", "task_type", "type", "job_name", "task_name", "workflow_name"),
        *("workflow", "pipeline", "pipeline_name", "job", "task", "task_id", "test_name"),
        *("test", "stage", "operation", "action", "name", "art", "auftragsart", "vorgang"),
    ),
    "scope": (
        *("scope", "host", "hostname", "host_name", "node", "machine", "server", "worker"),
        *("runner", "cluster", "platform", "environment", "project", "project_name", "repo"),
        *("repository", "queue", "maschine", "anlage", "rechner"),
    ),
    "known_at": ("known_at", "reported_at", "recorded_at"),
    "source_id": (
        *("id", "source_id", "run_id", "job_id", "build_id", "execution_id", "task_run_id"),
        *("jobid", "runid", "buildid", "uuid", "guid", "run", "build", "job_number"),
        *("build_number", "run_number", "number", "auftrag", "auftragsnummer", "nr"),
    ),
}
ONLY_TIMES = ("timestamp", "time", "datetime", "date", "at", "ts", "when", "zeit", "datum")
PREFIX = re.compile(r"^(gh|tr|git|ci)_")  # of the tool that measured a column
FAILURE_FLAG = re.compile(r"(^|_)(failed|failure|is_failed|fail|error|has_failed|broken)$")
SUCCESS_FLAG = re.compile(r"(^|_)(succeeded|success|is_success|passed|ok|is_ok)$")
ZEROS = frozenset({"0", "0.0", "false", "f", "no", "n"})
ONES = frozenset({"1", "1.0", "true", "t", "yes", "y"})
DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
LEAST_DISTINCT = 0.9  # share of the first ids that are different
MOST_FLAGS = 2  # words that a column of a yes or no has
EPOCHS = ((1e14, "us"), (1e11, "ms"), (1e8, "s"))  # larger numbers are in that unit


@dataclass(frozen=True)
class ColumnGuess:
    """document: a mapping as `declare` takes it. notes: what a person should know about it."""

    document: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> Mapping[str, str]:
        columns: Mapping[str, str] = self.document.get("columns", {})
        return columns


def guess(cells: Mapping[str, Sequence[str]], delimiter: str = ",") -> ColumnGuess:
    """Guess the mapping of a table from its columns and the first cells of each.

    >>> guess({"user": ["ann"], "queued at": ["2026-01-01"], "result": ["ok"]}).columns
    {'submitted': 'queued at', 'status': 'result', 'actor': 'user'}
    """
    columns = _fields(cells)
    notes = list(_settle_times(columns))
    document: dict[str, Any] = {"columns": columns, "inputs": "*"}
    flag = _flag(cells, columns)
    if flag:
        columns["status"], statuses = flag
        document["status"] = statuses
        notes.append(f"{columns['status']} says whether a run failed")
    if _has_decimal_commas(cells, columns, delimiter):
        document["decimal"] = ","
    if epoch := _epoch(cells, columns):
        document["epoch"] = epoch
    return ColumnGuess(document, tuple(notes))


def as_options(mapping: ColumnMapping) -> list[str]:
    """The options of `runlore ingest` that declare a mapping."""
    options: list[str] = []
    for name, column in mapping.columns.items():
        options += ["--map", f"{'id' if name == 'source_id' else name}={column}"]
    for name, value in mapping.constants.items():
        options += ["--const", f"{name}={value}"]
    for word, status in mapping.statuses.items():
        options += ["--status", f"{word}={status}"]
    for option, keys in (("--inputs", mapping.inputs), ("--outcome", mapping.outcome)):
        if keys:
            listed = (
                keys if isinstance(keys, str) else ",".join(f"{k}={v}" for k, v in keys.items())
            )
            options += [option, listed]
    plain: dict[str, str | None] = {"--epoch": mapping.epoch, "--delimiter": mapping.delimiter}
    plain |= {"--encoding": mapping.encoding, "--thousands": mapping.thousands}
    plain["--decimal"] = None if mapping.decimal == "." else mapping.decimal
    plain["--timezone"] = None if mapping.timezone == "UTC" else mapping.timezone
    for option, said in plain.items():
        options += [option, said] if said else []
    for date_format in mapping.date_formats:
        options += ["--date-format", date_format]
    for word in mapping.missing:
        options += ["--missing", word]
    return options


def words_of(name: str) -> str:
    """A column's name as NAMES has it.

    >>> words_of("Started At"), words_of("queuedAt"), words_of("gh_build_started_at")
    ('started_at', 'queued_at', 'build_started_at')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return PREFIX.sub("", re.sub(r"[^a-z0-9äöüß]+", "_", spaced.lower()).strip("_"))


def _fields(cells: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The column of each field: of several that fit, the one whose name stands first in NAMES."""
    known = {words_of(name): name for name in reversed([*cells]) if name}
    columns: dict[str, str] = {}
    for field, names in NAMES.items():
        fitting = (known[name] for name in names if name in known)
        column = next((one for one in fitting if _may_be(field, cells[one], columns, one)), None)
        if column is not None:
            columns[field] = column
    if "submitted" not in columns and "started" not in columns:
        fitting = (known[name] for name in ONLY_TIMES if name in known)
        if (column := next(fitting, None)) is not None:
            columns["submitted"] = column
    return columns


def _may_be(field: str, cells: Sequence[str], taken: Mapping[str, str], column: str) -> bool:
    """Whether a column with a fitting name can have the field's values."""
    if column in taken.values():
        return False
    present = [cell.strip() for cell in cells if cell and cell.strip()]
    if field == "status":
        known = status_words()
        words = {re.sub(r"[ -]+", "_", cell.lower()) for cell in present}
        return bool(words) and 2 * len(words & known.keys()) >= len(words)
    if field in ("submitted", "started", "finished", "known_at"):
        return words_of(column) == field or any(re.search(r"\d", cell) for cell in present)
    if field == "kind":  # a name that every row has for itself is no kind of work
        return len(present) < 2 or len({*present}) < len(present)
    if field == "source_id":  # corrections repeat an id, and nothing else does
        return len({*present}) >= LEAST_DISTINCT * len(present)
    return True


def _settle_times(columns: dict[str, str]) -> Iterable[str]:
    """Make `submitted` of what there is, and drop what would say the same thing twice."""
    if "submitted" not in columns and "started" in columns:
        columns["submitted"] = columns.pop("started")
        yield f"{columns['submitted']} counts as the submission: the log has no other"
    if {"started", "finished"} <= columns.keys():
        columns.pop("duration_s", None)
        columns.pop("duration_ms", None)
    if {"duration_s", "duration_ms"} <= columns.keys():
        columns.pop("duration_s")
    if words_of(columns.get("duration_s", "")) in ("duration", "elapsed", "runtime", "run_time"):
        column = columns["duration_s"]
        yield f"{column} is read as seconds; if these are milliseconds, --map duration_ms={column}"
    if not {"finished", "duration_s", "duration_ms"} & columns.keys():
        yield (
            "the log does not say when runs ended: outcomes count as known at once, so what is"
            " foreseeable may look a little better than it is"
        )


def _flag(
    cells: Mapping[str, Sequence[str]], columns: Mapping[str, str]
) -> tuple[str, dict[str, str]] | None:
    """A column of yes or no that says whether a run failed, with the meaning of its words."""
    if "status" in columns:
        return None
    for name, values in cells.items():
        words = {cell.strip() for cell in values if cell and cell.strip()}
        lower = {word.lower() for word in words}
        if not lower or len(lower) > MOST_FLAGS or not lower <= ZEROS | ONES:
            continue
        for pattern, (yes, no) in (
            (FAILURE_FLAG, ("failed", "succeeded")),
            (SUCCESS_FLAG, ("succeeded", "failed")),
        ):
            if pattern.search(words_of(name)) and name not in columns.values():
                every = {*words} | ({"0", "1"} if lower <= {"0", "1"} else set())
                statuses = {word: yes if word.lower() in ONES else no for word in sorted(every)}
                return name, statuses
    return None


def _has_decimal_commas(
    cells: Mapping[str, Sequence[str]], columns: Mapping[str, str], delimiter: str
) -> bool:
    if delimiter == ",":
        return False
    for name, values in cells.items():
        present = [cell.strip() for cell in values if cell and cell.strip()]
        commas = sum(bool(DECIMAL_COMMA.fullmatch(cell)) for cell in present)
        if present and name not in columns.values() and 2 * commas > len(present):
            return True
    return False


def _epoch(cells: Mapping[str, Sequence[str]], columns: Mapping[str, str]) -> str | None:
    """The unit of instants that are plain numbers."""
    present = [cell.strip() for cell in cells.get(columns.get("submitted", ""), ()) if cell]
    if not present or not all(NUMBER.fullmatch(cell) for cell in present):
        return None
    largest = max(float(cell) for cell in present)
    return next((unit for least, unit in EPOCHS if largest >= least), None)


def status_example() -> str:
    """How a word of a log is mapped, for errors."""
    return f"--status WORD=STATUS, where STATUS is one of {', '.join(STATUS_WORDS)}"
