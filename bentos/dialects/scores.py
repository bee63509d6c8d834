"""What was measured of answers, as the products are told it."""

from datetime import datetime
from typing import Literal

from bentos.http.schemas import Closed
from runlore.performance.queries import PerformanceResult
from runlore.reports.actions.overview import SpecWatch

Source = Literal["measured", "estimated"]
SOURCES: dict[str, Source] = {"realised": "measured", "estimated": "estimated"}
STANDS: dict[str, Literal["drifted", "stable", "unknown"]] = {
    "drift": "drifted",
    "no drift": "stable",
    "not enough data": "unknown",
}


class ModelMetric(Closed):
    """low, high: of its 95 % interval. estimated: without outcomes, which are not known yet."""

    metric: str
    value: float
    low: float | None
    high: float | None
    source: Source


class ModelWindow(Closed):
    """outcomes: known of the predictions' work. maturity: their share, once all work is done."""

    start: datetime
    end: datetime
    predictions: int
    outcomes: int
    maturity: float | None
    metrics: list[ModelMetric]


class ModelDrift(Closed):
    """columns: what drifted, the most first; a feature, the predictions or the outcomes."""

    status: Literal["drifted", "stable", "unknown"]
    window_end: datetime
    drifted_share: float
    columns: list[str]
    reasons: list[str]


def metrics(scores: tuple[PerformanceResult, ...]) -> list[ModelMetric]:
    return [
        ModelMetric(
            metric=result.score,
            value=result.value,
            low=result.low,
            high=result.high,
            source=SOURCES[result.source],
        )
        for result in scores
    ]


def windows(watched: SpecWatch) -> list[ModelWindow]:
    """The newest first."""
    by_end: dict[datetime, list[PerformanceResult]] = {}
    for result in watched.scores:
        by_end.setdefault(result.window_to, []).append(result)
    return [
        ModelWindow(
            start=of_window[0].window_from,
            end=end,
            predictions=of_window[0].answers,
            outcomes=of_window[0].labelled,
            maturity=of_window[0].maturity,
            metrics=metrics(tuple(of_window)),
        )
        for end, of_window in by_end.items()
    ]


def drift(watched: SpecWatch) -> ModelDrift | None:
    if watched.drift is None or watched.drift_until is None:
        return None
    verdict = watched.drift
    return ModelDrift(
        status=STANDS[verdict.answer],
        window_end=watched.drift_until,
        drifted_share=verdict.drifted_share,
        columns=[column.name for column in verdict.drifted],
        reasons=list(verdict.reasons),
    )
