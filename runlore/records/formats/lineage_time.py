"""The times of OpenLineage events, in the forms that producers write."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from runlore.kernel.errors import BadInput
from runlore.kernel.instants import to_us

ZONE_NAME = re.compile(r"\[[^\]]*\]$")  # as Java writes it, after the offset


def read_time(value: Any, field: str, timezone: str | None) -> int:  # noqa: ANN401  (JSON)
    """Microseconds since 1970. Digits beyond them are cut off.

    timezone: of a time without a zone; None: that is an error. Raises BadInput.

    >>> read_time("1970-01-01T01:00:00.000001999+01:00", "eventTime", None)
    1
    """
    if not isinstance(value, str):
        what = "is missing" if value is None else f"{value!r:.40} is not text"
        raise BadInput(f"{field}: {what}; it is an ISO 8601 time with a zone", field)
    try:
        instant = datetime.fromisoformat(ZONE_NAME.sub("", value.strip()))
    except ValueError as error:
        raise BadInput(f"{field}: {value[:40]!r} is not an ISO 8601 time", field) from error
    if instant.tzinfo is None:
        if timezone is None:
            raise BadInput(f"{field}: {value[:40]!r} has no zone; add Z or an offset", field)
        instant = instant.replace(tzinfo=UTC if timezone == "UTC" else ZoneInfo(timezone))
    try:
        return to_us(instant)
    except OverflowError as error:
        raise BadInput(f"{field}: {value[:40]!r} is not between 1970 and 2200", field) from error
