"""What columns that have a type can be used for, and their values as text and as seconds."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from runlore.kernel.errors import BadInput
from runlore.records.mapping import ColumnMapping

INSTANTS = ("submitted", "started", "finished", "known_at", "at")
LENGTHS = ("duration_s", "duration_ms")
PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
LARGEST_WHOLE = 2.0**53


def is_value(kind: pa.DataType) -> bool:
    """Whether cells of the type are text, numbers, instants, lengths of time or booleans."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return not (
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_interval(kind)
        or isinstance(kind, pa.BaseExtensionType)
    )


def check_columns(columns: Mapping[str, pa.DataType]) -> None:
    """Raise BadInput for a column that an execution cannot hold, such as a nested one."""
    for name, kind in columns.items():
        if not is_value(kind):
            raise BadInput(f"column {name!r}: {kind} is neither text, number, instant nor boolean")


def check_fields(fields: Mapping[str, pa.DataType], mapping: ColumnMapping) -> None:
    """Raise BadInput for a column whose type is at odds with its field, which is named."""
    for name, kind in fields.items():
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind  # noqa: PLW2901
        if _is_text(kind):
            continue
        column = mapping.columns.get(name, name)
        if name in INSTANTS and not pa.types.is_timestamp(kind) and not pa.types.is_date(kind):
            if not _is_number(kind):
                raise BadInput(f"{name}: column {column!r} is {kind}, which is no instant", name)
            if mapping.epoch is None:
                raise BadInput(
                    f"{name}: column {column!r} is {kind}; say --epoch s, ms or us, its unit", name
                )
        is_length = pa.types.is_duration(kind) or _is_number(kind)
        if name in LENGTHS and not is_length:
            raise BadInput(f"{name}: column {column!r} is {kind}, which is no length of time", name)
        if name == "value" and not _is_number(kind) and not pa.types.is_boolean(kind):
            raise BadInput(f"{name}: column {column!r} is {kind}, which is no number", name)


def as_text(column: pa.Array) -> pa.Array:
    """Text of any column; whole floats as whole numbers, null for NaN."""
    if pa.types.is_floating(column.type):
        values = pc.cast(column, pa.float64())
        is_whole = pc.and_(
            pc.less(pc.abs(values), LARGEST_WHOLE), pc.equal(values, pc.floor(values))
        )
        whole = pc.cast(pc.if_else(is_whole, values, 0.0), pa.int64())
        text = pc.if_else(is_whole, pc.cast(whole, pa.string()), pc.cast(values, pa.string()))
        return pc.if_else(pc.is_finite(values), text, None)
    return pc.cast(column, pa.string())


def seconds_of(column: pa.Array) -> pa.Array:
    """float64 seconds of a column of durations."""
    ticks = pc.cast(column.cast(pa.int64()), pa.float64(), safe=False)
    return pc.divide(ticks, PER_SECOND[column.type.unit])


def _is_text(kind: pa.DataType) -> bool:
    return any(
        is_kind(kind)
        for is_kind in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_null,
        )
    )


def _is_number(kind: pa.DataType) -> bool:
    is_kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(is_kind(kind) for is_kind in is_kinds)
