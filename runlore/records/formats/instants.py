"""Instants in text or numbers as int64 microseconds since 1970, a column at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.cell_forms import Epoch
from runlore.records.formats.date_text import as_iso
from runlore.records.formats.local_times import localized

US = pa.timestamp("us")
UTC_US = pa.timestamp("us", "UTC")
TIME = r"[T ]\d\d(:\d\d(:\d\d([.,]\d{1,9})?)?)?"
ISO_8601 = rf"^\d{{4}}-\d\d-\d\d({TIME}( ?(Z|z|UTC|[+-]\d\d(:?\d\d)?))?)?$"
HAS_ZONE = r"(Z|z|UTC|[T ].*[+-]\d\d(:?\d\d)?)$"
US_PER: Mapping[Epoch, int] = {"s": 1_000_000, "ms": 1_000, "us": 1}
LARGEST = 2.0**62
DAY_US = 86_400_000_000.0
YEAR_2038_US = 2_145_916_800_000_000
YEAR_9999_US, YEAR_10000_US = 253_370_764_800_000_000, 253_402_300_800_000_000
LAST_SECONDS_US = pa.array([(2**31 - 1) * 1_000_000, (2**32 - 1) * 1_000_000])
NO_NUMBERS = pa.array([-1.0, 2.0**63, -(2.0**63)])

# What logs write for an instant that has not come, or that nobody knows.
NO_VALUE_WORDS = pa.array(
    ["", "-", "--", "?", "unknown", "none", "null", "nil", "nan", "nat", "na", "n/a", "invalid"]
)
NO_INSTANT_WORDS = pa.concat_arrays(
    [NO_VALUE_WORDS, pa.array(["0", "-1", "never", "inf", "infinity", "-infinity", "+infinity"])]
)
# The first and last days of calendars, databases and spreadsheets.
NO_INSTANT_DATES = (
    r"^(0000-00-00|0001-01-01|1601-01-01|1753-01-01|1899-12-3[01]|1900-01-01|9999-\d\d-\d\d)"
    r"([T ]|$)"
)
NO_INSTANT_DAYS = pa.array(
    [-719_162, -134_774, -79_257, -25_569, -25_568, -25_567],  # of the dates above, since 1970
    pa.int32(),
)


@dataclass(frozen=True, slots=True)
class InstantForm:
    """How instants are written.

    timezone: of those that name none. epoch: the unit of plain numbers; None: they are no instants.
    date_formats: as strptime has them; ISO 8601 and dates with one reading only need none.
    """

    timezone: str = "UTC"
    epoch: Epoch | None = None
    date_formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Instants:
    """us: int64, null for no instant. is_none: cells that say that there is no instant (yet).

    naive: timestamps on the wall clock, null where the cell names a zone; None: no clock changes.
    """

    us: pa.Array
    is_none: pa.Array
    naive: pa.Array | None = None


def microseconds(column: pa.Array, timezone: str, epoch: Epoch | None) -> pa.Array:
    """Null where the column is null or holds no instant; see `read_instants`."""
    return read_instants(column, InstantForm(timezone, epoch)).us


def read_instants(column: pa.Array, form: InstantForm) -> Instants:
    """An hour that comes twice is its first one; one that the clock skips is shifted by the gap."""
    kind = column.type
    if pa.types.is_date(kind):
        column, kind = column.cast(US), US
    if pa.types.is_timestamp(kind):
        return _instants(_whole_microseconds(column), column.is_null(), form.timezone)
    if form.epoch is not None:
        return _of_epochs(column, form.epoch)
    if pa.types.is_string(kind):
        return _of_text(column, form)
    return Instants(pa.nulls(len(column), pa.int64()), column.is_null())


def _whole_microseconds(column: pa.Array) -> pa.Array:
    """Timestamps in microseconds; null where they are beyond what 64 bits hold."""
    unit, target = column.type.unit, pa.timestamp("us", column.type.tz)
    if unit in ("s", "ms"):
        most = 2**62 // (US_PER["s"] if unit == "s" else US_PER["ms"])
        ticks = column.cast(pa.int64())
        within = pc.and_(pc.less(ticks, most), pc.greater(ticks, -most))
        column = pc.if_else(within, column, None)
    return pc.cast(column, target, safe=False)


def numbers(column: pa.Array) -> pa.Array:
    """float64; null where the column is null or holds no number."""
    try:
        return pc.cast(column, pa.float64(), safe=not pa.types.is_integer(column.type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        text = pc.cast(column, pa.string()).to_pandas()
        parsed = pd.to_numeric(text, errors="coerce").astype("float64")
        return pa.array(parsed, pa.float64(), from_pandas=True)


def _instants(read: pa.Array, is_none: pa.Array, timezone: str) -> Instants:
    """Timestamps that all name a zone, or that all are of the wall clock, as instants."""
    naive = read if read.type.tz is None and timezone != "UTC" else None
    us = read.cast(pa.int64()) if naive is None else localized(naive, timezone)
    return _without_sentinels(Instants(us, is_none, naive))


def _without_sentinels(instants: Instants) -> Instants:
    """Instants that stand for "none", such as the year 9999, are null."""
    bounds = pc.min_max(instants.us)
    least, most = bounds["min"].as_py(), bounds["max"].as_py()
    if least is None or (least >= 0 and most < YEAR_2038_US):
        return instants
    day = pc.floor(pc.divide(pc.cast(instants.us, pa.float64(), safe=False), DAY_US))
    is_sentinel = pc.or_(
        pc.is_in(pc.cast(day, pa.int32(), safe=False), value_set=NO_INSTANT_DAYS),
        pc.or_(
            pc.is_in(instants.us, value_set=LAST_SECONDS_US),
            pc.fill_null(pc.greater_equal(instants.us, YEAR_9999_US), False),
        ),
    )
    us = pc.if_else(is_sentinel, None, instants.us)
    return Instants(us, pc.or_(instants.is_none, is_sentinel), instants.naive)


def _of_epochs(column: pa.Array, epoch: Epoch) -> Instants:
    values = numbers(column)
    is_none = pc.or_(column.is_null(), pc.is_in(values, value_set=NO_NUMBERS))
    if pa.types.is_string(column.type):
        lower = pc.utf8_lower(pc.utf8_trim_whitespace(column))
        is_none = pc.or_(is_none, pc.is_in(lower, value_set=NO_VALUE_WORDS))
    if epoch == "us" and pa.types.is_signed_integer(column.type):
        us = column.cast(pa.int64())
    else:
        scaled = pc.round(pc.multiply(values, float(US_PER[epoch])))
        within = pc.less(pc.abs(scaled), LARGEST)
        us = pc.if_else(within, scaled, None).cast(pa.int64())
    read = _without_sentinels(Instants(pc.if_else(is_none, None, us), is_none))
    # A number beyond the year 9999 is no sentinel: its unit is another one.
    is_beyond = pc.fill_null(pc.greater_equal(us, YEAR_10000_US), False)
    is_beyond = pc.and_not(is_beyond, is_none)
    return Instants(pc.if_else(is_beyond, us, read.us), pc.and_not(read.is_none, is_beyond))


def _of_text(column: pa.Array, form: InstantForm) -> Instants:
    """Arrow's own parser when it takes the whole column, else others for the cells that are left.

    A cell that no parser reads is null, and not among `is_none`.
    """
    text = pc.utf8_trim_whitespace(column)
    is_none = text.is_null()
    whole = None if form.date_formats else _as_whole(text)
    if whole is None:
        is_none = pc.or_(is_none, _is_none_word(text))
        text = pc.if_else(is_none, None, text)
        whole = None if form.date_formats else _as_whole(text)
    if whole is not None:
        return _instants(whole, is_none, form.timezone)
    zoned, naive = _of_mixed_text(text, form)
    us = pc.coalesce(zoned.cast(pa.int64()), localized(naive, form.timezone))
    clock = None if form.timezone == "UTC" else pc.if_else(zoned.is_valid(), None, naive)
    return _without_sentinels(Instants(us, is_none, clock))


def _is_none_word(text: pa.Array) -> pa.Array:
    is_word = pc.is_in(pc.utf8_lower(text), value_set=NO_INSTANT_WORDS)
    is_date = pc.fill_null(pc.match_substring_regex(text, NO_INSTANT_DATES), False)
    return pc.or_(is_word, is_date)


def _as_whole(text: pa.Array) -> pa.Array | None:
    """Timestamps that all name a zone, or that all name none; None when the parser gives up."""
    for kind in (UTC_US, US):
        try:
            return pc.cast(text, kind)
        except pa.ArrowInvalid:
            continue
    return None


def _of_mixed_text(text: pa.Array, form: InstantForm) -> tuple[pa.Array, pa.Array]:
    """Instants of the cells that name a zone, in UTC, and of those that name none."""
    zoned, naive = pa.nulls(len(text), US), pa.nulls(len(text), US)
    for date_format in form.date_formats:
        rest = pc.if_else(pc.or_(zoned.is_valid(), naive.is_valid()), None, text)
        read = _parsed(rest, date_format)
        if "%z" in date_format:
            zoned = pc.coalesce(zoned, read)
        else:
            naive = pc.coalesce(naive, read)
    if any(date_format.startswith("%Y-%d") for date_format in form.date_formats):
        return zoned, naive
    rest = pc.if_else(pc.or_(zoned.is_valid(), naive.is_valid()), None, text)
    plain = as_iso(rest)
    is_iso = pc.fill_null(pc.match_substring_regex(plain, ISO_8601), False)
    has_zone = pc.fill_null(pc.match_substring_regex(plain, HAS_ZONE), False)
    plain = pc.if_else(is_iso, pc.replace_substring(plain, ",", "."), None)
    plain = pc.replace_substring_regex(plain, r" ?(UTC|z)$", "Z")
    of_zone = _parsed(pc.if_else(has_zone, plain, None), "ISO8601")
    of_clock = _parsed(pc.if_else(has_zone, None, plain), "ISO8601")
    return pc.coalesce(zoned, of_zone), pc.coalesce(naive, of_clock)


def _parsed(text: pa.Array, date_format: str) -> pa.Array:
    """Timestamps in the format; those with an offset in UTC. Null where there is none."""
    if text.null_count == len(text):
        return pa.nulls(len(text), US)
    series = text.to_pandas().astype("object")
    parsed = pd.to_datetime(series, format=date_format, errors="coerce", utc=True)
    return pa.array(parsed.dt.tz_localize(None).to_numpy("datetime64[us]"), US)
