"""Regressions as the terminal and HTTP show them."""

from dataclasses import dataclass
from datetime import datetime

from runlore.kernel.readable import readable_number, readable_share
from runlore.signals.actions.regressions import SeriesRegression
from runlore.signals.views import name_series


@dataclass(frozen=True)
class RegressionView:
    """change, low, high: shares of `before`, with the interval of 95 %."""

    series: str
    scope: str
    source: str
    started_at: datetime
    seen_at: datetime
    change: float
    low: float
    high: float
    before: float
    after: float
    is_standing: bool


def show_regression(one: SeriesRegression) -> RegressionView:
    change, series = one.change, one.series
    return RegressionView(
        series=series.name,
        scope=series.scope,
        source=series.source,
        started_at=one.started_at,
        seen_at=one.seen_at,
        change=change.size,
        low=change.low,
        high=change.high,
        before=change.before,
        after=change.after,
        is_standing=one.is_standing,
    )


def tabulate_regression(view: RegressionView) -> dict[str, object]:
    return {
        "series": name_series(view.series, view.scope),
        "began (UTC)": f"{view.started_at:%Y-%m-%d %H:%M}",
        "change": signed_share(view.change),
        "95 % interval": f"{signed_share(view.low)} to {signed_share(view.high)}",
        "level": f"{readable_number(view.before)} → {readable_number(view.after)}",
        "state": "stands" if view.is_standing else "over",
    }


def signed_share(share: float) -> str:
    """
    >>> signed_share(0.243), signed_share(-0.05)
    ('+24 %', '-5 %')
    """
    return f"{'-' if share < 0 else '+'}{readable_share(abs(share))}"
