"""Cells of inputs and outcomes as JSON values, by the type of their column or by their form."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.cell_forms import CellType
from runlore.records.formats.column_types import as_text
from runlore.records.formats.durations import seconds
from runlore.records.formats.instants import NO_VALUE_WORDS, numbers
from runlore.records.formats.json_text import JsonText
from runlore.records.formats.memory import memory_bytes
from runlore.records.formats.number_text import NumberForm, json_numbers

NOUNS: dict[CellType, str] = {
    "number": "a number",
    "duration": "a length of time",
    "memory": "an amount of memory",
}


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a column. is_bad: cells that are not of the column's type; None: no cell is."""

    json: "pa.Array | JsonText"
    is_bad: pa.Array | None = None


def typed(column: pa.Array, cell_type: CellType, form: NumberForm) -> Values:
    """Cells of one type: words for "no value" are null, other cells that do not fit are bad."""
    if cell_type == "text":
        return Values(as_text(column))
    if not pa.types.is_string(column.type):
        return _of_numbers(column, cell_type)
    text = pc.if_else(no_value(column), None, column)
    values = amounts(text, cell_type, form)
    is_bad = pc.and_(text.is_valid(), values.is_null())
    return Values(JsonText(values) if cell_type == "number" else values, is_bad)


def no_value(text: pa.Array) -> pa.Array:
    """(N,): whether a cell says that there is no value, as "-" and "Unknown" do."""
    return pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(text)), value_set=NO_VALUE_WORDS)


def amounts(text: pa.Array, cell_type: CellType, form: NumberForm, unit: float = 1.0) -> pa.Array:
    """JSON numbers; for durations and memory float64 seconds and bytes. unit: of plain numbers."""
    plain = json_numbers(text, form)
    if cell_type == "number":
        return plain
    of_numbers = pc.multiply(numbers(plain), unit)
    if of_numbers.null_count == text.null_count:
        return of_numbers
    return pc.coalesce(of_numbers, seconds(text) if cell_type == "duration" else memory_bytes(text))


def _of_numbers(column: pa.Array, cell_type: CellType) -> Values:
    """A column that has a type: numbers are seconds and bytes already."""
    if pa.types.is_decimal(column.type) or pa.types.is_boolean(column.type):
        return Values(column)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return Values(column)
    text = pc.cast(column, pa.string())
    return typed(text, cell_type, NumberForm())
