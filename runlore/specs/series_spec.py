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
from runlore.specs.model_spec import NAME, RetrainingPolicy

HORIZONS_S = (DAY_S, 7 * DAY_S, 30 * DAY_S)
MOST_SERIES = 200
LIMIT_SIDES = ("above", "below")
PERCENT = ("%", "percent")
RETRAINING = RetrainingPolicy(least_new_labels=0, every_s=28 * DAY_S)


@dataclass(frozen=True)
class ForecastGates:
    """What new forecasters must show on values that were held out, to become the champion.

    most_ratio: their error, as a share of that of the last season again. most_loss: as a share of
    the champion's. most_coverage_gap: how far the share of values in the bands may be from `level`.
    """

    most_ratio: float = 1.0
    most_loss: float = 1.02
    most_coverage_gap: float = 0.1


@dataclass(frozen=True)
class ForecastDrift:
    """When scored forecasts are worse than was measured at the training.

    most_growth: of the error ratio to the last season again. most_coverage_loss: of the share of
    values in the bands. least_windows: of the length of the horizon, without overlap, that have to
    be scored first. false_alarms: how often an unchanged series spec may be said to drift, at each
    look.
    """

    most_growth: float = 1.1
    most_coverage_loss: float = 0.05
    least_windows: int = 5
    false_alarms: float = 0.001


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
    gates, drift, retraining: of the forecasters that are trained.
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
    gates: ForecastGates = ForecastGates()
    drift: ForecastDrift = ForecastDrift()
    retraining: RetrainingPolicy = RETRAINING

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise Misconfigured(
                f"series spec {self.name!r}: use a-z, 0-9 and - in its name, a letter first"
            )
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
