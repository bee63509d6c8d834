"""What a training of a series spec leaves in MLflow: parameters, scores, tables, pictures, card."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from runlore.kernel.readable import readable_duration
from runlore.registry.names import score_name
from runlore.signals import plots, skill_plots
from runlore.signals.actions import forecasting
from runlore.signals.actions.issued_forecasts import request_of
from runlore.signals.queries import StoredSeries
from runlore.signals.rules.forecasts.forecast_gates import ForecastVerdict, HorizonEvidence
from runlore.signals.rules.forecasts.forecasters import BASELINE
from runlore.signals.rules.forecasts.holdout import HoldoutScore, newest_held_out
from runlore.signals.rules.forecasts.series_card import write_card
from runlore.signals.rules.forecasts.series_model import StoredForecaster
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from runlore.registry import TrainingRun
    from runlore.registry.tables import Row

MOST_TABLE_ROWS = 1_000
NOT_MEASURED = dict.fromkeys(
    ("error", "baseline error", "error ratio", "coverage", "points", "heaviest")
)
TOO_SHORT = "too short for values to be held out"


@dataclass(frozen=True)
class UnlearnedSeries:
    """A series and horizon that cannot be forecast, and why."""

    series: StoredSeries
    horizon_s: float
    reason: str


@dataclass(frozen=True)
class LearnedSeries:
    """One series and horizon, as known at an instant.

    score: on held-out values; None: too short. span_us: of its past. steps: of its grid.
    """

    series: StoredSeries
    horizon_s: float
    as_of: datetime
    stored: StoredForecaster
    score: HoldoutScore | None
    span_us: tuple[int, int]
    steps: int
    digest: str

    @property
    def is_fallback(self) -> bool:
        return set(self.stored.learned.weights) == {BASELINE}

    @property
    def ratio(self) -> float | None:
        """Of the error to that of the last season again; None: not measured."""
        if self.score is None or not self.score.baseline_error:
            return None
        return self.score.error / self.score.baseline_error


@dataclass(frozen=True)
class SeriesLearning:
    """series: of the spec, also those that taught nothing. horizons: in the spec's order."""

    series: int
    learned: tuple[LearnedSeries, ...]
    horizons: tuple[HorizonEvidence, ...]
    unlearned: tuple[UnlearnedSeries, ...] = ()

    @property
    def data_digest(self) -> str:
        digest = hashlib.sha256()
        for one in self.learned:
            digest.update(f"{one.series.source}\n{one.series.name}\n{one.series.scope}".encode())
            digest.update(f"{one.span_us} {one.digest}".encode())
        return digest.hexdigest()


def describe(
    run: "TrainingRun",
    store: Store,
    spec: SeriesSpec,
    learning: SeriesLearning,
    verdict: ForecastVerdict,
) -> str:
    """Log all of a run but its data; returns the model card."""
    run.parameters(_parameters(spec, learning))
    run.scores(scores(learning))
    run.table("series", _rows(learning), "Every series and horizon on held-out values")
    pictures = {name: run.figure(name, figure) for name, figure in _figures(store, spec, learning)}
    card = write_card(spec, learning.horizons, verdict, pictures, describe_series(spec, learning))
    run.card(card)
    run.tags({"runlore.verdict": "passed" if verdict.passed else "refused"})
    return card


def scores(learning: SeriesLearning) -> dict[str, float]:
    """Those of each horizon, on held-out values."""
    values: dict[str, float] = {}
    for one in learning.horizons:
        ahead = readable_duration(one.horizon_s)
        if one.is_measured:
            values[score_name("held out", ahead, "error ratio")] = one.ratio
            values[score_name("held out", ahead, "coverage")] = one.coverage
            values[score_name("held out", ahead, "series")] = one.series
        values[score_name("learned", ahead, "series")] = one.learned
        if one.learned:
            values[score_name("learned", ahead, "fallback share")] = one.fallbacks / one.learned
        if one.against is not None:
            values[score_name("held out", ahead, "error ratio to champion")] = one.against
    return values


