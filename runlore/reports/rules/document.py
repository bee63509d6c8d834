"""The content of a report as data: what is stored, rendered, and answered over HTTP. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from runlore.reports.rules.advice_part import AdviceRow, SecurityRow, VisitRow
from runlore.reports.rules.change import Change
from runlore.reports.rules.period import Length
from runlore.reports.rules.plan_part import PlannedRow
from runlore.reports.rules.request import ReportPrices, WorkFilter
from runlore.reports.rules.signal_part import SignalRow, SkillRow

NO_PRICE = (
    "no price is known; set RUNLORE_REPORT_PRICE_PER_HOUR, or name the outcome that holds the cost"
    " in RUNLORE_REPORT_COST"
)


@dataclass(frozen=True)
class PeriodView:
    """first, last: days, both included. starts_at, ends_at: instants; the last is left out."""

    name: str
    length: Length
    first: date
    last: date
    zone: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class ReportFigure:
    """One number of the period. unit: "" of a count, "share", "h", or a currency.

    low, high: a 95 % interval, NaN where there is none. change: beside `before`; p_value: after
    correction for all numbers of the report. how: how it is counted. unknown: why `value` is NaN.
    not_compared: why `change` is unknown.
    """

    name: str
    title: str
    unit: str
    value: float
    how: str
    before: float = math.nan
    change: Change = "unknown"
    p_value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    unknown: str = ""
    not_compared: str = ""


@dataclass(frozen=True)
class DayRow:
    """A day of the period, or of the one before (`is_before`)."""

    day: date
    is_before: bool
    executions: int
    finished: int
    failed: int
    run_h: float


@dataclass(frozen=True)
class GroupRow:
    """A scope, kind or actor of the period; the rate of failures beside the period before."""

    part: str
    name: str
    executions: int
    finished: int
    failed: int
    run_h: float
    failed_h: float
    rate: float
    rate_before: float
    change: Change
    p_value: float


@dataclass(frozen=True)
class StatusRow:
    status: str
    executions: int
    before: int


@dataclass(frozen=True)
class PredictionRow:
    """A score of a spec's answers to the period's executions, by the outcomes known.

    simple: the same score of the simple guess, learned from the period before. unknown: why there
    is no score.
    """

    spec: str
    answered: int
    refused: int
    judged: int
    score: str
    unit: str
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    simple: float = math.nan
    unknown: str = ""


@dataclass(frozen=True)
class ForecastRow:
    """What to expect of the next period, with an 80 % interval; unknown: why nothing is said."""

    name: str
    title: str
    unit: str
    value: float
    low: float
    high: float
    held: int
    checked: int
    method: str
    unknown: str


@dataclass(frozen=True)
class VersionRow:
    at: datetime
    spec: str
    what: str
    version: str
    actor: str


@dataclass(frozen=True)
class AlertRow:
    kind: str
    opened: int
    resolved: int
    open: int


@dataclass(frozen=True)
class DecisionRow:
    subject: str
    what: str
    command: str
    since: datetime


@dataclass(frozen=True)
class ReportDocument:
    """A whole report. known_at, until_seq: of what was known. headline: it in a few sentences."""

    period: PeriodView
    before: PeriodView
    next: PeriodView
    work: WorkFilter
    prices: ReportPrices
    known_at: datetime
    until_seq: int
    headline: Sequence[str]
    figures: Sequence[ReportFigure]
    days: Sequence[DayRow]
    statuses: Sequence[StatusRow]
    groups: Sequence[GroupRow]
    groups_left_out: int
    predictions: Sequence[PredictionRow]
    forecast: Sequence[ForecastRow]
    versions: Sequence[VersionRow]
    alerts: Sequence[AlertRow]
    decisions: Sequence[DecisionRow]
    signals: Sequence[SignalRow]
    skill: Sequence[SkillRow]
    plans: Sequence[PlannedRow]
    advice: Sequence[AdviceRow]
    visits: Sequence[VisitRow]
    security: Sequence[SecurityRow]
    notes: Sequence[str]

    def figure(self, name: str) -> ReportFigure:
        return next(figure for figure in self.figures if figure.name == name)
