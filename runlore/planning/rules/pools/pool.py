"""A pool of people or machines: how many slots it has, for what, and when."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from itertools import pairwise
from typing import Any

from runlore.kernel.calendars import find_holidays, find_zone
from runlore.kernel.errors import BadInput

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 1440
LARGEST_SIZE = 1e6
LARGEST_COST = 1e12
MOST_NAMES = 200
LONGEST_NAME = 200
MOST_SPANS = 10  # a day
MOST_HOLIDAYS = 2_000
SPAN = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")


@dataclass(frozen=True)
class Pool:
    """Capacity that tasks share.

    size: slots at a time, above 0; half a person is 0.5. serves: kinds that run here; empty: all.
    slots_input: the number in a task's inputs that says how many slots it takes; empty: one each.
    hours: weekday -> spans such as `09:00-17:00` by the clocks of `zone`; empty: always open, a
    weekday that is missing: closed. holidays: closed on those of a country such as `DE`, or on
    these days. cost_per_hour: of one slot. budget_per_month: in the same money.

    Raises BadInput for a value that makes no sense, with the name of the field.
    """

    name: str
    size: float
    serves: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    slots_input: str = ""
    zone: str = "UTC"
    hours: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    holidays: str | tuple[date, ...] = ""
    cost_per_hour: float | None = None
    budget_per_month: float | None = None

    def __post_init__(self) -> None:
        _check_text(self.name, "name", least=1)
        _check_text(self.slots_input, "slots_input")
        _check_number(self.size, "size", LARGEST_SIZE, is_above_zero=True)
        for named in ("cost_per_hour", "budget_per_month"):
            if getattr(self, named) is not None:
                _check_number(getattr(self, named), named, LARGEST_COST)
        for named in ("serves", "skills"):
            _check_names(getattr(self, named), named)
        _check_text(self.zone, "zone", least=1)
        find_zone(self.zone)
        find_holidays(self.holidays)
        for weekday, spans in self.hours.items():
            _check_day(weekday, spans)
        if self.hours and not any(self.hours.values()):
            raise BadInput(
                "hours: the pool is never open; name a span, or leave hours out", "hours"
            )

    def serves_kind(self, kind: str) -> bool:
        return not self.serves or kind in self.serves

    def spans_of(self, weekday: int) -> tuple[tuple[int, int], ...]:
        """Minutes of the day from which to which it is open. weekday: 0 is Monday."""
        if not self.hours:
            return ((0, DAY_MINUTES),)
        return tuple(sorted(map(read_span, self.hours.get(WEEKDAYS[weekday], ()))))


NAMES = frozenset(one.name for one in fields(Pool))


def read_pool(values: Mapping[str, Any]) -> Pool:
    """A pool from JSON. Raises BadInput for unknown fields, wrong types and wrong values."""
    if not isinstance(values, Mapping):
        raise BadInput('a pool is an object such as {"name": "gpu", "size": 8}')
    if unknown := sorted(values.keys() - NAMES, key=str):
        raise BadInput(
            f"unknown field {str(unknown[0])[:60]!r}; fields of a pool: {', '.join(sorted(NAMES))}",
            str(unknown[0])[:60],
        )
    for needed in ("name", "size"):
        if needed not in values:
            raise BadInput(f"{needed}: a pool needs it", needed)
    taken = {name: value for name, value in values.items() if value is not None}
    for named in ("serves", "skills"):
        if named in taken:
            taken[named] = _listed(taken[named], named)
    if "hours" in taken:
        taken["hours"] = _hours(taken["hours"])
    if "holidays" in taken:
        taken["holidays"] = _holidays(taken["holidays"])
    return Pool(**taken)


def write_pool(pool: Pool) -> dict[str, Any]:
    """The same as JSON: `read_pool` of it is the pool."""
    values: dict[str, Any] = {one.name: getattr(pool, one.name) for one in fields(pool)}
    days = pool.holidays
    return values | {
        "serves": list(pool.serves),
        "skills": list(pool.skills),
        "hours": {weekday: list(spans) for weekday, spans in pool.hours.items()},
        "holidays": days if isinstance(days, str) else [day.isoformat() for day in days],
    }


def read_span(text: str) -> tuple[int, int]:
    """Minutes of the day. Raises BadInput.

    >>> read_span("09:00-17:30")
    (540, 1050)
    """
    found = SPAN.fullmatch(text)
    if found:
        first, second, third, fourth = map(int, found.groups())
        start, end = 60 * first + second, 60 * third + fourth
        if max(second, fourth) < 60 and start < end <= DAY_MINUTES:
            return start, end
    raise BadInput(
        f"hours: {text[:40]!r} is not a span such as 09:00-17:00; a night is two spans:"
        " 22:00-24:00 and, on the next day, 00:00-06:00",
        "hours",
    )


def _check_day(weekday: str, spans: Sequence[str]) -> None:
    if weekday not in WEEKDAYS:
        raise BadInput(f"hours: {weekday[:40]!r} is none of {', '.join(WEEKDAYS)}", "hours")
    if len(spans) > MOST_SPANS:
        raise BadInput(f"hours: {weekday} has {len(spans)} spans; at most {MOST_SPANS}", "hours")
    read = sorted(map(read_span, spans))
    if any(end > start for (_, end), (start, _) in pairwise(read)):
        raise BadInput(f"hours: spans of {weekday} overlap", "hours")


def _check_number(value: object, named: str, most: float, *, is_above_zero: bool = False) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    number = float(value) if is_number else math.nan  # type: ignore[arg-type]
    is_right = 0 < number <= most if is_above_zero else 0 <= number <= most
    if not is_right:
        least = "above 0" if is_above_zero else "from 0"
        raise BadInput(f"{named}: {str(value)[:40]!r} is not a number {least} to {most:g}", named)


def _check_text(value: object, named: str, least: int = 0) -> None:
    if not isinstance(value, str) or not least <= len(value) <= LONGEST_NAME:
        raise BadInput(f"{named}: use a text of {least} to {LONGEST_NAME} characters", named)
    if any(ord(one) < 32 for one in value) or value != value.strip():
        raise BadInput(f"{named}: {value[:40]!r} begins or ends blank, or is not printable", named)


def _check_names(names: Sequence[str], named: str) -> None:
    if len(names) > MOST_NAMES:
        raise BadInput(f"{named}: {len(names)} names; at most {MOST_NAMES}", named)
    for one in names:
        _check_text(one, named, least=1)


def _listed(value: object, named: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise BadInput(f"{named}: {str(value)[:40]!r} is not a list", named)
    return tuple(value)


def _hours(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise BadInput('hours: use an object such as {"mon": ["09:00-17:00"]}', "hours")
    return {str(weekday): tuple(_spans(spans)) for weekday, spans in value.items()}


def _spans(spans: object) -> Iterator[str]:
    for one in _listed(spans, "hours"):
        if not isinstance(one, str):
            raise BadInput(f"hours: {str(one)[:40]!r} is not a span such as 09:00-17:00", "hours")
        yield one


def _holidays(value: object) -> str | tuple[date, ...]:
    if isinstance(value, str):
        return value
    days = _listed(value, "holidays")
    if len(days) > MOST_HOLIDAYS:
        raise BadInput(f"holidays: {len(days)} days; at most {MOST_HOLIDAYS}", "holidays")
    try:
        return tuple(day if isinstance(day, date) else date.fromisoformat(day) for day in days)
    except (TypeError, ValueError) as error:
        raise BadInput(
            "holidays: use a country such as DE, or days such as 2026-12-24", "holidays"
        ) from error
