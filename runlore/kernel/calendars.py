"""Time zones and the holidays of countries, by name."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from runlore.kernel.errors import BadInput

HolidaysOf = Callable[[int, int], frozenset[date]]  # of the years from one to another
LATEST_YEAR = 2200


def no_holidays(_first: int, _last: int) -> frozenset[date]:
    return frozenset()


def find_zone(name: str) -> tzinfo:
    """A zone of the IANA database. Raises BadInput for another name.

    >>> str(find_zone("Europe/Berlin"))
    'Europe/Berlin'
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadInput(
            f"zone: {name[:60]!r} is not a time zone such as Europe/Berlin", "zone"
        ) from error


def zone_of(name: object) -> tzinfo | None:
    """The zone of that name, or None.

    >>> str(zone_of("Asia/Tokyo")), zone_of("nowhere"), zone_of(None)
    ('Asia/Tokyo', None, None)
    """
    if not isinstance(name, str) or not name:
        return None
    try:
        return find_zone(name)
    except BadInput:
        return None


def find_holidays(named: str | Sequence[date]) -> HolidaysOf:
    """Holidays of a country, or the days themselves. Raises BadInput for an unknown country.

    named: an ISO code of a country, with that of a part of it: `DE`, `DE-BY`, `US-CA`; empty: none.
    """
    if not named:
        return no_holidays
    if isinstance(named, str):
        _of_country(named, 2000, 2000)
        return lambda first, last: _of_country(named, first, min(last, LATEST_YEAR))
    days = frozenset(named)
    return lambda _first, _last: days


@lru_cache(maxsize=256)
def _of_country(code: str, first: int, last: int) -> frozenset[date]:
    import holidays

    country, _, part = code.partition("-")
    years = range(first, last + 1)
    try:
        return frozenset(holidays.country_holidays(country, subdiv=part or None, years=years))
    except (NotImplementedError, ValueError) as error:
        raise BadInput(
            f"holidays: {code[:20]!r} is not a country such as DE, or a part of one such as US-CA",
            "holidays",
        ) from error
