"""Rows of a tool's own log, in the fields of an execution, checked like those of any log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.records import validate
from runlore.records.clock_skew import in_sequence, tolerance_us
from runlore.records.execution import EXECUTION_COLUMNS
from runlore.records.formats import json_text
from runlore.records.formats.json_text import JsonText
from runlore.records.formats.parsed import Parsed, refused
from runlore.records.validate import LATEST_US, RowCheck, judge, mask

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ToolRows:
    """N rows of a tool's log. Arrow arrays of N; text is "" and instants are null when unknown.

    source_id, actor, kind, scope: text. submitted, started, finished: int64 µs since 1970.
    status: the value of an ExecutionStatus; null for a word that is not known.
    words: the log's own words for the status. inputs: key -> what was known at submission;
    outcome: key -> what was measured; a null is left out. line: (N,) numbers in the file.
    raw: returns the text to show for rows at positions. known_at: null means finished, else
    started, else submitted. stamps: field -> the log's own text of an instant, shown in rejects.
    """

    line: Ints
    raw: Callable[[Ints], pa.Array]
    source_id: pa.Array
    actor: pa.Array
    kind: pa.Array
    scope: pa.Array
    submitted: pa.Array
    started: pa.Array
    finished: pa.Array
    status: pa.Array
    words: pa.Array
    inputs: Mapping[str, pa.Array | JsonText] = field(default_factory=dict)
    outcome: Mapping[str, pa.Array] = field(default_factory=dict)
    known_at: pa.Array | None = None
    stamps: Mapping[str, pa.Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.line.size


def checked(
    rows: ToolRows, source: str, now_us: int = LATEST_US, more: Sequence[RowCheck] = ()
) -> Parsed:
    """The rows as facts. Rows that cannot be true are rejects, with the reason.

    now_us: rows with an instant after it are rejects; starts and ends that are a little too early
    are moved into order when it is an `IngestClock`. more: checks of the tool's own.
    """
    tolerance = tolerance_us(now_us)
    ordered = in_sequence(rows.submitted, rows.started, rows.finished, tolerance)
    rows = replace(rows, started=ordered.started, finished=ordered.finished)
    columns = _columns(rows, source)
    table = pa.table({name: columns[name] for name in ("line", *EXECUTION_COLUMNS)})
    refusals = judge([*_checks(rows, now_us), *more], len(rows))
    is_accepted = refusals.accepted(len(rows))
    warnings = ordered.warnings(is_accepted)
    if not refusals.rows.size:
        nothing = refused(refusals, rows.line, pa.array([], pa.string()))
        return Parsed(table, nothing, warnings=warnings)
    accepted = table.filter(pa.array(is_accepted)).combine_chunks()
    rejects = refused(refusals, rows.line, rows.raw(refusals.rows))
    return Parsed(accepted, rejects, warnings=warnings)


def _columns(rows: ToolRows, source: str) -> dict[str, pa.Array]:
    count = len(rows)
    text = {name: _text(getattr(rows, name)) for name in ("source_id", "actor", "kind", "scope")}
    known_at = pa.nulls(count, pa.int64()) if rows.known_at is None else rows.known_at
    return {
        "line": pa.array(rows.line),
        "source": pa.repeat(source, count),
        **text,
        "inputs": json_text.objects(rows.inputs, count),
        "submitted": rows.submitted,
        "started": rows.started,
        "finished": rows.finished,
        "status": rows.status,
        "outcome": json_text.objects(rows.outcome, count),
        "submission_known_at": rows.submitted,
        "known_at": pc.coalesce(known_at, rows.finished, rows.started, rows.submitted),
    }


def _text(values: pa.Array) -> pa.Array:
    return pc.fill_null(pc.utf8_trim_whitespace(pc.cast(values, pa.string())), "")


def _checks(rows: ToolRows, now_us: int) -> list[RowCheck]:
    nothing = pa.nulls(len(rows), pa.string())
    instants = {name: getattr(rows, name) for name in ("submitted", "started", "finished")}
    stamps = {name: rows.stamps.get(name, nothing) for name in instants}
    texts = {name: getattr(rows, name) for name in ("source_id", "actor", "kind", "scope")}
    return [
        RowCheck(mask(pc.equal(pc.binary_length(_text(rows.source_id)), 0)), "id is empty"),
        *(validate.key_check(name, _text(values)) for name, values in texts.items()),
        *(
            check
            for name, us in instants.items()
            for check in validate.instant_checks(name, us, stamps[name], is_required=False)
        ),
        RowCheck(mask(rows.submitted.is_null()), "the time of submission is missing"),
        *(validate.future_check(name, us, stamps[name], now_us) for name, us in instants.items()),
        *validate.order_checks(rows.submitted, rows.started, rows.finished),
        RowCheck(mask(rows.status.is_null()), "status '{}' is unknown", rows.words),
    ]
