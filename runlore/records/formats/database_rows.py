"""Rows as a database driver returns them: Python values by column, which keep their types."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from runlore.kernel.errors import BadInput

# Values that no field of an execution can hold; a column of them is left out.
NO_VALUES = (bytes, bytearray, memoryview, dict, list, tuple, set)

Ordered = int | float | Decimal | datetime | date | str


def batch_of(columns: Mapping[str, Sequence[Any]]) -> pa.RecordBatch:
    """Columns as Arrow arrays; a column whose values have several types is text."""
    arrays = {name: _array(values) for name, values in columns.items()}
    known = {name: array for name, array in arrays.items() if array is not None}
    return pa.RecordBatch.from_arrays(list(known.values()), list(known))


def last_value(values: Sequence[Any]) -> Ordered | None:
    """The last of ordered values that is not null. Raises BadInput when it has no order."""
    value = next((one for one in reversed(values) if one is not None), None)
    if value is not None and not isinstance(value, Ordered):
        raise BadInput(f"after: {type(value).__name__} has no order that can be gone on from")
    return value


def written(value: Ordered | None) -> str:
    """A value with its type as text; empty for None.

    >>> written(date(2026, 5, 1)), read("int 7")
    ('date 2026-05-01', 7)
    """
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, date) else str(value)
    return f"{type(value).__name__} {text}"


def read(text: str) -> Ordered | None:
    """The value that `written` gave as text."""
    if not text:
        return None
    kind, _, rest = text.partition(" ")
    if kind in ("datetime", "date"):
        return (datetime if kind == "datetime" else date).fromisoformat(rest)
    readers: dict[str, Any] = {"int": int, "float": float, "Decimal": Decimal}
    value: Ordered = readers.get(kind, str)(rest)
    return value


def lowered(value: Ordered | None, overlap: float) -> Ordered | None:
    """A value less an overlap: seconds of instants; other text stays as it is.

    >>> lowered("2026-05-01 00:10:00.5", 600)
    '2026-05-01 00:00:00'
    """
    if value is None:
        return value
    if isinstance(value, str):
        return _lowered_text(value, overlap)
    if isinstance(value, datetime):
        return value - timedelta(seconds=overlap)
    if isinstance(value, date):
        return value - timedelta(days=-(-overlap // 86_400))
    if isinstance(value, Decimal):
        return value - Decimal(overlap)
    return value - overlap


def is_instant(value: Ordered | None) -> bool:
    return isinstance(value, date) or (isinstance(value, str) and _instant(value) is not None)


def _lowered_text(text: str, overlap: float) -> str:
    """SQLite has instants as text, whose order is theirs; one without a fraction is the lowest."""
    instant = _instant(text)
    if instant is None:
        return text
    return f"{instant - timedelta(seconds=overlap):%Y-%m-%d{text[10]}%H:%M:%S}"


def _instant(text: str) -> datetime | None:
    if len(text) <= len("2026-05-01"):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _array(values: Sequence[Any]) -> pa.Array | None:
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values), pa.string())
    if any(issubclass(kind, NO_VALUES) for kind in kinds):
        return None
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if one is None else str(one) for one in values], pa.string())
