"""Limits as people and tools write them: 30 %, 2h, `--time=02:00:00`, `timeout-minutes: 120`."""

import math
import re
from decimal import Decimal

from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.errors import BadInput
from runlore.kernel.readable import IN_BYTES, IN_SECONDS

SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), HOUR_S),
    **dict.fromkeys(("d", "day", "days"), DAY_S),
    **dict.fromkeys(("w", "week", "weeks"), 7 * DAY_S),
    "ms": 1e-3,
}
# As Slurm and Nextflow count: a K is 1,024 bytes, and so is a KB.
BYTES = {"b": 1.0, "bytes": 1.0} | {
    f"{letter}{end}": 1024.0**power
    for power, letter in enumerate("kmgtpe", 1)
    for end in ("", "b", "ib")
}
LONGEST = 100  # characters of a limit
NUMBER = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
PARTS = re.compile(rf"(?:({NUMBER})\s*([a-z]+)\s*)")
CLOCK = re.compile(r"(?:([0-9]+)-)?([0-9]+):([0-5]?[0-9])(?::([0-5]?[0-9]))?")
PLAIN = re.compile(rf"({NUMBER})(?:e[+-]?[0-9]+)?")


def parse_limit(text: str, unit: str, field: str = "max") -> float:
    """A limit in the unit of a quantity, or as a probability. Raises BadInput for the field.

    >>> parse_limit("30%", "probability"), parse_limit("0.3", "probability")
    (0.3, 0.3)
    >>> parse_limit("1h30m", "s"), parse_limit("02:00:00", "s"), parse_limit("3600", "s")
    (5400.0, 7200.0, 3600.0)
    >>> parse_limit("4GB", "bytes"), parse_limit("2 GiB", "MiB")
    (4294967296.0, 2048.0)
    """
    said = text.strip().lower() if len(text) <= LONGEST else ""
    limit = _plain(said)
    if limit is None and said.endswith("%") and unit == "probability":
        percent = _plain(said[:-1].strip())
        limit = None if percent is None else float(Decimal(said[:-1].strip()) / 100)
    if limit is None and unit in IN_SECONDS:
        limit = _clock(said)
        limit = _parts(said, SECONDS, IN_SECONDS[unit]) if limit is None else limit
    if limit is None and unit in IN_BYTES:
        limit = _parts(said, BYTES, IN_BYTES[unit])
    if limit is None or not math.isfinite(limit):
        raise BadInput(f"{field}: {text[:80]!r} is no limit; {_example(unit)}", field)
    if unit == "probability" and limit > 1:
        more = f"{field}: {text[:80]!r} is more than a probability can be; write 0.3"
        raise BadInput(more, field)
    return limit


def with_margin(value: float, text: str, unit: str) -> float:
    """A value with a margin: a share of it, or a quantity of its unit.

    >>> with_margin(100.0, "10%", "s"), with_margin(100.0, "2m", "s")
    (110.0, 220.0)
    """
    said = text.strip()
    if said.endswith("%") and (percent := _plain(said[:-1].strip())) is not None:
        return value + value * percent / 100
    return value + parse_limit(text, unit, "add")


def _plain(text: str) -> float | None:
    return float(text) if PLAIN.fullmatch(text) else None


def _clock(text: str) -> float | None:
    """`HH:MM:SS`, `D-HH:MM:SS` and `HH:MM`, in seconds."""
    match = CLOCK.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return days * DAY_S + hours * HOUR_S + minutes * 60 + seconds


def _parts(text: str, units: dict[str, float], unit_size: float) -> float | None:
    """The sum of `1h30m` or `4 GB`, in units of that size."""
    parts = PARTS.findall(text)
    if not parts or PARTS.sub("", text) or any(name not in units for _, name in parts):
        return None
    return sum(float(number) * units[name] for number, name in parts) / unit_size


def _example(unit: str) -> str:
    if unit == "probability":
        return "write a probability, such as 0.3 or 30%"
    if unit in IN_SECONDS:
        return f"write a length of time, such as 2h, 90s, 1h30m, 02:00:00, or a number of {unit}"
    if unit in IN_BYTES:
        return f"write a size, such as 4GB or 512MB, or a number of {unit}"
    return f"write a number of {unit}"
