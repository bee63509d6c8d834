"""How good the answers to a period's executions were, and which failures they foresaw."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import columns
from runlore.kernel.instants import to_us
from runlore.models.score_names import display
from runlore.performance.rules.maturity import MatchedPredictions
from runlore.performance.rules.realised import LEAST_LABELS, realise
from runlore.plots.style import wilson
from runlore.records.execution import NO_INSTANT
from runlore.reports.queries.period_answers import AnswerCount
from runlore.reports.rules.change import Compared, DailyValues
from runlore.reports.rules.document import NO_PRICE, PredictionRow, ReportFigure
from runlore.reports.rules.foreseen import (
    ForeseenFailures,
    JudgedAnswers,
    count_foreseen,
    warnings_of,
)
from runlore.reports.rules.request import ReportPrices, ReportRequest
from runlore.specs.model_spec import ModelSpec, Quantity, Score
from runlore.training.rules.gates import ScoreInterval

Floats = NDArray[np.float64]
ENDED = ("succeeded", "failed", "cancelled", "partial")
SHOWN: tuple[Score, ...] = ("auc", "brier", "calibration_error", "mae", "relative_accuracy")
REPLICATES = 100
US_PER_S = 1e6


@dataclass(frozen=True, eq=False)
class PeriodAnswers:
    """frame: what `read_answers` gives of this period and the one before, without answers about
    work that taught their version. is_now: (n,), of this period. rate, medians, median: what the
    simple guess knows of the period before."""

    frame: pd.DataFrame
    counts: Sequence[AnswerCount]
    days: tuple[Sequence[date], Sequence[date]]
    rate: float
    medians: Mapping[str, float]
    median: float

    def of(self, spec: str, *, is_now: bool) -> pd.DataFrame:
        chosen = (self.frame["spec"] == spec) & (self.frame["is_now"] == is_now)
        return self.frame[chosen]


def unseen(frame: pd.DataFrame, since: Mapping[tuple[str, str], datetime]) -> pd.DataFrame:
    """The answers that are about work which did not teach their version.

    An answer that was given before the end of the work was known is always one of them.
    """
    keys = zip(frame["spec"], frame["version"], strict=True)
    never = np.iinfo(np.int64).max
    first = np.array([to_us(since[key]) if key in since else never for key in keys], dtype=np.int64)
    is_ended = frame["status"].isin(ENDED).to_numpy()
    is_early = (frame["at"] <= frame["known_at"]).to_numpy() | ~is_ended
    return frame[(frame["submitted"].to_numpy() >= first) | is_early]


def prediction_rows(
    answers: PeriodAnswers, specs: Sequence[ModelSpec], known_at: datetime
) -> list[PredictionRow]:
    """The scores of each spec that was asked, beside those of the simple guess."""
    counts = {count.spec: count for count in answers.counts}
    rows: list[PredictionRow] = []
    for spec in specs:
        count = counts.get(spec.name, AnswerCount(spec.name, 0, 0))
        frame = answers.of(spec.name, is_now=True)
        if count.answered or len(frame):
            rows += _scores(spec, count, frame, answers, known_at)
    return rows


def _scores(
    spec: ModelSpec,
    count: AnswerCount,
    frame: pd.DataFrame,
    answers: PeriodAnswers,
    known_at: datetime,
) -> list[PredictionRow]:
    unit = spec.question.unit if isinstance(spec.question, Quantity) else ""
    matched = _matched(frame, spec, known_at)
    judged = int(matched.is_known.sum())
    empty = PredictionRow(spec.name, count.answered, count.refused, judged, "", unit)
    if judged < LEAST_LABELS:
        reason = f"{judged:,} outcomes are known, {LEAST_LABELS} are needed"
        return [replace(empty, score=display(spec.select_by), unknown=reason)]
    guess = _guess(spec, frame, answers)
    ours = realise(matched, matched, is_probability=spec.is_probability, replicates=REPLICATES)
    theirs = _scores_of_guess(spec, matched, guess)
    rows = []
    for score in SHOWN:
        if score not in ours.scores:
            continue
        mine = ours.scores[score]
        simple = theirs[score].value if score in theirs else math.nan
        of_unit = unit if score == "mae" else ""
        rows.append(
            replace(empty, score=display(score), unit=of_unit, value=mine.value, low=mine.low,
                    high=mine.high, simple=simple)
        )  # fmt: skip
    return rows


def _scores_of_guess(
    spec: ModelSpec, matched: MatchedPredictions, guess: Floats | None
) -> Mapping[Score, ScoreInterval]:
    if guess is None:
        return {}
    simple = replace(matched, prediction=guess)
    return realise(simple, matched, is_probability=spec.is_probability, replicates=2).scores


def _matched(frame: pd.DataFrame, spec: ModelSpec, known_at: datetime) -> MatchedPredictions:
    came = columns.measure(frame.reset_index(drop=True), [spec.question.of]).table[:, 0]
    as_of = frame["as_of"].to_numpy(dtype=np.int64)
    known = frame["known_at"].to_numpy(dtype=np.int64)
    is_ended = frame["status"].isin(ENDED).to_numpy()
    actual = np.where(is_ended, came, np.nan)
    delay = np.maximum(known - as_of, 0) / US_PER_S
    return MatchedPredictions(
        as_of_us=as_of,
        prediction=frame["prediction"].to_numpy(dtype=np.float64),
        actual=actual,
        low=frame["low"].to_numpy(dtype=np.float64),
        high=frame["high"].to_numpy(dtype=np.float64),
        age_s=(to_us(known_at) - as_of) / US_PER_S,
        delay_s=np.where(np.isfinite(actual), delay, np.nan),
    )


def _guess(spec: ModelSpec, frame: pd.DataFrame, answers: PeriodAnswers) -> Floats | None:
    """The rate of failures, or the median length of the kind, of the period before."""
    if spec.question.of == "failed" and math.isfinite(answers.rate):
        return np.full(len(frame), answers.rate)
    if spec.question.of == "duration_s" and math.isfinite(answers.median):
        of_kind = frame["kind"].map(answers.medians).fillna(answers.median)
        return np.asarray(of_kind, dtype=np.float64)
    return None


def risk_spec(specs: Sequence[ModelSpec]) -> ModelSpec | None:
    """The first spec that predicts failures."""
    return next((s for s in specs if s.is_probability and s.question.of == "failed"), None)


def foreseen_figures(
    answers: PeriodAnswers, specs: Sequence[ModelSpec], request: ReportRequest
) -> tuple[list[ReportFigure], list[Compared | None]]:
    """What warnings foresaw, and the pairs of which a change may be said."""
    spec = risk_spec(specs)
    if spec is None:
        return _unknown("no spec predicts failures", "a warning"), [None] * len(FORESEEN)
    frames = [answers.of(spec.name, is_now=is_now) for is_now in (True, False)]
    now, before = (
        _judged(frame, spec, request.prices, days)
        for frame, days in zip(frames, (answers.days[1], answers.days[0]), strict=True)
    )
    warning = _warning(request.prices)
    if not len(now):
        reason = (
            f"no answer of {spec.name} is about an execution of the period that has ended;"
            f" `runlore score {spec.name} --since …` answers for a log"
        )
        return _unknown(reason, warning), [None] * len(FORESEEN)
    counts = [count_foreseen(one, request.prices.warns_at) for one in (now, before)]
    figures = _figures(counts[0], counts[1] if len(before) else None, request.prices, spec.name)
    return figures, _pairs(now, before, request, answers)


FORESEEN = (
    ("warnings", "Warnings", ""),
    ("foreseen", "Failures foreseen", ""),
    ("foreseen_share", "Share of failures foreseen", "share"),
    ("foreseen_early", "Foreseen in time", ""),
    ("false_alarms", "False alarms", ""),
    ("avoidable_hours", "Hours that could have been saved", "h"),
    ("avoidable_cost", "Money that could have been saved", "money"),
)


def _warning(prices: ReportPrices) -> str:
    if prices.warns_at is None:
        return "a warning is one of the riskiest tenth of the answers"
    return f"a warning is an answer of {100 * prices.warns_at:g} % or more"


def _unknown(reason: str, warning: str) -> list[ReportFigure]:
    return [
        ReportFigure(name, title, unit, math.nan, warning, unknown=reason)
        for name, title, unit in FORESEEN
    ]


def _judged(
    frame: pd.DataFrame, spec: ModelSpec, prices: ReportPrices, days: Sequence[date]
) -> JudgedAnswers:
    """The answers whose executions have ended."""
    ended = frame[frame["status"].isin(ENDED)].reset_index(drop=True)
    names = ["failed", "duration_s", *([f"outcome.{prices.outcome}"] if prices.outcome else [])]
    values = columns.measure(ended, names).table
    place = {day: at for at, day in enumerate(days)}
    known = ended["known_at"].to_numpy(dtype=np.int64)
    return JudgedAnswers(
        prediction=ended["prediction"].to_numpy(dtype=np.float64),
        failed=values[:, 0] > 0,
        was_early=(ended["at"].to_numpy(dtype=np.int64) < known) & (known != NO_INSTANT),
        run_s=values[:, 1],
        cost=values[:, 2] if prices.outcome else np.full(len(ended), np.nan),
        day=np.array([place.get(day, 0) for day in ended["day"]], dtype=np.int64),
    )


def _figures(
    now: ForeseenFailures, before: ForeseenFailures | None, prices: ReportPrices, spec: str
) -> list[ReportFigure]:
    warning = _warning(prices)
    of = f"answers of {spec} to executions of the period that ended; {warning}"
    at = "" if math.isnan(now.threshold) else f" (here from {now.threshold:.3g} on)"
    texts = (
        f"{of}{at}",
        "warnings whose execution failed",
        f"failures foreseen among the {now.failures:,} failures with an answer",
        "failures foreseen by an answer that was given before their end was known",
        "warnings whose execution succeeded",
        "running time of the failures foreseen: the most that could have been saved, had each"
        " warning been heeded; whether one was is not known",
    )
    values = _values(now)
    old = _values(before) if before else [math.nan] * len(values)
    figures = [
        ReportFigure(name, title, unit, value, text, was)
        for (name, title, unit), value, text, was in zip(FORESEEN, values, texts, old, strict=False)
    ]
    figures[2] = _with_interval(figures[2], now)
    return [*figures, _money(now, before, prices)]


def _values(counts: ForeseenFailures) -> list[float]:
    share = counts.foreseen / counts.failures if counts.failures else math.nan
    whole = (counts.warnings, counts.foreseen, share, counts.early, counts.false_alarms)
    return [*map(float, whole), counts.hours]


def _with_interval(figure: ReportFigure, counts: ForeseenFailures) -> ReportFigure:
    if not counts.failures:
        return replace(figure, unknown="no execution with an answer failed")
    low, high = wilson(np.array([float(counts.foreseen)]), np.array([float(counts.failures)]))
    return replace(figure, low=float(low[0]), high=float(high[0]))


def _money(
    now: ForeseenFailures, before: ForeseenFailures | None, prices: ReportPrices
) -> ReportFigure:
    values = [_worth(one, prices) if one else math.nan for one in (now, before)]
    of = f"outcome {prices.outcome}" if prices.outcome else f"{prices.hour} an hour"
    how = f"the same in money ({of}); at most, as the hours are"
    if prices.check is not None:
        less = f"{prices.check:g} {prices.currency} for each of the {now.warnings:,} warnings"
        how += f"; less {less}"
    unknown = NO_PRICE if math.isnan(values[0]) else ""
    if unknown:
        how = "the same in money"
    name, title, _ = FORESEEN[-1]
    return ReportFigure(name, title, prices.currency, values[0], how, values[1], unknown=unknown)


def _worth(counts: ForeseenFailures, prices: ReportPrices) -> float:
    if prices.outcome is None and prices.hour is None:
        return math.nan
    gross = counts.cost if prices.outcome else counts.hours * (prices.hour or 0.0)
    return gross - (prices.check or 0.0) * counts.warnings


def _pairs(
    now: JudgedAnswers, before: JudgedAnswers, request: ReportRequest, answers: PeriodAnswers
) -> list[Compared | None]:
    """Only the share of failures foreseen is compared: the others follow from it and the work."""
    share = None
    if len(before):
        by_day = [
            _by_day(one, request.prices, len(days))
            for one, days in ((now, answers.days[1]), (before, answers.days[0]))
        ]
        share = Compared(by_day[0], by_day[1])
    return [share if name == "foreseen_share" else None for name, _, _ in FORESEEN]


def _by_day(answers: JudgedAnswers, prices: ReportPrices, days: int) -> DailyValues:
    is_warning, _ = warnings_of(answers.prediction, prices.warns_at)
    hits = (is_warning & answers.failed).astype(np.float64)
    return DailyValues(
        np.bincount(answers.day, hits, minlength=days).astype(np.float64),
        np.bincount(answers.day, answers.failed, minlength=days).astype(np.float64),
    )
