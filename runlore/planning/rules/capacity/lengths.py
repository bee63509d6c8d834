"""Lengths of time as people write them."""

import re

from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.errors import BadInput

UNITS_S = {"s": 1.0, "min": 60.0, "m": 60.0, "h": HOUR_S, "d": DAY_S, "w": 7 * DAY_S}
LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)")


def read_length_s(text: str, named: str) -> float:
    """In seconds. Raises BadInput.

    >>> read_length_s("10min", "within"), read_length_s("1.5 h", "within")
    (600.0, 5400.0)
    """
    found = LENGTH.fullmatch(text.strip())
    if not found or len(text) > 20:
        raise BadInput(f"{named}: {text[:40]!r} is not a length such as 10min, 2h or 90d", named)
    return float(found[1]) * UNITS_S[found[2]]
