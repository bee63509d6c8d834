"""Files with a JSON object in each line, as daemons write their events."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from runlore.records.formats import lines
from runlore.records.formats.lines import Lines
from runlore.records.formats.parsed import rejects

Ints = NDArray[np.int64]
JsonObject = Mapping[str, Any]

NO_OBJECT = "the line is not a JSON object"


@dataclass(frozen=True)
class EventObjects:
    """N objects of a chunk, with their lines. rejects: the lines that are none."""

    objects: list[JsonObject]
    line: Ints
    rejects: pa.Table
    chunk: Lines

    def raw(self, rows: Ints) -> pa.Array:
        return self.chunk.raw(self.line[rows] - self.chunk.first_line)

    def refused(self, rows: Ints, reason: str) -> pa.Table:
        return rejects(self.line[rows], [reason] * rows.size, self.raw(rows))


def read_page(data: bytes, first_line: int) -> EventObjects:
    """The objects of a chunk of whole lines; empty lines are passed over."""
    chunk = lines.split(data, first_line)
    objects: list[JsonObject] = []
    at: list[int] = []
    bad: list[int] = []
    for number, text in enumerate(data.split(b"\n"), first_line):
        if not text.strip():
            continue
        one = _loaded(text)
        if one is None:
            bad.append(number)
        else:
            objects.append(one)
            at.append(number)
    rows = np.array(bad, np.int64)
    refused = rejects(rows, [NO_OBJECT] * rows.size, chunk.raw(rows - first_line))
    return EventObjects(objects, np.array(at, np.int64), refused, chunk)


def whole_lines(data: bytes) -> int:
    return lines.complete(data)


def text_of(one: JsonObject, *names: str) -> str:
    """The first of some fields that has a value, dotted where objects are nested; "" for none.

    >>> text_of({"user": {"name": "ann"}}, "actor", "user.name")
    'ann'
    """
    for name in names:
        value = one.get(name)
        if value is None and "." in name:
            value = one
            for part in name.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, list):
            value = next((item for item in value if isinstance(item, str | int)), None)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str | int | float) and str(value).strip():
            return _clean(str(value).strip())
    return ""


def _clean(text: str) -> str:
    """Text that PostgreSQL can hold."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}").encode(errors="replace").decode()


def _loaded(text: bytes) -> JsonObject | None:
    try:
        one = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return one if isinstance(one, dict) else None
