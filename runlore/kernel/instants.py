"""Instants: aware UTC datetimes outside, whole microseconds since 1970 inside."""

from datetime import UTC, datetime, timedelta

from runlore.kernel.errors import BadInput

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def now() -> datetime:
    """The only place that reads the clock; call it at a process edge and pass the value on."""
    return datetime.now(UTC)


def to_us(instant: datetime) -> int:
    """Whole microseconds since 1970-01-01 UTC.

    >>> to_us(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (instant - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def parse(text: str, field: str = "instant") -> datetime:
    """Read ISO 8601; an instant without a zone is refused, since it names no moment.

    >>> parse("2026-01-01T00:00:00+01:00").isoformat()
    '2025-12-31T23:00:00+00:00'
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{field}: {text!r} is not an ISO 8601 instant", field) from error
    if instant.tzinfo is None:
        raise BadInput(f"{field}: {text!r} has no time zone; add Z or an offset", field)
    return instant.astimezone(UTC)
