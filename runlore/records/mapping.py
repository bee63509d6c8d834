"""How the columns of a file become the fields of executions or metrics, checked when declared."""

import codecs
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

from runlore.kernel.errors import BadInput
from runlore.records.cell_forms import (
    CellType,
    Epoch,
    check_date_format,
    check_marks,
    split_type,
    split_types,
)
from runlore.records.execution import ExecutionStatus

Records = Literal["executions", "metrics"]

EXECUTION_FIELDS = (
    "source_id",
    "actor",
    "kind",
    "scope",
    "submitted",
    "started",
    "finished",
    "duration_s",
    "duration_ms",
    "status",
    "known_at",
)
METRIC_FIELDS = ("name", "scope", "at", "value", "known_at")
FIELDS: Mapping[Records, tuple[str, ...]] = {
    "executions": EXECUTION_FIELDS,
    "metrics": METRIC_FIELDS,
}
REQUIRED: Mapping[Records, tuple[str, ...]] = {
    "executions": ("submitted",),
    "metrics": ("name", "at", "value"),
}
NO_TIME = "1700-01-01T00:00:00Z"  # of rows without a time: earlier than any that is accepted
ALIASES = {"id": "source_id"}
EVERY_OTHER_COLUMN = "*"
PARTS = (
    "records, columns, constants, inputs, outcome, status, types, timezone, epoch, date_format,"
    " delimiter, decimal, thousands, missing, encoding, no_times"
)
LATER_PARTS = ("types", "date_formats", "decimal", "thousands", "missing", "encoding")

# Words that need no mapping, in any case, with blanks and dashes as underscores.
STATUS_WORDS: Mapping[ExecutionStatus, str] = {
    ExecutionStatus.SUCCEEDED: "success succeeded successful ok pass passed complete completed"
    " done finished erledigt erfolgreich fertig abgeschlossen",
    ExecutionStatus.FAILED: "fail failed failure error errored crash crashed broken "
    "timeout timed_out"
    " timedout node_fail boot_fail out_of_memory oom deadline upstream_failed"
    " fehlgeschlagen fehler fehlerhaft",
    ExecutionStatus.CANCELLED: "cancel canceled cancelled abort aborted killed revoked preempted"
    " storniert abgebrochen",
    ExecutionStatus.PARTIAL: "partial unstable",
    ExecutionStatus.UNKNOWN: "unknown lost",
    ExecutionStatus.SUBMITTED: "submitted queued pending scheduled created waiting"
    " offen wartend geplant",
    ExecutionStatus.RUNNING: "running started in_progress active processing cancelling canceling"
    " laufend läuft in_bearbeitung in_arbeit",
}


IGNORE: Final = "ignore"
StatusMeaning = ExecutionStatus | Literal["ignore"]


def status_choices() -> str:
    """All that a word of a log may be mapped to, as a sentence lists them."""
    return ", ".join((*STATUS_WORDS, IGNORE))


def status_words() -> dict[str, ExecutionStatus]:
    return {word: status for status, words in STATUS_WORDS.items() for word in words.split()}


