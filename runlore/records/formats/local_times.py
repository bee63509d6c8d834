"""Times of a wall clock as instants, also where the clock is put forward or back."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

US = pa.timestamp("us")
# Longer than any clock is put forward at once, and no zone changes its clock twice within it.
BEFORE_GAP = pa.scalar(3 * 3_600_000_000, pa.duration("us"))
BEFORE_GAP_US = 3 * 3_600_000_000


def localized(naive: pa.Array, timezone: str) -> pa.Array:
    """int64 microseconds. An hour that comes twice is its first one.

    A time that the clock skips is read as if the clock had not been put forward yet: the difference
    between two such times stays what it is.
    """
    if timezone == "UTC":
        return naive.cast(pa.int64())
    first = _assumed(naive, timezone, "earliest", "earliest")
    after_gap = _assumed(naive, timezone, "earliest", "latest")
    is_skipped = pc.fill_null(pc.not_equal(first, after_gap), False)
    if not pc.any(is_skipped).as_py():
        return first
    return pc.if_else(is_skipped, _by_the_clock_before(naive, timezone), first)


def in_order(
    clocks: Sequence[pa.Array | None],
    instants: Sequence[pa.Array],
    timezone: str,
    tolerance_us: int = 0,
) -> list[pa.Array]:
    """The instants of one row after the other, each read so that it is not before its forerunner.

    clocks: the wall clock's times of `instants`, see `Instants`. tolerance_us: clocks may be so far
    apart. A time has another reading when the hour comes twice, or just after a gap: the log's
    clock may not have been put forward. It takes that one when only that one keeps the order.
    """
    before = instants[0]
    ordered = [before]
    for naive, us in zip(clocks[1:], instants[1:], strict=True):
        least = pc.subtract(before, tolerance_us)
        read = us if naive is None else _not_before(least, naive, us, timezone)
        ordered.append(read)
        before = pc.coalesce(read, before)
    return ordered


def has_two_readings(naive: pa.Array | None, timezone: str) -> pa.Array | None:
    """(N,): whether a time comes twice because the clock was put back; None: none does."""
    if naive is None:
        return None
    first = _assumed(naive, timezone, "earliest", "earliest")
    second = _assumed(naive, timezone, "latest", "earliest")
    return pc.fill_null(pc.not_equal(first, second), False)


def nearest(naive: pa.Array | None, us: pa.Array, expected: pa.Array, timezone: str) -> pa.Array:
    """The reading of each time that is nearest to the expected instant, where there is one."""
    if naive is None:
        return us
    for other in (
        _assumed(naive, timezone, "earliest", "earliest"),
        _assumed(naive, timezone, "latest", "earliest"),
        _by_the_clock_before(naive, timezone),
    ):
        distance = pc.abs(pc.subtract(us, expected))
        is_nearer = pc.less(pc.abs(pc.subtract(other, expected)), distance)
        us = pc.if_else(pc.fill_null(is_nearer, False), other, us)
    return us


def _not_before(before: pa.Array, naive: pa.Array, us: pa.Array, timezone: str) -> pa.Array:
    is_early = pc.fill_null(pc.and_(naive.is_valid(), pc.less(us, before)), False)
    if not pc.any(is_early).as_py():
        return us
    for other in (
        _assumed(naive, timezone, "latest", "earliest"),
        _by_the_clock_before(naive, timezone),
    ):
        fits = pc.and_(is_early, pc.and_(pc.greater(other, us), pc.greater_equal(other, before)))
        us = pc.if_else(pc.fill_null(fits, False), other, us)
        is_early = pc.fill_null(pc.less(us, before), False)
    return us


def _by_the_clock_before(naive: pa.Array, timezone: str) -> pa.Array:
    """Microseconds, with the offset that was in force three hours earlier."""
    earlier = pc.subtract(naive, BEFORE_GAP)
    return pc.add(_assumed(earlier, timezone, "earliest", "earliest"), BEFORE_GAP_US)


def _assumed(naive: pa.Array, timezone: str, twice: str, skipped: str) -> pa.Array:
    zoned = pc.assume_timezone(naive, timezone, ambiguous=twice, nonexistent=skipped)
    return zoned.cast(pa.int64())
