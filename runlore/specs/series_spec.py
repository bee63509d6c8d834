"""A series spec: which series are forecast regularly, how far, and within which bounds.

A user's own spec is a module-level `SeriesSpec`, named in `RUNLORE_SERIES_SPECS`.
"""

from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from math import isfinite
from typing import Literal

from runlore.kernel.calendars import find_holidays, find_zone
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput, Misconfigured

HORIZONS_S = (DAY_S, 7 * DAY_S, 30 * DAY_S)
MOST_SERIES = 200
LIMIT_SIDES = ("above", "below")
PERCENT = ("%", "percent")


@dataclass(frozen=True)
class SeriesSpec:
    """Which series, and what is wanted of their forecasts.

    name: of the spec. series, scope, source: patterns such as `cpu*`. horizons_s: how far ahead, in
    seconds. level: the share of values to come that bands should hold. lower, upper: what no value
    can be below or above, in the series' unit. most_series: the first ones by name and scope.
    zone: whose clocks their rhythm follows. holidays: a country such as `DE` or `US-CA`, or days.
    limit: a value that should not be reached from below (`above`) or from above (`below`); None:
    100 of percents, else none. unit: of the values; empty: as the series says. lead_s: how long
    before a limit may be reached it is an alert.
    Raises Misconfigured for values that make no sense.
    """

    name: str
    series: str = "*"
    scope: str = "*"
    source: str = "*"
    horizons_s: tuple[float, ...] = HORIZONS_S
    level: float = 0.9
    lower: float = float("-inf")
    upper: float = float("inf")
    most_series: int = MOST_SERIES
    zone: str = "UTC"
    holidays: str | tuple[date, ...] = ()
    limit: float | None = None
    limit_side: Literal["above", "below"] = "above"
    unit: str = ""
    lead_s: float = 7 * DAY_S

    def __post_init__(self) -> None:
        if not self.horizons_s or min(self.horizons_s) <= 0:
            raise Misconfigured(f"series spec {self.name!r}: horizons_s must be above 0")
        if not 0.5 <= self.level <= 0.99:
            raise Misconfigured(f"series spec {self.name!r}: level must be from 0.5 to 0.99")
        if not self.lower < self.upper:
            raise Misconfigured(f"series spec {self.name!r}: lower must be below upper")
        try:
            find_zone(self.zone)
            find_holidays(self.holidays)
        except BadInput as error:
            raise Misconfigured(f"series spec {self.name!r}: {error}") from error
        if self.limit is not None and not isfinite(self.limit):
            raise Misconfigured(f"series spec {self.name!r}: limit must be a number")
        if self.limit_side not in LIMIT_SIDES:
            raise Misconfigured(f"series spec {self.name!r}: limit_side must be above or below")
        if not self.lead_s > 0:
            raise Misconfigured(f"series spec {self.name!r}: lead_s must be above 0")

    def takes(self, name: str, scope: str, source: str) -> bool:
        """Whether a series is one of this spec.

        >>> SeriesSpec("load", series="cpu*").takes("cpu_seconds", "web-1", "metrics")
        True
        """
        pairs = ((name, self.series), (scope, self.scope), (source, self.source))
        return all(fnmatchcase(text, pattern) for text, pattern in pairs)

    def limit_of(self, unit: str) -> float | None:
        """The limit of a series that says this unit.

        >>> SeriesSpec("disks").limit_of("percent"), SeriesSpec("disks", limit=90).limit_of("%")
        (100.0, 90)
        """
        if self.limit is None and (self.unit or unit).lower() in PERCENT:
            return 100.0
        return self.limit
