"""Cells of a tool's export, by the tool's own field names, out of JSON objects or a CSV file.

Names are compared without case and punctuation: `createdAt`, `created_at` and `Created At` are one
field, and so are `pipeline.id` of a nested object and a column `pipeline_id`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput
from runlore.records.formats import csv, instants
from runlore.records.formats.columns import Cells
from runlore.records.formats.durations import seconds
from runlore.records.formats.json_text import JsonText, quoted
from runlore.records.formats.parsed import MOST_RAW_CHARACTERS, Parsed
from runlore.records.validate import mask

Mask = NDArray[np.bool_]
Object = Mapping[str, Any]
WHOLE_NUMBER = r"^-?(0|[1-9][0-9]{0,14})$"
TRUTH = r"^(?i:true|false)$"


class CellReader(Protocol):
    """Reads the rows of a tool's export.

    fields: the names that it looks for, dotted where the tool's JSON is nested. required: columns
    without which a CSV file is no export of the tool; `a|b` means one of the two.
    """

    @property
    def fields(self) -> Sequence[str]: ...

    @property
    def required(self) -> Sequence[str]: ...

    @property
    def counts_rows(self) -> bool: ...

    def read(self, cells: Cells) -> Parsed: ...


@dataclass(frozen=True)
class ToolCells:
    """Typed access to cells by field name; the first name that has a value counts."""

    cells: Cells

    def __len__(self) -> int:
        return len(self.cells)

    def has(self, name: str) -> bool:
        return field_key(name) in self.cells.columns

    def text(self, *names: str) -> pa.Array:
        """Trimmed text; null where a row has none."""
        known = [self.cells.columns[key] for key in map(field_key, names) if self._is_known(key)]
        if not known:
            return pa.nulls(len(self), pa.string())
        trimmed = [pc.utf8_trim_whitespace(column) for column in known]
        filled = [pc.if_else(pc.equal(column, ""), None, column) for column in trimmed]
        return filled[0] if len(filled) == 1 else pc.coalesce(*filled)

    def words(self, *names: str) -> pa.Array:
        """A list of words, such as labels, with commas between them; null for none."""
        listed = pc.replace_substring_regex(self.text(*names), r'[\[\]{}"\s]', "")
        return pc.if_else(pc.equal(listed, ""), None, listed)

    def instant(self, *names: str, timezone: str = "UTC") -> pa.Array:
        """int64 µs since 1970; null where the text is no instant, and for years before 1970."""
        columns = [instants.microseconds(self.text(name), timezone, None) for name in names]
        known = [pc.if_else(pc.less_equal(us, 0), None, us) for us in columns]
        return known[0] if len(known) == 1 else pc.coalesce(*known)

    def stamp(self, *names: str) -> pa.Array:
        """The text of an instant, for the reasons of rejects; null where it says "not yet"."""
        text = self.text(*names)
        is_never = pc.match_substring_regex(text, r"^(0001-01-01|1970-01-01T00:00:00|0000-)")
        return pc.if_else(is_never, None, text)

    def is_silent(self, *names: str) -> Mask:
        """Rows that name no instant; one that cannot be read is no silence."""
        return mask(self.stamp(*names).is_null())

    def epoch_ms(self, *names: str) -> pa.Array:
        """int64 µs out of milliseconds since 1970; null for 0 and below."""
        us = instants.microseconds(self.text(*names), "UTC", "ms")
        return pc.if_else(pc.less_equal(us, 0), None, us)

    def number(self, *names: str) -> pa.Array:
        """float64; null where the text is no finite number."""
        values = instants.numbers(self.text(*names))
        return pc.if_else(pc.is_finite(values), values, None)

    def span_us(self, *names: str, unit_s: float = 1.0) -> pa.Array:
        """int64 µs out of a length of time that is not negative; null otherwise."""
        us = pc.multiply(seconds(self.text(*names), unit_s), 1e6)
        within = pc.and_(pc.greater_equal(us, 0.0), pc.less(us, 1e16))
        return pc.round(pc.if_else(within, us, None)).cast(pa.int64())

    def truth(self, name: str) -> pa.Array:
        """Booleans of true, t, 1 and the like; null where the row says neither."""
        word = pc.utf8_lower(self.text(name))
        yes = pc.is_in(word, value_set=pa.array(["true", "t", "1", "yes"]))
        no = pc.is_in(word, value_set=pa.array(["false", "f", "0", "no"]))
        return pc.if_else(pc.or_(yes, no), yes, None)

    def _is_known(self, key: str) -> bool:
        return key in self.cells.columns


def field_key(name: str) -> str:
    """The form in which names are compared.

    >>> field_key("pipeline.id"), field_key("Queued Duration"), field_key("workflowName")
    ('pipelineid', 'queuedduration', 'workflowname')
    """
    return re.sub(r"[^0-9a-z]", "", name.lower())


def csv_layout(head: bytes, reader: CellReader, delimiter: str | None = None) -> "csv.CsvLayout":
    """How a CSV export with a header is read. Raises BadInput without the required columns."""
    header, line, separator = csv.find_header(head, delimiter)
    keys = _unique(field_key(name) for name in header)
    for names in reader.required:
        if not any(field_key(name) in keys for name in names.split("|")):
            alternatives = names.replace("|", " or ")
            listed = ", ".join(header)[:300]
            raise BadInput(f"the header has no column {alternatives!r}; it has: {listed}", "file")
    return csv.CsvLayout(tuple(keys), line, separator, reader)


def _unique(keys: Iterator[str]) -> list[str]:
    """Keys of columns; a second one of a name is another column."""
    names: list[str] = []
    for number, key in enumerate(keys):
        names.append(f"{key}#{number}" if key in names or not key else key)
    return names


def object_cells(objects: Sequence[Object], lines: NDArray[np.int64], reader: CellReader) -> Cells:
    """The fields of JSON objects as text columns; lists and nested objects as JSON text."""
    own_names: dict[str, list[str]] = {}
    for name in sorted(set().union(*objects)) if objects else ():
        own_names.setdefault(field_key(name), []).append(name)
    columns = {
        field_key(name): _column(_values(objects, name.split("."), own_names))
        for name in reader.fields
    }

    def raw(rows: NDArray[np.int64]) -> pa.Array:
        shown = [json.dumps(objects[row], default=str) for row in rows.tolist()]
        return pa.array([text[:MOST_RAW_CHARACTERS] for text in shown], pa.string())

    return Cells(columns, lines, raw)


def refuse_other_objects(objects: Sequence[Object], reader: CellReader) -> None:
    """Raise BadInput when no object has any of the fields that are needed."""
    own = {name for item in objects for name in item}
    needed = [name for names in reader.required for name in names.split("|")]
    if own and not {field_key(name) for name in own} & {field_key(name) for name in needed}:
        shown = ", ".join(sorted(own)[:20])
        raise BadInput(f"the objects have none of {', '.join(needed)}; they have: {shown}", "file")


def _values(
    objects: Sequence[Object], path: Sequence[str], own_names: Mapping[str, Sequence[str]]
) -> list[Any]:
    """The values at a path, whose first name may be spelt otherwise in the objects."""
    values: list[Any] = [None] * len(objects)
    whole = ((name, ()) for name in own_names.get(field_key("".join(path)), ()))
    nested = ((name, path[1:]) for name in own_names.get(field_key(path[0]), ()) if path[1:])
    for name, rest in (*whole, *nested):
        for row, item in enumerate(objects):
            value = item.get(name)
            for inner in rest:
                value = value.get(inner) if isinstance(value, Mapping) else None
            if value is not None:
                values[row] = value
    return values


def _column(values: list[Any]) -> pa.Array:
    """Text; Arrow converts a column of one type at once."""
    for kind in (pa.string(), None):
        try:
            column = pa.array(values, kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError):
            continue
        if pa.types.is_string(column.type):
            return _without_nul(column)
        if pa.types.is_boolean(column.type) or pa.types.is_integer(column.type):
            return column.cast(pa.string())
    return _without_nul(pa.array([_as_text(value) for value in values], pa.string()))


def _as_text(value: Any) -> str | None:  # noqa: ANN401  (JSON)
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        value = ",".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", "replace").decode()


def _without_nul(column: pa.Array) -> pa.Array:
    """PostgreSQL holds no NUL."""
    if not pc.any(pc.match_substring(column, "\0")).as_py():
        return column
    return pc.replace_substring(column, "\0", "")


@dataclass(frozen=True, slots=True)
class Skip:
    """Rows that are no executions of their own, and why."""

    reason: str
    rows: Mask


def without(cells: Cells, skips: Sequence[Skip]) -> tuple[Cells, dict[str, int]]:
    """The other rows, and how many are skipped for each reason: the first that holds."""
    keep = np.ones(len(cells), dtype=np.bool_)
    counts: dict[str, int] = {}
    for skip in skips:
        hit = skip.rows & keep
        if hit.any():
            counts[skip.reason] = int(hit.sum())
            keep &= ~hit
    if not counts:
        return cells, counts
    chosen = pa.array(keep)
    at = np.flatnonzero(keep)
    columns = {key: column.filter(chosen) for key, column in cells.columns.items()}
    whole: Callable[[Any], pa.Array] = cells.raw
    return Cells(columns, cells.line[keep], lambda rows: whole(at[rows]), cells.is_typed), counts


def is_in(values: pa.Array, words: Sequence[str]) -> Mask:
    return mask(pc.is_in(values, value_set=pa.array(list(words), pa.string())))


def translated(words: pa.Array, meanings: Mapping[str, str]) -> pa.Array:
    """The meanings of words; null for a word that has none."""
    at = pc.index_in(words, value_set=pa.array(list(meanings), pa.string()))
    return pa.array([str(meaning) for meaning in meanings.values()], pa.string()).take(at)


def joined(*parts: pa.Array, by: str = "/") -> pa.Array:
    """Parts of a name with a mark between them; null parts are left out."""
    text = [pc.cast(part, pa.string()) for part in parts]
    nothing = pa.repeat("", len(text[0]))
    marked = [pc.binary_join_element_wise(by, part, "") for part in text]
    whole = pc.binary_join_element_wise(nothing, *marked, "", null_handling="skip")
    return pc.utf8_slice_codeunits(whole, len(by))


def infer_value(text: pa.Array) -> JsonText:
    """Whole numbers and true / false as such; other text stays text, so 1.10 is not 1.1."""
    lower = pc.utf8_lower(text)
    is_number = pc.match_substring_regex(text, WHOLE_NUMBER)
    is_word = pc.match_substring_regex(text, TRUTH)
    return JsonText(pc.case_when(pc.make_struct(is_number, is_word), text, lower, quoted(text)))
