"""What series of metrics do: incidents, what comes next, and how right that was."""

from runlore_dashboards.declaration import Annotation, Dashboard, Panel, PanelRow, Query, stat
from runlore_dashboards.promql import of, or_zero, product

LABELS = ("series", "scope", "source")
SKILL = ("spec", "horizon_s")
FEW = 10  # series of one panel


def open_alerts(kind: str) -> str:
    """Of a kind; an alert of several instances counts once."""
    return or_zero(f"sum(max by (kind, severity) ({of('runlore_open_alerts', kind=kind)}))")


def first(metric: str) -> str:
    """Of the largest series of the newest forecasts."""
    chosen = product("runlore_forecast_value", *LABELS)
    return f"{product(metric, *LABELS)} and on ({', '.join(LABELS)}) topk({FEW}, {chosen})"


CHANGES = (Annotation("Incident", f"increase({of('runlore_open_incidents')}[2m]) > 0", "red"),)
NOW = PanelRow(
    "Now",
    (
        stat(
            "Open incidents",
            "`runlore signals incidents` shows them.",
            product("runlore_open_incidents"),
            thresholds=((1, "red"),),
        ),
        stat(
            "Series that deviate",
            "In an open incident, and not back yet.",
            product("runlore_deviating_series"),
            thresholds=((1, "orange"),),
        ),
        stat(
            "Regressions",
            "Lasting changes for the worse that stand; `runlore signals regressions`.",
            open_alerts("regression"),
            thresholds=((1, "orange"),),
        ),
        stat(
            "Limits and error budgets",
            "Alerts of limits that come near and of error budgets that burn.",
            open_alerts("limit|error-budget"),
            thresholds=((1, "orange"),),
        ),
        Panel(
            "Series that deviate, over time",
            "In open incidents.",
            (
                Query(product("runlore_deviating_series"), "series"),
                Query(product("runlore_open_incidents"), "incidents"),
            ),
            width=24,
            low=0,
        ),
    ),
)
AHEAD = PanelRow(
    "What comes next",
    (
        Panel(
            "Forecasts of now",
            f"What the newest forecasts said of now; the {FEW} largest series. Lay the series"
            " themselves over it.",
            (Query(first("runlore_forecast_value"), "{{series}} {{scope}}"),),
        ),
        Panel(
            "Bands of now",
            f"Ends of the bands of the same forecasts; the {FEW} largest series.",
            (
                Query(first("runlore_forecast_low"), "{{series}} {{scope}} low"),
                Query(first("runlore_forecast_high"), "{{series}} {{scope}} high"),
            ),
        ),
    ),
)
RIGHT = PanelRow(
    "How right forecasts were",
    (
        Panel(
            "Error beside the last season again",
            "Median over the series, of forecasts scored in 28 days; below 1 is better than the"
            " baseline. `horizon_s` is how far ahead, in seconds.",
            (Query(product("runlore_forecast_error_ratio", *SKILL), "{{spec}} {{horizon_s}} s"),),
            thresholds=((1, "red"),),
            low=0,
        ),
        Panel(
            "Values inside the bands",
            "Share of the values of the same forecasts that their bands held.",
            (
                Query(
                    product("runlore_forecast_coverage_ratio", *SKILL), "{{spec}} {{horizon_s}} s"
                ),
            ),
            "percentunit",
            low=0,
            high=1,
        ),
    ),
)
SERIES = Dashboard(
    "runlore-series",
    "Runlore: series",
    "Incidents of series of metrics, their forecasts, and how right these were.",
    (NOW, AHEAD, RIGHT),
    CHANGES,
)