def plain_word(word: str) -> str:
    """A word of a status as it is compared."""
    return word.strip().lower().replace(" ", "_").replace("-", "_")


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which column gives which field.

    columns: field -> column; a field that is not named here takes the column of its own name.
    constants: field -> the value that every row has.
    inputs, outcome: key -> column; `inputs` may be "*": every column that nothing else uses.
    statuses: the log's own words for how work ended, in any case, before the common ones; a * in a
    word stands for any text. Rows whose word is to be ignored are no executions.
    timezone: of instants that name none. epoch: the unit of instants that are plain numbers.
    types: column -> how its cells are read, where that is not left to their form.
    date_formats: of instants, as strptime has them. decimal, thousands: the marks within numbers.
    missing: words that mean "no value", beside the usual ones. encoding: of a file of text.
    """

    records: Records = "executions"
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] | Literal["*"] = field(default_factory=dict)
    outcome: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, StatusMeaning] = field(default_factory=dict)
    timezone: str = "UTC"
    epoch: Epoch | None = None
    delimiter: str | None = None
    types: Mapping[str, CellType] = field(default_factory=dict)
    date_formats: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str | None = None
    missing: tuple[str, ...] = ()
    encoding: str | None = None

    def __post_init__(self) -> None:
        _check_fields(self)
        check_marks(self.decimal, self.thousands)
        for date_format in self.date_formats:
            check_date_format(date_format)
        _check_encoding(self.encoding)
        _check_timezone(self.timezone)
        if self.epoch is not None and self.epoch not in get_args(Epoch):
            raise BadInput(f"epoch: {self.epoch!r} is not s, ms or us", "epoch")
        if self.delimiter is not None and len(self.delimiter.encode()) != 1:
            raise BadInput(f"delimiter: {self.delimiter!r} is not one character", "delimiter")

    @property
    def digest(self) -> str:
        """The digest of this mapping; with another mapping the same file is another ingest."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        plain = {n: dict(p) if isinstance(p, Mapping) else p for n, p in parts.items()}
        # Parts that came later count only where they say something: earlier digests stay.
        later = {name: plain.pop(name) for name in LATER_PARTS}
        said = {name: part for name, part in later.items() if part not in (None, {}, (), ".")}
        text = json.dumps([*plain.values(), *([said] if said else [])], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class ResolvedMapping:
    """A mapping applied to a header: all of its columns exist, and "*" is spelt out.

    id_columns: those whose values make the id together; empty: one column does, or none.
    """

    columns: Mapping[str, str]
    inputs: Mapping[str, str]
    outcome: Mapping[str, str]
    id_columns: tuple[str, ...] = ()

    @property
    def field_columns(self) -> tuple[str, ...]:
        """The columns of all fields."""
        return *self.columns.values(), *self.id_columns


def split_source(document: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The source that a mapping file may name, and the mapping without it.

    >>> split_source({"source": "ci", "inputs": ["branch"]})
    ('ci', {'inputs': ['branch']})
    """
    remaining = dict(document)
    source = remaining.pop("source", None)
    if source is not None and not isinstance(source, str):
        raise BadInput(f"source: {source!r} is not a name", "source")
    return source, remaining


def _without_times(remaining: dict[str, Any]) -> dict[str, str]:
    """The constants of a log that says no times: its rows have no order, and none is made up."""
    no_times = remaining.pop("no_times", False)
    if not isinstance(no_times, bool):
        raise BadInput(f"no_times: {no_times!r} is neither true nor false", "no_times")
    if not no_times:
        return {}
    if remaining.get("records", "executions") != "executions":
        raise BadInput("no_times: metric points need their times", "no_times")
    named = {**remaining.get("columns", {}), **remaining.get("constants", {})}
    if timed := sorted({"submitted", "started", "finished", "known_at"} & named.keys()):
        raise BadInput(f"no_times: {timed[0]} is mapped as well; leave one out", "no_times")
    return {"submitted": NO_TIME, "finished": NO_TIME}


def declare(document: Mapping[str, Any]) -> ColumnMapping:
    """Read a mapping as a file or the command line declares it.

    >>> declare({"columns": {"id": "run", "submitted": "queued_at"}, "inputs": ["branch"]}).columns
    mappingproxy({'source_id': 'run', 'submitted': 'queued_at'})
    """
    remaining = dict(document)
    timeless = _without_times(remaining)
    records: Records = remaining.pop("records", "executions")
    if records not in FIELDS:
        raise BadInput(f"records: {records!r} is neither executions nor metrics", "records")
    types = {
        str(column): split_type(f"{name}:{column}")[0]
        for column, name in _fields(remaining.pop("types", {}), "types").items()
    }
    inputs = _keys(remaining.pop("inputs", {}), "inputs", types)
    outcome = _keys(remaining.pop("outcome", {}), "outcome", types)
    if isinstance(outcome, str):
        raise BadInput("outcome: name its columns; '*' is for inputs only", "outcome")
    return ColumnMapping(
        records=records,
        columns=_fields(remaining.pop("columns", {}), "columns"),
        constants=_fields(dict(remaining.pop("constants", {})) | timeless, "constants"),
        inputs=inputs,
        outcome=outcome,
        statuses=_statuses(remaining.pop("status", {})),
        types=MappingProxyType(types),
        **_plain_parts(remaining),
    )


def _plain_parts(document: dict[str, Any]) -> dict[str, Any]:
    """The parts that are words or lists of words; BadInput names a part that is none."""
    plain = {
        "timezone": document.pop("timezone", "UTC"),
        "epoch": document.pop("epoch", None),
        "delimiter": document.pop("delimiter", None),
        "date_formats": _words(document.pop("date_format", ()), "date_format"),
        "decimal": document.pop("decimal", "."),
        "thousands": document.pop("thousands", None),
        "missing": _words(document.pop("missing", ()), "missing"),
        "encoding": document.pop("encoding", None),
    }
    if document:
        raise BadInput(
            f"mapping: {sorted(document)[0]!r} is no part of a mapping; parts are {PARTS}"
        )
    return plain


def resolve(mapping: ColumnMapping, header: Iterable[str]) -> ResolvedMapping:
    """Find the mapped columns in a header; BadInput names a missing one and those that exist."""
    names = list(header)
    columns = {
        field_name: field_name
        for field_name in FIELDS[mapping.records]
        if field_name in names and field_name not in mapping.constants
    }
    if "id" in names and "source_id" not in columns and mapping.records == "executions":
        columns["source_id"] = "id"
    columns |= dict(mapping.columns)
    id_columns = _id_columns(columns, names)
    mapped = [*columns.items(), *mapping.outcome.items()]
    if not isinstance(mapping.inputs, str):
        mapped += mapping.inputs.items()
    for name, column in mapped:
        if column not in names:
            raise BadInput(
                f"{name}: there is no column {column!r}; there are {_listed(names)}", name
            )
    _check_types(mapping, names)
    _check_required(mapping, columns, names)
    used = {*columns.values(), *id_columns, *mapping.outcome.values()}
    every = {name: name for name in names if name and name not in used}
    inputs = every if isinstance(mapping.inputs, str) else dict(mapping.inputs)
    return ResolvedMapping(columns, inputs, dict(mapping.outcome), id_columns)


def _id_columns(columns: dict[str, str], names: list[str]) -> tuple[str, ...]:
    """Take an id of several columns, A+B, out of `columns`; a column may have a + in its name."""
    written = columns.get("source_id", "")
    if "+" not in written or written in names:
        return ()
    parts = tuple(part.strip() for part in written.split("+"))
    for part in parts:
        if part not in names:
            raise BadInput(f"id: there is no column {part!r}; there are {_listed(names)}", "id")
    del columns["source_id"]
    return parts


def _check_types(mapping: ColumnMapping, names: list[str]) -> None:
    for column, cell_type in mapping.types.items():
        if column not in names:
            raise BadInput(
                f"{cell_type}:{column}: there is no column {column!r}; there are {_listed(names)}"
            )


def _check_required(mapping: ColumnMapping, columns: Mapping[str, str], names: list[str]) -> None:
    for name in REQUIRED[mapping.records]:
        if name not in columns and name not in mapping.constants:
            raise BadInput(
                f"{name}: no column is mapped to it; say --map {name}=COLUMN, where COLUMN is one"
                f" of {_listed(names)}",
                name,
            )


def _check_fields(mapping: ColumnMapping) -> None:
    fields = FIELDS[mapping.records]
    for name in (*mapping.columns, *mapping.constants):
        if name not in fields:
            raise BadInput(_unknown_field(name, mapping), name)
    durations = {"duration_s", "duration_ms"} & {*mapping.columns, *mapping.constants}
    if len(durations) > 1:
        raise BadInput("duration_ms: duration_s is mapped as well; name one", "duration_ms")
    if both := sorted(set(mapping.columns) & set(mapping.constants)):
        raise BadInput(f"{both[0]}: it has both a column and a constant", both[0])
    if mapping.records == "metrics" and (mapping.inputs or mapping.outcome or mapping.statuses):
        raise BadInput("metrics have no inputs, outcome or status")


def _unknown_field(name: str, mapping: ColumnMapping) -> str:
    aliases = {field: alias for alias, field in ALIASES.items()}
    names = [aliases.get(field, field) for field in FIELDS[mapping.records]]
    message = f"unknown field {name!r}; fields of {mapping.records}: {_listed(names)}"
    if mapping.records == "metrics":
        return message
    return f"{message}; map what was known at submission as an input, a result as an outcome"


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        message = f"timezone: {name!r} is not a time zone, such as UTC or Europe/Paris"
        raise BadInput(message, "timezone") from error


def _check_encoding(name: str | None) -> None:
    try:
        codecs.lookup(name or "utf-8")
    except LookupError as error:
        message = f"encoding: {name!r} is not an encoding, such as utf-8, cp1252 or utf-16"
        raise BadInput(message, "encoding") from error


def _fields(declared: Any, part: str) -> Mapping[str, str]:  # noqa: ANN401  (what a file holds)
    if not isinstance(declared, Mapping):
        raise BadInput(f"{part}: {declared!r} is not a table of field = value", part)
    named = {ALIASES.get(str(name), str(name)): str(value) for name, value in declared.items()}
    return MappingProxyType(named)


def _keys(
    declared: Any,  # noqa: ANN401
    part: str,
    types: dict[str, CellType],
) -> Mapping[str, str] | Literal["*"]:
    """Key -> column. The types that stand before names, as in text:release, go into `types`."""
    if isinstance(declared, Mapping):
        named = {str(key): str(column) for key, column in declared.items()}
    elif declared == EVERY_OTHER_COLUMN:
        named = {EVERY_OTHER_COLUMN: EVERY_OTHER_COLUMN}
    elif isinstance(declared, str) or not isinstance(declared, Iterable):
        raise BadInput(f"{part}: {declared!r} is neither a list of columns nor a table", part)
    else:
        named = {str(column): str(column) for column in declared}
    plain, typed = split_types(named)
    for column, cell_type in typed.items():
        if types.setdefault(column, cell_type) != cell_type:
            raise BadInput(f"{part}: column {column!r} is both {types[column]} and {cell_type}")
    if EVERY_OTHER_COLUMN in plain.values():
        return "*"
    return MappingProxyType(plain)


def _words(declared: Any, part: str) -> tuple[str, ...]:  # noqa: ANN401
    if isinstance(declared, str):
        return (declared,)
    if isinstance(declared, Mapping) or not isinstance(declared, Iterable):
        raise BadInput(f"{part}: {declared!r} is neither a word nor a list of words", part)
    return tuple(str(word) for word in declared)


def _statuses(declared: Any) -> Mapping[str, StatusMeaning]:  # noqa: ANN401
    statuses: dict[str, StatusMeaning] = {}
    for word, name in _fields(declared, "status").items():
        meaning = name.strip().lower()
        if meaning == IGNORE:
            statuses[word] = IGNORE
        elif meaning in tuple(ExecutionStatus):
            statuses[word] = ExecutionStatus(meaning)
        else:
            raise BadInput(f"status: {word}={name}: {name!r} is not {status_choices()}", "status")
    return MappingProxyType(statuses)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(str(name) for name in names)
