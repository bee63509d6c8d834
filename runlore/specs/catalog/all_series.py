"""Forecasts of every series, a day, a week and 30 days ahead."""

from runlore.specs.series_spec import SeriesSpec

SPEC = SeriesSpec("all-series")
