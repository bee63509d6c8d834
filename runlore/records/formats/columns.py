"""Columns of any origin as executions or metric points, by a mapping."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput
from runlore.records import validate
from runlore.records.clock_skew import (
    OrderedInstants,
    in_sequence,
    not_before,
    tolerance_us,
)
from runlore.records.execution import EXECUTION_COLUMNS, OPEN_STATUSES, ExecutionStatus
from runlore.records.formats import json_text
from runlore.records.formats.instants import microseconds, numbers
from runlore.records.formats.json_text import JsonText, infer_json
from runlore.records.formats.parsed import Parsed, refused
from runlore.records.formats.row_ids import RowIds
from runlore.records.mapping import ColumnMapping, ResolvedMapping, status_words
from runlore.records.metric_points import METRIC_COLUMNS
from runlore.records.validate import RowCheck, judge, mask

Ints = NDArray[np.int64]

INSTANTS = ("submitted", "started", "finished", "known_at")
MOST_SECONDS = 7.0e9  # longer than the span of instants that are accepted


@dataclass(frozen=True)
class Cells:
    """A chunk's N rows by column. line: (N,). raw: returns the text to show for rows at positions.

    is_typed: the columns have types; otherwise all cells are text, numbers included.
    """

    columns: Mapping[str, pa.Array]
    line: Ints
    raw: Callable[[Ints], pa.Array]
    is_typed: bool = False

    def __len__(self) -> int:
        return self.line.size


@dataclass(frozen=True)
class Reader:
    """Reads the cells of one source. ids: makes names for rows without one. now_us: rows with an
    instant after it are refused."""

    source: str
    mapping: ColumnMapping
    resolved: ResolvedMapping
    ids: RowIds
    now_us: int = validate.LATEST_US

    def read(self, cells: Cells) -> Parsed:
        if self.mapping.records == "metrics":
            return self._points(cells)
        return self._executions(cells)

    @property
    def counts_rows(self) -> bool:
        """Whether the names of rows depend on the rows before them."""
        return self.mapping.records == "executions" and "source_id" not in self.resolved.columns

    def _executions(self, cells: Cells) -> Parsed:
        text = {name: self._text(cells, name) for name in ("actor", "kind", "scope")}
        text["source_id"] = self._source_id(cells)
        instants = {name: self._instant(cells, name) for name in INSTANTS}
        duration = numbers(self._cell(cells, "duration_s"))
        began = pc.coalesce(instants["started"], instants["submitted"])
        finished = pc.coalesce(instants["finished"], _after(began, duration))
        ordered = self._in_sequence(instants, finished)
        instants["started"], finished = ordered.started, ordered.finished
        words, status = self._status(cells, instants["started"], finished)
        known_at = self._known_at(instants, finished)
        columns = {
            "line": pa.array(cells.line),
            "source": pa.repeat(self.source, len(cells)),
            **text,
            "inputs": self._object(cells, self.resolved.inputs),
            "submitted": instants["submitted"],
            "started": instants["started"],
            "finished": finished,
            "status": status,
            "outcome": self._object(cells, self.resolved.outcome),
            "submission_known_at": instants["submitted"],
            "known_at": known_at,
        }
        checks = [
            *_text_checks(text, required="source_id"),
            *self._instant_checks(cells, instants, required="submitted"),
            *_duration_checks(self._cell(cells, "duration_s"), duration),
            *validate.order_checks(instants["submitted"], instants["started"], finished),
            *_status_checks(words, status, finished),
            RowCheck(
                mask(pc.less(known_at, instants["submitted"])), "known_at is before submitted"
            ),
            validate.future_check(
                "duration_s", finished, self._cell(cells, "duration_s"), self.now_us
            ),
        ]
        return _decide(cells, checks, columns, ("line", *EXECUTION_COLUMNS), ordered)

    def _in_sequence(self, instants: Mapping[str, pa.Array], finished: pa.Array) -> OrderedInstants:
        tolerance = tolerance_us(self.now_us)
        return in_sequence(instants["submitted"], instants["started"], finished, tolerance)

    def _known_at(self, instants: Mapping[str, pa.Array], finished: pa.Array) -> pa.Array:
        submitted = instants["submitted"]
        known_at = pc.coalesce(instants["known_at"], finished, instants["started"], submitted)
        return not_before(known_at, submitted, tolerance_us(self.now_us))

    def _points(self, cells: Cells) -> Parsed:
        at, known_at = (self._instant(cells, name) for name in ("at", "known_at"))
        text = {name: self._text(cells, name) for name in ("name", "scope")}
        raw_value = self._cell(cells, "value")
        value = numbers(raw_value)
        columns = {
            "line": pa.array(cells.line),
            "source": pa.repeat(self.source, len(cells)),
            **text,
            "at": at,
            "value": value,
            "known_at": pc.coalesce(known_at, at),
        }
        checks = [
            *self._instant_checks(cells, {"at": at, "known_at": known_at}, required="at"),
            *_text_checks(text, required="name"),
            RowCheck(mask(raw_value.is_null()), "value is empty"),
            RowCheck(~mask(pc.is_finite(value)), "value: '{}' is not a finite number", raw_value),
            RowCheck(mask(pc.less(known_at, at)), "known_at is before at"),
        ]
        return _decide(cells, checks, columns, ("line", *METRIC_COLUMNS))

    def _cell(self, cells: Cells, name: str) -> pa.Array:
        """(N,): the rows' values of a field; null where a row has none."""
        if name in self.mapping.constants:
            return pa.repeat(self.mapping.constants[name], len(cells))
        column = self.resolved.columns.get(name)
        if column is None:
            return pa.nulls(len(cells), pa.string())
        return cells.columns[column]

    def _text(self, cells: Cells, name: str) -> pa.Array:
        text = pc.cast(self._cell(cells, name), pa.string())
        return pc.fill_null(pc.utf8_trim_whitespace(text), "")

    def _source_id(self, cells: Cells) -> pa.Array:
        if self.counts_rows:
            return self.ids.assign(cells.columns.values(), len(cells))
        return self._text(cells, "source_id")

    def _instant(self, cells: Cells, name: str) -> pa.Array:
        cell = self._cell(cells, name)
        return microseconds(cell, self.mapping.timezone, self.mapping.epoch)

    def _instant_checks(
        self, cells: Cells, instants: Mapping[str, pa.Array], required: str
    ) -> list[RowCheck]:
        return [
            check
            for name, us in instants.items()
            for cell in [self._cell(cells, name)]
            for check in (
                *validate.instant_checks(name, us, cell, is_required=name == required),
                validate.future_check(name, us, cell, self.now_us),
            )
        ]

    def _status(self, cells: Cells, started: pa.Array, finished: pa.Array) -> tuple[Any, Any]:
        """The status words of the rows, and their meanings: null for an unknown word.

        A row without a word is open unless it has finished; then its status is unknown.
        """
        words = self._cell(cells, "status")
        words = words if pa.types.is_string(words.type) else pc.cast(words, pa.string())
        when_silent = pc.if_else(
            finished.is_valid(),
            ExecutionStatus.UNKNOWN.value,
            pc.if_else(
                started.is_valid(), ExecutionStatus.RUNNING.value, ExecutionStatus.SUBMITTED.value
            ),
        )
        if words.null_count == len(words):
            return words, when_silent
        known = status_words() | {_plain(word): s for word, s in self.mapping.statuses.items()}
        plain = pc.utf8_lower(pc.utf8_trim_whitespace(words))
        plain = pc.replace_substring_regex(plain, "[ -]", "_")
        at = pc.index_in(plain, value_set=pa.array(list(known)))
        meant = pa.array([status.value for status in known.values()]).take(at)
        return words, pc.if_else(words.is_null(), when_silent, meant)

    def _object(self, cells: Cells, keys: Mapping[str, str]) -> pa.Array:
        values = {key: cells.columns[column] for key, column in keys.items()}
        if not cells.is_typed:
            values = {key: JsonText(infer_json(text)) for key, text in values.items()}
        return json_text.objects(values, len(cells))


