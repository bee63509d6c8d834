"""Instants in text or numbers as int64 microseconds since 1970, a column at a time."""

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.mapping import Epoch

US = pa.timestamp("us")
UTC_US = pa.timestamp("us", "UTC")
TIME = r"[T ]\d\d(:\d\d(:\d\d([.,]\d{1,9})?)?)?"
ISO_8601 = rf"^\d{{4}}-\d\d-\d\d({TIME}( ?(Z|z|UTC|[+-]\d\d(:?\d\d)?))?)?$"
HAS_ZONE = r"(Z|z|UTC|[T ].*[+-]\d\d(:?\d\d)?)$"
US_PER: Mapping[Epoch, int] = {"s": 1_000_000, "ms": 1_000, "us": 1}
LARGEST = 2.0**62


def microseconds(column: pa.Array, timezone: str, epoch: Epoch | None) -> pa.Array:
    """Null where the column is null or holds no instant.

    `timezone` is that of instants which name none; an hour that comes twice is its first one.
    """
    if pa.types.is_timestamp(column.type):
        return _of_timestamps(column, timezone)
    if pa.types.is_date(column.type):
        return _of_timestamps(column.cast(US), timezone)
    if epoch is not None:
        return _of_epochs(column, US_PER[epoch])
    if pa.types.is_string(column.type):
        return _of_text(column, timezone)
    return pa.nulls(len(column), pa.int64())


def _of_timestamps(column: pa.Array, timezone: str) -> pa.Array:
    whole = pc.cast(column, pa.timestamp("us", column.type.tz), safe=False)
    if column.type.tz is None and timezone != "UTC":
        whole = pc.assume_timezone(whole, timezone, ambiguous="earliest", nonexistent="earliest")
    return whole.cast(pa.int64())


def _of_epochs(column: pa.Array, us_per_unit: int) -> pa.Array:
    values = numbers(column)
    if us_per_unit == 1 and pa.types.is_integer(column.type):
        return column.cast(pa.int64())
    scaled = pc.round(pc.multiply(values, float(us_per_unit)))
    within = pc.less(pc.abs(scaled), LARGEST)
    return pc.if_else(within, scaled, None).cast(pa.int64())


def numbers(column: pa.Array) -> pa.Array:
    """float64; null where the column is null or holds no number."""
    try:
        return pc.cast(column, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        text = pc.cast(column, pa.string()).to_pandas()
        return pa.array(pd.to_numeric(text, errors="coerce"), pa.float64(), from_pandas=True)


def _of_text(column: pa.Array, timezone: str) -> pa.Array:
    """Arrow's own parser when it takes the whole column, else Pandas' tolerant one."""
    text = pc.utf8_trim_whitespace(column)
    try:
        return pc.cast(text, UTC_US).cast(pa.int64())
    except pa.ArrowInvalid:
        pass
    try:
        return _of_timestamps(pc.cast(text, US), timezone)
    except pa.ArrowInvalid:
        return _of_mixed_text(text, timezone)


def _of_mixed_text(text: pa.Array, timezone: str) -> pa.Array:
    is_iso = pc.fill_null(pc.match_substring_regex(text, ISO_8601), False)
    has_zone = pc.fill_null(pc.match_substring_regex(text, HAS_ZONE), False)
    plain = pc.if_else(is_iso, pc.replace_substring(text, ",", "."), None)
    plain = pc.replace_substring_regex(plain, r" ?(UTC|z)$", "Z")
    naive = pc.if_else(has_zone, None, plain)
    zoned = pc.if_else(has_zone, plain, None)
    return pc.coalesce(_parse(zoned, None), _parse(naive, timezone))


def _parse(text: pa.Array, timezone: str | None) -> pa.Array:
    """Instants that all name a zone (`timezone` is None) or that all name none."""
    series = text.to_pandas().astype("object")
    parsed = pd.to_datetime(series, format="ISO8601", errors="coerce", utc=True)
    whole = pa.array(parsed.dt.tz_localize(None).to_numpy("datetime64[us]"), US)
    return _of_timestamps(whole, timezone or "UTC")
