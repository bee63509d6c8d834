"""Lines of syslog files: the stamp, the host, the program and the message of each."""

from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.kernel.instants import from_us
from runlore.records.formats import instants
from runlore.records.formats.local_times import localized
from runlore.records.validate import Mask, mask

Ints = NDArray[np.int64]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
PROGRAM = r"(?P<program>--? ?[^\s:\[(]+|[^\s:\[(]+(?:\([^)\s]*\))?)(?:\[(?P<pid>[^\]\s]*)\])?:? "
OLD = (
    r"^(?:<[0-9]{1,3}>)?(?P<stamp>[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2})"
    rf"(?:\.[0-9]+)? (?P<host>\S+) {PROGRAM}\s*(?P<message>.*)$"
)
ISO_STAMP = (
    r"(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?)"
)
ISO = rf"^(?:<[0-9]{{1,3}}>)?{ISO_STAMP} (?P<host>\S+) {PROGRAM}\s*(?P<message>.*)$"
RFC_5424 = (
    rf"^<[0-9]{{1,3}}>1 {ISO_STAMP} (?P<host>\S+) (?P<program>\S+) (?P<pid>\S+) \S+"
    r" (?:-|(?:\[[^\]]*\])+) ?\s*(?P<message>.*)$"
)
LAST = r"last message repeated (?P<count>[0-9]{1,9}) times?"
REPEATED = r"^message repeated (?P<count>[0-9]{1,9}) times: \[ ?(?P<inner>.*?)\]$"
SKEW_US = 86_400_000_000  # a stamp of another zone or clock may be so far ahead
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class SyslogLines:
    """N lines. at: int64 µs since 1970, null where the line is none of a syslog. times: (N,) how
    often the message came. text: (N,) program, host and message are null where at is."""

    at: pa.Array
    host: pa.Array
    program: pa.Array
    message: pa.Array
    times: Ints
    is_orphan: Mask
    is_dated: Mask


def read_lines(text: pa.Array, timezone: str, now_us: int, year: int | None) -> SyslogLines:
    """Take lines apart. year: of the first lines, for stamps without one; None: the latest year
    in which the line is not in the future."""
    found = [pc.extract_regex(text, pattern) for pattern in (OLD, RFC_5424, ISO)]
    old, *rest = [{name: _field(one, name) for name in _NAMES} for one in found]
    is_old = mask(old["stamp"].is_valid())
    dated = _old_stamps(old["stamp"], timezone, now_us, year)
    iso_text = pc.coalesce(*(one["stamp"] for one in rest))
    at = pc.coalesce(dated, instants.microseconds(iso_text, timezone, None))
    parts = {name: pc.coalesce(*(one[name] for one in (old, *rest))) for name in _NAMES}
    is_dated = mask(at.is_valid()) | ~(is_old | mask(iso_text.is_valid()))
    return _repeated(at, parts, text, is_dated)


_NAMES = ("stamp", "host", "program", "message")


def _field(found: pa.Array, name: str) -> pa.Array:
    return pc.if_else(found.is_valid(), found.field(name), pa.scalar(None, pa.string()))


def _repeated(
    at: pa.Array, parts: dict[str, pa.Array], text: pa.Array, is_dated: Mask
) -> SyslogLines:
    """Read what was said several times: in brackets, or as the line before."""
    message, program = parts["message"], parts["program"]
    inner = pc.extract_regex(message, REPEATED)
    has_inner = mask(inner.is_valid())
    counts = pc.cast(_field(inner, "count"), pa.int64())
    message = pc.if_else(pa.array(has_inner), _field(inner, "inner"), message)
    last = pc.extract_regex(text, LAST)
    is_last = mask(pc.and_(last.is_valid(), pc.equal(program, "last")))
    counts = pc.coalesce(counts, pc.if_else(pa.array(is_last), _count(last), None))
    before = np.maximum.accumulate(np.where(is_last, -1, np.arange(len(text))))
    same_host = mask(pc.equal(parts["host"], parts["host"].take(pa.array(np.maximum(before, 0)))))
    is_orphan = is_last & ((before < 0) | ~same_host)
    taken = pa.array(np.where(before < 0, np.arange(len(text)), before))
    times = np.asarray(pc.fill_null(counts, 1).to_numpy(zero_copy_only=False), np.int64)
    return SyslogLines(
        at,
        parts["host"],
        program.take(taken),
        message.take(taken),
        times,
        is_orphan,
        is_dated,
    )


def _count(last: pa.Array) -> pa.Array:
    return pc.cast(_field(last, "count"), pa.int64())


def _old_stamps(stamp: pa.Array, timezone: str, now_us: int, year: int | None) -> pa.Array:
    """int64 µs of `Dec 10 06:55:46`; null where there is no such day."""
    day = pc.dictionary_encode(pc.utf8_slice_codeunits(stamp, 0, 6))
    names = day.dictionary.to_pylist()
    first = next((name for name in names if _month(name)), "")
    days = pa.array([_day_us(name, now_us, year, first) for name in names], pa.int64())
    clock = [
        pc.cast(pc.utf8_slice_codeunits(stamp, start, start + 2), pa.int64())
        for start in (7, 10, 13)
    ]
    seconds = pc.add(pc.add(pc.multiply(clock[0], 3600), pc.multiply(clock[1], 60)), clock[2])
    is_time = pc.and_(pc.less(clock[0], 24), pc.and_(pc.less(clock[1], 60), pc.less(clock[2], 61)))
    naive = pc.add(days.take(day.indices), pc.multiply(seconds, 1_000_000))
    naive = pc.if_else(is_time, naive, None)
    return localized(pc.cast(naive, pa.timestamp("us")), timezone)


def _month(name: str) -> int:
    return MONTHS.index(name[:3]) + 1 if name[:3] in MONTHS else 0


def _day_us(name: str, now_us: int, year: int | None, first: str) -> int | None:
    month, number = _month(name), int(name[4:6])
    if year is not None:
        return _midnight_us(year + (month < _month(first)), month, number)
    latest = from_us(min(now_us, 7_000_000_000_000_000) + SKEW_US).year
    made = map(partial(_midnight_us, month=month, day=number), range(latest, latest - 9, -1))
    return next((us for us in made if us is not None and us <= now_us + SKEW_US), None)


def _midnight_us(year: int, month: int, day: int) -> int | None:
    try:
        return (date(year, month, day) - date(1970, 1, 1)).days * DAY_US
    except ValueError:
        return None
