"""A forecast as the terminal, HTTP and plots show it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from runlore.kernel.instants import from_us
from runlore.kernel.readable import readable_duration, readable_number, readable_share
from runlore.signals.actions.forecasting import SeriesForecast
from runlore.signals.queries import StoredSeries
from runlore.signals.queries.forecast_ledger import SeriesSkill
from runlore.signals.rules.series.grid import SECOND_US


@dataclass(frozen=True)
class ForecastPoint:
    """at: when the step begins. low, high: the band."""

    at: datetime
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ForecastView:
    """coverage: the share of past values that bands held. gain: over the last season again.

    weights: of the ways that were combined, the heaviest first. level_changed_at: when the newest
    level began; None: there is one. zone: whose clocks its rhythm follows.
    """

    series: str
    scope: str
    source: str
    step_s: int
    last_point_at: datetime
    level: float
    points: Sequence[ForecastPoint]
    origins: int
    error: float
    baseline_error: float
    gain: float
    coverage: float
    weights: dict[str, float]
    note: str
    level_changed_at: datetime | None = None
    zone: str = "UTC"


def show_forecast(made: SeriesForecast) -> ForecastView:
    ahead, skill = made.ahead, made.ahead.skill
    step_us = ahead.step_s * SECOND_US
    instants = [from_us(ahead.start_us + step * step_us) for step in range(len(ahead.value))]
    rows = zip(instants, ahead.value, ahead.low, ahead.high, strict=True)
    heaviest = sorted(ahead.weights.items(), key=lambda one: -one[1])
    return ForecastView(
        series=made.series.name,
        scope=made.series.scope,
        source=made.series.source,
        step_s=ahead.step_s,
        last_point_at=from_us(made.past.end_us - step_us),
        level=ahead.level,
        points=[ForecastPoint(at, float(v), float(low), float(high)) for at, v, low, high in rows],
        origins=skill.origins,
        error=skill.error,
        baseline_error=skill.baseline_error,
        gain=skill.gain,
        coverage=skill.coverage,
        weights={name: round(weight, 4) for name, weight in heaviest},
        note=ahead.note,
        level_changed_at=None if ahead.changed_us is None else from_us(ahead.changed_us),
        zone=made.zone,
    )


def name_series(name: str, scope: str) -> str:
    """
    >>> name_series("cpu", "web-1"), name_series("cpu", "")
    ('cpu of web-1', 'cpu')
    """
    return f"{name} of {scope}" if scope else name


def series_row(series: StoredSeries) -> dict[str, object]:
    """The columns of a table."""
    return {
        "series": name_series(series.name, series.scope),
        "source": series.source,
        "first": f"{series.first_at:%Y-%m-%d}",
        "last (UTC)": f"{series.last_at:%Y-%m-%d %H:%M}",
        "value": f"{readable_number(series.last_value)} {series.unit}".strip(),
    }


def skill_rows(skills: Sequence[SeriesSkill]) -> list[dict[str, object]]:
    """The rows of a table; reasons and notes are said apart. Versions are shown where one has any.

    v: the version that made the newest forecast.
    """
    rows = [_skill_row(one) for one in skills]
    if any(one.version for one in skills):
        return [row | {"v": one.version or "-"} for row, one in zip(rows, skills, strict=True)]
    return rows


def _skill_row(skill: SeriesSkill) -> dict[str, object]:
    return {
        "series": name_series(skill.name, skill.scope),
        "ahead": readable_duration(skill.horizon_s),
        "scored": f"{skill.scored} of {skill.forecasts}",
        "error": "-" if skill.error is None else readable_number(skill.error),
        "baseline": "-" if skill.baseline_error is None else readable_number(skill.baseline_error),
        "less": "-" if skill.gain is None else _signed(skill.gain),
        "held": "-" if skill.coverage is None else readable_share(skill.coverage),
    }


def title_forecast(view: ForecastView) -> str:
    """Of what it is, and how far it reaches."""
    name = name_series(view.series, view.scope)
    return f"{name}, the next {readable_duration(len(view.points) * view.step_s)}"


def conclude_forecast(view: ForecastView) -> str:
    """How good it was on the past, in a sentence. The baseline is the last season again."""
    if view.note:
        return view.note
    gain = readable_share(view.gain)
    return (
        f"{gain} less error than the last season again, over {view.origins} forecasts of the past"
    )


def show_skill(skill: SeriesSkill) -> dict[str, object]:
    """With the gain over the last season again."""
    return asdict(skill) | {"gain": skill.gain}


def _signed(share: float) -> str:
    return f"{'-' if share < 0 else ''}{readable_share(abs(share))}"
