"""JSON objects, one for each row, with nested keys written as a.b."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from json.encoder import encode_basestring
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.records.formats.columns import Cells, Reader
from runlore.records.formats.json_text import quoted
from runlore.records.formats.parsed import MOST_RAW_CHARACTERS, Parsed, merged, rejects
from runlore.records.formats.row_ids import RowIds
from runlore.records.mapping import ColumnMapping, resolve
from runlore.records.validate import LATEST_US

JsonObject = Mapping[str, Any]
Ints = NDArray[np.int64]
MOST_KEYS = 1_000  # of inputs that nobody named
NUL = "\0"


@dataclass(frozen=True)
class JsonRows:
    """Makes records out of objects.

    every_input: all keys that nothing else uses are inputs, also those that come later.
    """

    reader: Reader
    every_input: bool

    @property
    def counts_rows(self) -> bool:
        return self.reader.counts_rows

    def complete(self, data: bytes) -> int:
        return data.rfind(b"\n") + 1

    def parse_objects(self, page: Sequence[JsonObject], first_row: int) -> Parsed:
        """Objects of a list. first_row: the number of the first one in its file."""
        line = np.arange(first_row, first_row + len(page), dtype=np.int64)
        return self._parsed(page, line, lambda row: json.dumps(page[row], default=str))

    def parse(self, data: bytes, first_line: int) -> Parsed:
        """Lines with one object each; the first line has this number in its file."""
        texts = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        objects: list[JsonObject] = []
        numbers: list[int] = []
        bad: dict[int, str] = {}
        for at, text in enumerate(texts):
            if not text.strip():
                continue
            try:
                read = json.loads(text)
            except (ValueError, RecursionError) as error:
                bad[at] = f"is not valid JSON: {error}"
                continue
            if isinstance(read, dict):
                objects.append(read)
                numbers.append(at)
            else:
                bad[at] = "is not a JSON object"
        line = np.array(numbers, dtype=np.int64) + first_line
        parsed = self._parsed(objects, line, lambda row: _shown(texts[numbers[row]]))
        raw = [_shown(texts[at])[:MOST_RAW_CHARACTERS] for at in bad]
        refused = rejects([at + first_line for at in bad], [*bad.values()], raw)
        return replace(parsed, rejects=merged([parsed.rejects, refused]))

    def _parsed(
        self, objects: Sequence[JsonObject], line: Ints, shown: Callable[[int], str]
    ) -> Parsed:
        reader = self._reader_of(objects)
        resolved = reader.resolved
        used = [*resolved.field_columns, *resolved.inputs.values(), *resolved.outcome.values()]
        columns, as_json = {}, {}
        for name in dict.fromkeys(used):
            columns[name], as_json[name] = _column([value_at(one, name) for one in objects])
        if self.counts_rows:
            content = (json.dumps(one, sort_keys=True, default=str) for one in objects)
            columns[""] = pa.array([_clean(text) for text in content], pa.string())

        def raw(rows: Ints) -> pa.Array:
            texts = [_clean(shown(row))[:MOST_RAW_CHARACTERS] for row in rows.tolist()]
            return pa.array(texts, pa.string())

        parsed = reader.read(Cells(columns, line, raw, is_typed=True, json=as_json))
        named = {*resolved.outcome.values()}
        named |= set() if self.every_input else {*resolved.inputs.values()}
        lacking = [n for n in sorted(named) if columns[n].null_count == len(line)]
        warnings = {
            f"have nothing under {name!r}; is the key right?": len(line) for name in lacking
        }
        return replace(parsed, warnings={**parsed.warnings, **(warnings if len(line) else {})})

    def _reader_of(self, objects: Iterable[JsonObject]) -> Reader:
        """The reader, whose inputs are all keys that nothing else uses, if nobody named them."""
        if not self.every_input:
            return self.reader
        resolved = self.reader.resolved
        used = {*resolved.field_columns, *resolved.outcome.values()}
        names = [name for name in keys_of(objects) if name not in used]
        inputs = {name: name for name in names[:MOST_KEYS]}
        return replace(self.reader, resolved=replace(resolved, inputs=inputs))


@dataclass(frozen=True)
class JsonPages:
    """The same for the objects of a list."""

    rows: JsonRows
    lists: Sequence[str] = ()

    def parse(self, page: Sequence[JsonObject], first_row: int) -> Parsed:
        return self.rows.parse_objects(page, first_row)


def json_rows(
    first: Iterable[JsonObject], source: str, mapping: ColumnMapping, now_us: int = LATEST_US
) -> JsonRows:
    """first: the first objects of the log. Raises BadInput when they lack a field that is mapped.

    Inputs and outcomes may be missing there: not each object has all keys. now_us: see `Reader`.
    """
    every_input = isinstance(mapping.inputs, str)
    optional = [] if isinstance(mapping.inputs, str) else [*mapping.inputs.values()]
    optional += [*mapping.outcome.values(), *mapping.types]
    names = dict.fromkeys([*keys_of(first), *optional])
    reader = Reader(source, mapping, resolve(mapping, names), RowIds(), now_us)
    return JsonRows(reader, every_input)


def keys_of(objects: Iterable[JsonObject]) -> list[str]:
    """The keys of objects whose values are no objects, nested ones as a.b.

    >>> keys_of([{"id": 1, "job": {"name": "x"}}, {"job": {"user": {"id": 7}}, "tags": []}])
    ['id', 'job.name', 'job.user.id', 'tags']
    """
    names: dict[str, None] = {}
    for one in objects:
        _add_keys(one, "", names)
    return list(names)


def value_at(one: JsonObject, name: str) -> Any:  # noqa: ANN401  (what JSON holds)
    """The value under a key, which may be nested; None where there is none.

    >>> value_at({"a": {"b": [5, 6]}, "a.c": 1}, "a.b.1"), value_at({"a.c": 1}, "a.c")
    (6, 1)
    """
    if name in one:
        return one[name]
    value: Any = one
    for part in name.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _add_keys(one: JsonObject, before: str, names: dict[str, None]) -> None:
    for key, value in one.items():
        if isinstance(value, dict):
            _add_keys(value, f"{before}{key}.", names)
        else:
            names[before + key] = None


def _column(values: list[Any]) -> tuple[pa.Array, pa.Array]:
    """Values as text and as JSON."""
    if set(map(type, values)) <= {str, type(None)}:
        text = _text_array(values)
        return text, quoted(text)
    texts = [_text(value) for value in values]
    as_json = [_json(value, text) for value, text in zip(values, texts, strict=True)]
    return _text_array(texts), _text_array(as_json)


def _text_array(values: list[str | None]) -> pa.Array:
    try:
        array = pa.array(values, pa.string())
    except UnicodeEncodeError:
        array = pa.array([v if v is None else _clean(v) for v in values], pa.string())
    if pc.any(pc.match_substring(array, NUL)).as_py():
        array = pc.replace_substring(array, NUL, "\N{REPLACEMENT CHARACTER}")
    return array


def _text(value: Any) -> str | None:  # noqa: ANN401
    """A value as text: lists of plain values with commas between them, other lists as JSON."""
    if value is None or isinstance(value, str):
        return value
    if type(value) is int:
        return repr(value)
    if type(value) is float:
        return repr(value) if math.isfinite(value) else None
    if isinstance(value, list) and not any(isinstance(v, list | dict) for v in value):
        return ",".join(_text(v) or "" for v in value) or None
    return json.dumps(value, ensure_ascii=False, default=str)


def _json(value: Any, text: str | None) -> str | None:  # noqa: ANN401
    """A value as JSON. text: the same as text, which numbers and truth values share."""
    if text is None or isinstance(value, int | float):
        return text
    return encode_basestring(_clean(text))


def _clean(text: str) -> str:
    """Text that PostgreSQL can hold: without NUL and halves of characters."""
    whole = text.encode("utf-8", "replace").decode()
    return whole.replace(NUL, "\N{REPLACEMENT CHARACTER}")


def _shown(text: bytes) -> str:
    return text.decode("utf-8", "replace").rstrip("\r")
