"""Whose clocks and holidays a series follows: those that are named, else those of its spec."""

from collections.abc import Sequence
from dataclasses import dataclass

from runlore.kernel.calendars import find_holidays, find_zone
from runlore.signals.queries import StoredSeries
from runlore.signals.rules.forecasts.calendar_grid import Calendar
from runlore.specs.series_spec import SeriesSpec

UTC_NAME = "UTC"


@dataclass(frozen=True)
class CalendarChoice:
    """zone, holidays: as they were named; None: as the spec of the series says.

    Of several specs that take a series, the first one that says a zone or holidays counts. Raises
    BadInput for names that do not exist.
    """

    specs: Sequence[SeriesSpec] = ()
    zone: str | None = None
    holidays: str | None = None

    def __post_init__(self) -> None:
        find_zone(self.zone or UTC_NAME)
        find_holidays(self.holidays or ())

    def of(self, series: StoredSeries) -> Calendar:
        spec = self._find_spec(series)
        zone = self.zone or (spec.zone if spec else UTC_NAME)
        of_spec = spec.holidays if spec else ()
        holidays = of_spec if self.holidays is None else self.holidays
        return Calendar(find_zone(zone), find_holidays(holidays))

    def _find_spec(self, series: StoredSeries) -> SeriesSpec | None:
        speaking = (spec for spec in self.specs if spec.zone != UTC_NAME or spec.holidays)
        named = (series.name, series.scope, series.source)
        return next((spec for spec in speaking if spec.takes(*named)), None)


BY_UTC = CalendarChoice()
