"""A series spec: which series are forecast regularly, how far, and within which bounds.

A user's own spec is a module-level `SeriesSpec`, named in `RUNLORE_SERIES_SPECS`.
"""

from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from runlore.kernel.calendars import find_holidays, find_zone
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput, Misconfigured

HORIZONS_S = (DAY_S, 7 * DAY_S, 30 * DAY_S)
MOST_SERIES = 200


@dataclass(frozen=True)
class SeriesSpec:
    """Which series, and what is wanted of their forecasts.

    name: of the spec. series, scope, source: patterns such as `cpu*`. horizons_s: how far ahead, in
    seconds. level: the share of values to come that bands should hold. lower, upper: what no value
    can be below or above, in the series' unit. most_series: the first ones by name and scope.
    zone: whose clocks their rhythm follows. holidays: a country such as `DE` or `US-CA`, or days.
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

    def takes(self, name: str, scope: str, source: str) -> bool:
        """Whether a series is one of this spec.

        >>> SeriesSpec("load", series="cpu*").takes("cpu_seconds", "web-1", "metrics")
        True
        """
        pairs = ((name, self.series), (scope, self.scope), (source, self.source))
        return all(fnmatchcase(text, pattern) for text, pattern in pairs)