def check_columns(cells: Mapping[str, pa.DataType]) -> None:
    """Raise BadInput for nested and binary columns, which an execution cannot hold."""
    for name, kind in cells.items():
        if pa.types.is_nested(kind) or pa.types.is_binary(kind):
            raise BadInput(f"column {name!r}: {kind} is neither text, number, instant nor boolean")


def _decide(
    cells: Cells,
    checks: list[RowCheck],
    columns: Mapping[str, pa.Array],
    order: tuple[str, ...],
    ordered: OrderedInstants | None = None,
) -> Parsed:
    refusals = judge(checks, len(cells))
    is_accepted = refusals.accepted(len(cells))
    warnings = {} if ordered is None else ordered.warnings(is_accepted)
    table = pa.table({name: columns[name] for name in order})
    if not refusals.rows.size:
        nothing = refused(refusals, cells.line, pa.array([], pa.string()))
        return Parsed(table, nothing, warnings=warnings)
    accepted = table.filter(pa.array(is_accepted)).combine_chunks()
    rejects = refused(refusals, cells.line, cells.raw(refusals.rows))
    return Parsed(accepted, rejects, warnings=warnings)


def _text_checks(text: Mapping[str, pa.Array], required: str) -> list[RowCheck]:
    is_empty = mask(pc.equal(pc.binary_length(text[required]), 0))
    too_long = [validate.key_check(name, values) for name, values in text.items()]
    return [RowCheck(is_empty, f"{required} is empty"), *too_long]


def _duration_checks(raw: pa.Array, seconds: pa.Array) -> list[RowCheck]:
    is_number = mask(pc.is_finite(seconds))
    return [
        RowCheck(mask(raw.is_valid()) & ~is_number, "duration_s: '{}' is not a number", raw),
        RowCheck(mask(pc.less(seconds, 0.0)), "duration_s is negative: '{}'", raw),
        RowCheck(mask(pc.greater(seconds, MOST_SECONDS)), "duration_s is absurd: '{}'", raw),
    ]


def _status_checks(words: pa.Array, status: pa.Array, finished: pa.Array) -> list[RowCheck]:
    unknown = mask(status.is_null()) & mask(words.is_valid())
    is_open = mask(pc.is_in(status, value_set=pa.array([s.value for s in OPEN_STATUSES])))
    return [
        RowCheck(unknown, "status '{}' is unknown; map it with --status '{}'=succeeded", words),
        RowCheck(
            is_open & mask(finished.is_valid()), "it has finished, but its status is '{}'", words
        ),
    ]


def _after(start: pa.Array, seconds: pa.Array) -> pa.Array:
    usable = pc.and_(pc.greater_equal(seconds, 0.0), pc.less_equal(seconds, MOST_SECONDS))
    us = pc.round(pc.multiply(pc.if_else(usable, seconds, None), 1e6)).cast(pa.int64())
    return pc.add(start, us)


def _plain(word: str) -> str:
    return word.strip().lower().replace(" ", "_").replace("-", "_")