def _parameters(spec: SeriesSpec, learning: SeriesLearning) -> dict[str, object]:
    return {
        "series": spec.series,
        "scope": spec.scope,
        "source": spec.source,
        "horizons_s": ", ".join(f"{horizon_s:g}" for horizon_s in spec.horizons_s),
        "level": spec.level,
        "lower": spec.lower,
        "upper": spec.upper,
        "most_series": spec.most_series,
        "series_of_spec": learning.series,
        "most_ratio": spec.gates.most_ratio,
        "most_loss": spec.gates.most_loss,
        "most_coverage_gap": spec.gates.most_coverage_gap,
    }


def _rows(learning: SeriesLearning) -> "list[Row]":
    rows = [_row(one) for one in learning.learned] + [
        {"series": one.series.name, "scope": one.series.scope, "source": one.series.source}
        | {"ahead": readable_duration(one.horizon_s), **NOT_MEASURED, "note": one.reason}
        for one in learning.unlearned
    ]
    return rows[:MOST_TABLE_ROWS]


def _row(one: LearnedSeries) -> "Row":
    heaviest = sorted(one.stored.learned.weights.items(), key=lambda pair: -pair[1])[:3]
    score = one.score
    return {
        "series": one.series.name,
        "scope": one.series.scope,
        "source": one.series.source,
        "ahead": readable_duration(one.horizon_s),
        "error": score.error if score else None,
        "baseline error": score.baseline_error if score else None,
        "error ratio": one.ratio,
        "coverage": score.inside / score.points if score else None,
        "points": score.points if score else None,
        "heaviest": ", ".join(f"{name} {weight:.0%}" for name, weight in heaviest),
        "note": one.stored.learned.note or ("" if score else TOO_SHORT),
    }


def describe_series(spec: SeriesSpec, learning: SeriesLearning) -> str:
    """How many series there are, and which of them no horizon was learned for."""
    of_learned = {one.series for one in learning.learned}
    missing = {one.series: one.reason for one in reversed(learning.unlearned)}  # the first horizon
    left = [(one, why) for one, why in reversed(missing.items()) if one not in of_learned]
    text = f"{learning.series} series match `{spec.series}`"
    if not left:
        return f"{text}."
    first, reason = left[0]
    name = _name(first)
    more = f", and {len(left) - 1} more in the table `series`" if len(left) > 1 else ""
    return f"{text}. {len(left)} of them cannot be forecast: {name} ({reason}){more}."


def _figures(
    store: Store, spec: SeriesSpec, learning: SeriesLearning
) -> "Iterator[tuple[str, Figure]]":
    measured = [one for one in learning.learned if one.ratio is not None]
    ratios = {
        horizon_s: [one.ratio for one in measured if one.horizon_s == horizon_s and one.ratio]
        for horizon_s in spec.horizons_s
    }
    yield "skill_by_series", skill_plots.draw_skill(ratios)
    yield "coverage", skill_plots.draw_coverage(learning.horizons, spec.level, spec.gates)
    for name, one in _examples(measured):
        yield f"forecast_{name}", _draw(store, spec, one, name)


def _examples(measured: Sequence[LearnedSeries]) -> list[tuple[str, LearnedSeries]]:
    """The best, the middle and the worst of the first horizon that was measured."""
    first = [one for one in measured if one.horizon_s == measured[0].horizon_s]
    ranked = sorted(first, key=lambda one: one.ratio or 0.0)
    places = {"best": 0, "middle": len(ranked) // 2, "worst": len(ranked) - 1}
    taken: dict[int, str] = {}
    for name, place in places.items():
        taken.setdefault(place, name)
    return [(name, ranked[place]) for place, name in taken.items()] if ranked else []


def _draw(store: Store, spec: SeriesSpec, one: LearnedSeries, name: str) -> "Figure":
    """The newest values that were held out, beside their forecast."""
    request = request_of(spec, one.horizon_s)
    past, steps = forecasting.read_past(store, one.series, one.as_of, request)
    ahead = newest_held_out(past, steps, spec.level, request.bounds)
    series = one.series
    title = f"{_name(series)}, the {name} of the series"
    finding = f"on held-out values, {one.ratio:.2f} times the error of the last season again"
    y_name = f"{series.name} ({series.unit})" if series.unit else series.name
    return plots.draw_forecast(title, finding, past.in_utc(), ahead, y_name)


def _name(series: StoredSeries) -> str:
    return f"{series.name} of {series.scope}" if series.scope else series.name
