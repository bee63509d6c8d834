"""Columns of any origin as executions or metric points, by a mapping."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.records import validate
from runlore.records.cell_forms import CellType
from runlore.records.clock_skew import (
    CLAMPED,
    OrderedInstants,
    in_sequence,
    not_before,
    tolerance_us,
)
from runlore.records.execution import EXECUTION_COLUMNS, ExecutionStatus
from runlore.records.formats import json_text
from runlore.records.formats.cell_checks import (
    duration_checks,
    known_check,
    status_checks,
    text_checks,
    type_check,
)
from runlore.records.formats.cell_values import amounts, no_value, typed
from runlore.records.formats.column_types import as_text, seconds_of
from runlore.records.formats.field_instants import (
    FieldInstants,
    ambiguity,
    refuse_two_readings,
    two_readings_check,
)
from runlore.records.formats.instants import InstantForm, numbers, read_instants
from runlore.records.formats.local_times import in_order
from runlore.records.formats.number_marks import remarks_on_marks
from runlore.records.formats.number_text import ALONE, MEASURED, CellRule, NumberForm, rule_of
from runlore.records.formats.parsed import Parsed, refused
from runlore.records.formats.row_ids import RowIds, joined_ids
from runlore.records.formats.run_lengths import begun_before, microseconds, with_length
from runlore.records.formats.status_words import StatusWords
from runlore.records.mapping import ColumnMapping, ResolvedMapping
from runlore.records.metric_points import METRIC_COLUMNS
from runlore.records.validate import Mask, RowCheck, judge, mask

Ints = NDArray[np.int64]

DECIDING_CELLS = 100
LATER = ("started", "finished", "known_at")
INSTANTS = ("submitted", *LATER)


@dataclass(frozen=True)
class Cells:
    """A chunk's N rows by column. line: (N,). raw: returns the text to show for rows at positions.

    is_typed: the columns have types; otherwise all cells are text, numbers included. json: the
    values of columns that already are JSON.
    """

    columns: Mapping[str, pa.Array]
    line: Ints
    raw: Callable[[Ints], pa.Array]
    is_typed: bool = False
    json: Mapping[str, pa.Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.line.size

    def where(self, keep: Mask) -> "Cells":
        """The rows that are to be kept."""
        rows, chosen = np.flatnonzero(keep), pa.array(keep)
        return replace(
            self,
            columns={name: column.filter(chosen) for name, column in self.columns.items()},
            line=self.line[rows],
            raw=lambda at: self.raw(rows[at]),
            json={name: column.filter(chosen) for name, column in self.json.items()},
        )


@dataclass(frozen=True)
class Reader:
    """Reads the cells of one source. ids: makes names for rows without one. now_us: rows with an
    instant after it are refused. rules: column -> how its untyped cells are read."""

    source: str
    mapping: ColumnMapping
    resolved: ResolvedMapping
    ids: RowIds
    now_us: int = validate.LATEST_US
    rules: Mapping[str, CellRule] = field(default_factory=dict)

    def read(self, cells: Cells) -> Parsed:
        if self.mapping.records == "metrics":
            return self._points(cells)
        if not self._statuses.has_ignored:
            return self._executions(cells)
        is_ignored, skipped = self._statuses.ignored(self._status_words(cells))
        if not skipped:
            return self._executions(cells)
        return replace(self._executions(cells.where(~is_ignored)), skipped=skipped)

    @property
    def counts_rows(self) -> bool:
        """Whether the names of rows depend on the rows before them."""
        has_id = "source_id" in self.resolved.columns or self.resolved.id_columns
        return self.mapping.records == "executions" and not has_id

    @cached_property
    def numbers(self) -> NumberForm:
        return NumberForm(self.mapping.decimal, self.mapping.thousands)

    @cached_property
    def _instant_form(self) -> InstantForm:
        mapping = self.mapping
        return InstantForm(mapping.timezone, mapping.epoch, mapping.date_formats)

    def check_dates(self, cells: Cells) -> None:
        """Raise BadInput when the dates of the first rows have two readings."""
        if not self.mapping.date_formats:
            for name in (*INSTANTS, "at"):
                refuse_two_readings(name, self._cell(cells, name))

    @property
    def guessed_columns(self) -> set[str]:
        """The inputs whose type nobody named. An outcome is measured: its zeros say nothing."""
        if self.mapping.records == "metrics":
            return set()
        of_type = {*self.resolved.outcome.values(), *self.mapping.types}
        return set(self.resolved.inputs.values()) - of_type

    def with_rules_of(self, cells: Cells) -> "Reader":
        """The reader that reads such columns as the first rows of the log suggest.

        A column that shows no code, release or decimals has no rule before it has many values.
        """
        names = self.guessed_columns - set(self.rules)
        columns = {name: self._present(cells.columns[name]) for name in sorted(names)}
        column_rules = {name: rule_of(column, self.numbers) for name, column in columns.items()}
        decided = {
            name: rule
            for name, rule in column_rules.items()
            if rule != ALONE or len(columns[name].drop_null()) >= DECIDING_CELLS
        }
        return replace(self, rules={**decided, **self.rules})

    def _executions(self, cells: Cells) -> Parsed:
        text = {name: self._text(cells, name) for name in ("actor", "kind", "scope")}
        text["source_id"] = self._source_id(cells)
        fields = {name: self._instant(cells, name) for name in INSTANTS}
        instants = self._in_order(fields)
        duration, seconds = self._duration(cells)
        submitted, length_us = instants["submitted"], microseconds(seconds)
        ordered = self._in_sequence(instants, length_us)
        instants["started"], finished = ordered.started, ordered.finished
        words, status = self._status(cells, instants["started"], finished)
        known_at = self._known_at(instants, finished)
        inputs, bad_inputs = self._values(cells, self.resolved.inputs)
        measured, bad_outcomes = self._values(cells, self.resolved.outcome)
        outcome = with_length(measured, ordered.started, length_us)
        columns = {
            "line": pa.array(cells.line),
            "source": pa.repeat(self.source, len(cells)),
            **text,
            "inputs": json_text.objects(inputs, len(cells)),
            "submitted": submitted,
            "started": instants["started"],
            "finished": finished,
            "status": status,
            "outcome": json_text.objects(outcome, len(cells)),
            "submission_known_at": submitted,
            "known_at": known_at,
        }
        checks = [
            *text_checks(text, required="source_id"),
            *self._instant_checks(fields, instants, required="submitted"),
            *duration_checks(duration, seconds),
            *validate.order_checks(submitted, instants["started"], finished),
            *status_checks(words, status, finished),
            known_check(known_at, submitted),
            validate.future_check("duration_s", finished, duration, self.now_us),
            *bad_inputs,
            *bad_outcomes,
        ]
        remarks = {CLAMPED: ordered.is_moved, **self._remarks(cells, fields)}
        return _decide(cells, checks, columns, ("line", *EXECUTION_COLUMNS), remarks)

    def _in_sequence(self, instants: Mapping[str, pa.Array], us: pa.Array) -> OrderedInstants:
        """Starts and ends, each from the other and the length where that is all there is."""
        submitted, finished = instants["submitted"], instants["finished"]
        started = begun_before(instants["started"], finished, submitted, us)
        finished = pc.coalesce(finished, pc.add(pc.coalesce(started, submitted), us))
        return in_sequence(submitted, started, finished, tolerance_us(self.now_us))

    def _known_at(self, instants: Mapping[str, pa.Array], finished: pa.Array) -> pa.Array:
        submitted = instants["submitted"]
        known_at = pc.coalesce(instants["known_at"], finished, instants["started"], submitted)
        return not_before(known_at, submitted, tolerance_us(self.now_us))

    def _points(self, cells: Cells) -> Parsed:
        fields = {name: self._instant(cells, name) for name in ("at", "known_at")}
        at, known_at = (instant.read.us for instant in fields.values())
        text = {name: self._text(cells, name) for name in ("name", "scope")}
        raw_value = self._cell(cells, "value")
        value = self._amount(raw_value, "number", 1.0)
        columns = {
            "line": pa.array(cells.line),
            "source": pa.repeat(self.source, len(cells)),
            **text,
            "at": at,
            "value": value,
            "known_at": pc.coalesce(known_at, at),
        }
        checks = [
            *self._instant_checks(fields, {"at": at, "known_at": known_at}, required="at"),
            *text_checks(text, required="name"),
            RowCheck(mask(raw_value.is_null()), "value is empty"),
            RowCheck(~mask(pc.is_finite(value)), "value: '{}' is not a finite number", raw_value),
            RowCheck(mask(pc.less(known_at, at)), "known_at is before at"),
        ]
        remarks = ambiguity(fields.values(), self.mapping.timezone)
        return _decide(cells, checks, columns, ("line", *METRIC_COLUMNS), remarks)

    def _cell(self, cells: Cells, name: str) -> pa.Array:
        """(N,): the rows' values of a field; null where a row has none."""
        if name in self.mapping.constants:
            return pa.repeat(self.mapping.constants[name], len(cells))
        column = self.resolved.columns.get(name)
        if column is None:
            return pa.nulls(len(cells), pa.string())
        return self._present(cells.columns[column])

    def _present(self, column: pa.Array) -> pa.Array:
        """The column without the mapping's own words for "no value"."""
        if not self.mapping.missing or not pa.types.is_string(column.type):
            return column
        words = pa.array(self.mapping.missing)
        is_missing = pc.is_in(pc.utf8_trim_whitespace(column), value_set=words)
        return pc.if_else(is_missing, None, column)

    def _text(self, cells: Cells, name: str) -> pa.Array:
        text = as_text(self._cell(cells, name))
        return pc.fill_null(pc.utf8_trim_whitespace(text), "")

    def _source_id(self, cells: Cells) -> pa.Array:
        if self.counts_rows:
            return self.ids.assign(cells.columns.values(), len(cells))
        if self.resolved.id_columns:
            return joined_ids(
                [self._present(cells.columns[name]) for name in self.resolved.id_columns]
            )
        return self._text(cells, "source_id")

    def _instant(self, cells: Cells, name: str) -> FieldInstants:
        cell = self._cell(cells, name)
        read = read_instants(cell, self._instant_form)
        return FieldInstants(cell, read)

    def _in_order(self, fields: Mapping[str, FieldInstants]) -> dict[str, pa.Array]:
        """The instants by field, each with the reading that keeps their order.

        The year 1970 begins with a zero, which is no instant beside another submission.
        """
        submitted = fields["submitted"].read.us
        times = {name: fields[name].without_zeros(submitted) for name in LATER}
        for chain in (("started", "finished"), ("known_at",)):
            clocks = [fields[name].read.naive for name in ("submitted", *chain)]
            order = [submitted, *(times[name] for name in chain)]
            tolerance = tolerance_us(self.now_us)
            read = in_order(clocks, order, self.mapping.timezone, tolerance)
            times |= dict(zip(chain, read[1:], strict=True))
        return {"submitted": submitted, **times}

    def _instant_checks(
        self, fields: Mapping[str, FieldInstants], instants: Mapping[str, pa.Array], required: str
    ) -> list[RowCheck]:
        return [
            check
            for name, us in instants.items()
            for cell in [fields[name].shown(us)]
            for check in (
                two_readings_check(name, us, cell),
                *validate.instant_checks(name, us, cell, is_required=name == required),
                validate.future_check(name, us, cell, self.now_us),
            )
        ]

    def _duration(self, cells: Cells) -> tuple[pa.Array, pa.Array]:
        """The cells of the duration, and their seconds."""
        is_ms = "duration_ms" in {*self.resolved.columns, *self.mapping.constants}
        cell = self._cell(cells, "duration_ms" if is_ms else "duration_s")
        seconds = self._amount(cell, "duration", 1e-3 if is_ms else 1.0)
        if pa.types.is_duration(cell.type):
            cell = seconds
        if pa.types.is_string(cell.type) and cell.null_count < len(cell):
            cell = pc.if_else(no_value(cell), None, cell)
        return cell, seconds

    def _amount(self, cell: pa.Array, cell_type: CellType, unit: float) -> pa.Array:
        """float64; `unit` is what one is worth in a plain number."""
        if pa.types.is_duration(cell.type):
            return seconds_of(cell)
        if cell.null_count == len(cell):
            return pa.nulls(len(cell), pa.float64())
        if not pa.types.is_string(cell.type):
            return pc.multiply(numbers(cell), unit)
        return numbers(amounts(cell, cell_type, self.numbers, unit))

    def _status(self, cells: Cells, started: pa.Array, finished: pa.Array) -> tuple[Any, Any]:
        """The status words of the rows, and their meanings: null for an unknown word.

        A row without a word is open unless it has finished; then its status is unknown.
        """
        words = self._status_words(cells)
        when_silent = pc.if_else(
            finished.is_valid(),
            ExecutionStatus.UNKNOWN.value,
            pc.if_else(
                started.is_valid(), ExecutionStatus.RUNNING.value, ExecutionStatus.SUBMITTED.value
            ),
        )
        if words.null_count == len(words):
            return words, when_silent
        meant = self._statuses.meanings(words)
        return words, pc.if_else(words.is_null(), when_silent, meant)

    def _status_words(self, cells: Cells) -> pa.Array:
        words = self._cell(cells, "status")
        return words if pa.types.is_string(words.type) else pc.cast(words, pa.string())

    @cached_property
    def _statuses(self) -> StatusWords:
        return StatusWords(self.mapping.statuses)

    def _values(
        self, cells: Cells, keys: Mapping[str, str]
    ) -> tuple[dict[str, "pa.Array | json_text.JsonText"], list[RowCheck]]:
        """The values of the keys, and checks of the columns that have a type."""
        values: dict[str, pa.Array | json_text.JsonText] = {}
        checks = []
        for key, name in keys.items():
            column = self._present(cells.columns[name])
            if pa.types.is_duration(column.type):
                column = seconds_of(column)
            cell_type = self.mapping.types.get(name)
            if cell_type is None:
                values[key] = self._by_form(cells, name, column)
                continue
            read = typed(column, cell_type, self.numbers)
            values[key] = read.json
            if read.is_bad is not None:
                checks.append(type_check(name, cell_type, column, read.is_bad))
        return values, checks

    def _remarks(self, cells: Cells, fields: Mapping[str, FieldInstants]) -> dict[str, Mask]:
        """On times with two readings, and on numbers that stay text for the marks within them."""
        names = {*self.resolved.inputs.values(), *self.resolved.outcome.values()}
        untyped = sorted(names - {*self.mapping.types, *cells.json}) if not cells.is_typed else ()
        marks = remarks_on_marks({name: cells.columns[name] for name in untyped}, self.numbers)
        return ambiguity(fields.values(), self.mapping.timezone) | marks

    def _by_form(
        self, cells: Cells, name: str, column: pa.Array
    ) -> "pa.Array | json_text.JsonText":
        """The values of a column whose type nobody named."""
        if name in cells.json:
            return json_text.JsonText(pc.if_else(column.is_null(), None, cells.json[name]))
        if cells.is_typed:
            return column
        is_outcome = name in self.resolved.outcome.values()
        rule = self.rules.get(name, MEASURED if is_outcome else ALONE)
        return json_text.JsonText(json_text.infer_json(column, rule, self.numbers))


def _decide(
    cells: Cells,
    checks: list[RowCheck],
    columns: Mapping[str, pa.Array],
    order: tuple[str, ...],
    remarks: Mapping[str, Mask],
) -> Parsed:
    refusals = judge(checks, len(cells))
    is_accepted = refusals.accepted(len(cells))
    counts = {remark: int((is_so & is_accepted).sum()) for remark, is_so in remarks.items()}
    warnings = {remark: rows for remark, rows in counts.items() if rows}
    table = pa.table({name: columns[name] for name in order})
    if not refusals.rows.size:
        nothing = refused(refusals, cells.line, pa.array([], pa.string()))
        return Parsed(table, nothing, warnings=warnings)
    accepted = table.filter(pa.array(is_accepted)).combine_chunks()
    rejects = refused(refusals, cells.line, cells.raw(refusals.rows))
    return Parsed(accepted, rejects, warnings=warnings)
