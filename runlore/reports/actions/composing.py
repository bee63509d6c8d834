"""Compose a report: what happened in a period, as it was known at an instant."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import pandas as pd

from runlore.kernel.readable import readable_number
from runlore.reports.actions import answer_figures
from runlore.reports.actions.answer_figures import PeriodAnswers
from runlore.reports.queries import (
    period_advice,
    period_answers,
    period_events,
    period_plans,
    period_signals,
    period_work,
)
from runlore.reports.queries.period_events import PeriodEvents
from runlore.reports.queries.period_work import Connection, PeriodQuery
from runlore.reports.rules import work_figures
from runlore.reports.rules.advice_part import AdvicePart, advice_sentences
from runlore.reports.rules.document import (
    AlertRow,
    DecisionRow,
    ForecastRow,
    PeriodView,
    ReportDocument,
    ReportFigure,
    VersionRow,
)
from runlore.reports.rules.headline import headline
from runlore.reports.rules.period import DAY, FIRST_YEAR, ReportPeriod
from runlore.reports.rules.period_forecast import forecast_next
from runlore.reports.rules.plan_part import PlannedRow, plan_sentences
from runlore.reports.rules.request import ReportRequest, WorkFilter
from runlore.reports.rules.signal_part import SignalRow, SkillRow, signal_sentences
from runlore.reports.rules.work_figures import PeriodSums
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store

EARLIER = 11  # periods before the last two: enough to know the usual change, and no more
LATE_START = DAY  # a period whose first execution comes later is not wholly in the log
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
EXPECTED = (
    ("executions", "Executions", "", 1.0),
    ("failed", "Failures", "", 1.0),
    ("run_s", "Hours of running", "h", 3600.0),
)
ACTIONS = {"announce": "passed its gates", "promote": "took over", "rollback": "is back"}


@dataclass(frozen=True, eq=False)
class _Read:
    """What is read of the store, in one snapshot."""

    frame: pd.DataFrame
    earlier: pd.DataFrame
    answers: PeriodAnswers
    events: PeriodEvents
    signals: list[SignalRow]
    skill: list[SkillRow]
    plans: list[PlannedRow]
    advice: AdvicePart
    until_seq: int
    first_at: datetime | None


def compose(store: Store, specs: Sequence[ModelSpec], request: ReportRequest) -> ReportDocument:
    """The same request with the same `until_seq` gives the same numbers, whatever came since."""
    read = _read(store, request)
    period = request.period
    sums = PeriodSums(
        read.frame,
        (_days(period.before), _days(period)),
        read.earlier,
        _why_not_comparable(request, read),
    )
    figures = _figures(sums, read.answers, specs, request)
    groups, left_out = work_figures.group_rows(sums)
    forecast = _forecast(sums, request)
    decisions = [DecisionRow(d.subject, d.what, d.command, d.since) for d in read.events.decisions]
    view = _view(period)
    return ReportDocument(
        period=view,
        before=_view(period.before),
        next=_view(period.next),
        work=request.work,
        prices=request.prices,
        known_at=request.known_at,
        until_seq=read.until_seq,
        headline=[*headline(view, figures, forecast, decisions), *_more_sentences(read)],
        figures=figures,
        days=work_figures.day_rows(sums),
        statuses=work_figures.status_rows(sums),
        groups=groups,
        groups_left_out=left_out,
        predictions=answer_figures.prediction_rows(read.answers, specs, request.known_at),
        forecast=forecast,
        versions=_versions(read.events),
        alerts=[AlertRow(a.kind, a.opened, a.resolved, a.open) for a in read.events.alerts],
        decisions=decisions,
        signals=read.signals,
        skill=read.skill,
        plans=read.plans,
        **vars(read.advice),
        notes=_notes(request, sums),
    )


def _more_sentences(read: _Read) -> list[str]:
    return [
        *signal_sentences(read.signals, read.skill),
        *plan_sentences(read.plans),
        *advice_sentences(read.advice),
    ]


def _versions(events: PeriodEvents) -> list[VersionRow]:
    return [
        VersionRow(v.at, v.spec, ACTIONS[v.action], v.version or "", v.actor)
        for v in events.versions
    ]


def _read(store: Store, request: ReportRequest) -> _Read:
    period, before = request.period, request.period.before
    with store.connect() as connection:
        connection.execute(SNAPSHOT)
        until_seq = (
            period_work.newest_fact(connection) if request.until_seq is None else request.until_seq
        )
        both = _query([before, period], request, until_seq)
        frame = period_work.read_days(connection, both)
        earlier, first_at = _earlier(connection, before, request, until_seq)
        events = period_events.read_events(
            connection, period.starts_at, period.ends_at, request.known_at
        )
        answers = _answers(connection, both, request)
        signals, skill = _signals(connection, request)
        plans = _plans(connection, request, until_seq)
        advice = _advice(connection, request)
    return _Read(
        frame, earlier, answers, events, signals, skill, plans, advice, until_seq, first_at
    )


def _signals(
    connection: Connection, request: ReportRequest
) -> tuple[list[SignalRow], list[SkillRow]]:
    """Nothing in a report about a part of the work: series are of all of it."""
    if request.work != WorkFilter():
        return [], []
    span = (request.period.starts_at, request.period.ends_at, request.known_at)
    return (
        period_signals.read_causes(connection, *span),
        period_signals.read_skill_between(connection, *span),
    )


def _plans(connection: Connection, request: ReportRequest, until_seq: int) -> list[PlannedRow]:
    """Nothing in a report about a part of the work: plans are of all of it."""
    if request.work != WorkFilter():
        return []
    span = (request.period.starts_at, request.period.ends_at)
    return period_plans.read_planned(connection, span, request.known_at, until_seq)


def _advice(connection: Connection, request: ReportRequest) -> AdvicePart:
    """Nothing in a report about a part of the work."""
    if request.work != WorkFilter():
        return AdvicePart()
    period = request.period
    return period_advice.read_advice_part(
        connection, period.starts_at, period.ends_at, request.known_at
    )


def _query(periods: Sequence[ReportPeriod], request: ReportRequest, until_seq: int) -> PeriodQuery:
    """Each period is seen as long after its end as the newest one."""
    lag = request.known_at - request.period.ends_at
    return PeriodQuery(
        edges=[*(period.starts_at for period in periods), periods[-1].ends_at],
        cuts=[period.ends_at + lag for period in periods],
        zone=request.period.zone,
        work=request.work,
        known_at=request.known_at,
        until_seq=until_seq,
        cost=request.prices.outcome,
    )


def _earlier(
    connection: Connection, before: ReportPeriod, request: ReportRequest, until_seq: int
) -> tuple[pd.DataFrame, datetime | None]:
    """Sums of the whole periods before the last two, the oldest first; when the log begins, as far
    as they reach."""
    periods = [before]
    while len(periods) <= EARLIER and periods[0].first.year > FIRST_YEAR + 1:
        periods.insert(0, periods[0].before)
    frame = period_work.read_periods(connection, _query(periods, request, until_seq))
    frame = frame.set_index("period")
    first_at = None if frame.empty else frame["first_at"].min().to_pydatetime()
    whole = [
        at
        for at, period in enumerate(periods[:-1])
        if first_at is not None and first_at <= period.starts_at + LATE_START
    ]
    sums = frame.drop(columns="first_at").reindex(whole).fillna(0.0)
    return sums.assign(days=[periods[at].days for at in whole]), first_at


def _answers(connection: Connection, both: PeriodQuery, request: ReportRequest) -> PeriodAnswers:
    period = request.period
    newest = _query([period], request, both.until_seq)
    before = replace(both, edges=both.edges[:2], cuts=both.cuts[:1])
    frame = answer_figures.unseen(
        period_answers.read_answers(connection, both),
        period_answers.read_unseen_since(connection, request.known_at),
    )
    frame = frame.assign(is_now=[day >= period.first for day in frame["day"]])
    past = period_work.read_periods(connection, before)
    medians, median = period_work.read_medians(connection, before)
    finished = float(past["finished"].sum())
    return PeriodAnswers(
        frame=frame,
        counts=period_answers.count_answers(connection, newest),
        days=(_days(period.before), _days(period)),
        rate=float(past["failed"].sum()) / finished if finished else float("nan"),
        medians=medians,
        median=median,
    )


def _figures(
    sums: PeriodSums,
    answers: PeriodAnswers,
    specs: Sequence[ModelSpec],
    request: ReportRequest,
) -> list[ReportFigure]:
    work, pairs = work_figures.work_figures(sums, request.prices)
    foreseen, more_pairs = answer_figures.foreseen_figures(answers, specs, request)
    counted = sum(count.answered for count in answers.counts)
    asked = ReportFigure(
        "answers",
        "Answers given",
        "",
        float(counted),
        "requests of the period that got a prediction, of all specs; shadows do not count",
    )
    figures, of_figures = [*work, asked, *foreseen], [*pairs, None, *more_pairs]
    return work_figures.judged(figures, of_figures, sums.not_comparable)


def _forecast(sums: PeriodSums, request: ReportRequest) -> list[ForecastRow]:
    """From whole periods alone; a period that is not over would look like a fall."""
    rows = []
    days = request.period.next.days
    for name, title, unit, size in EXPECTED:
        earlier = sums.earlier[name].astype(float) / sums.earlier["days"]
        last = [float(np.mean(sums.daily(name, at))) for at in (0, 1)]
        rates = [*earlier, *last] if not sums.not_comparable else []
        result = forecast_next([rate / size for rate in rates], days)
        unknown = sums.not_comparable or result.unknown
        rows.append(
            ForecastRow(name, title, unit, result.value, result.low, result.high, result.held,
                        result.checked, result.method, unknown)
        )  # fmt: skip
    return rows


def _why_not_comparable(request: ReportRequest, read: _Read) -> str:
    before = request.period.before
    if request.known_at < request.period.ends_at:
        return "the period is not over"
    if read.first_at is None or read.first_at >= before.ends_at:
        return "the log has no execution before the period"
    if read.first_at > before.starts_at + LATE_START:
        return f"the log begins on {read.first_at:%Y-%m-%d}, inside the period before"
    return ""


def _notes(request: ReportRequest, sums: PeriodSums) -> list[str]:
    """What limits the report, said where it does."""
    period, notes = request.period, []
    if request.known_at < period.ends_at:
        notes.append("The period is not over: this is what is known so far.")
    running = sums.total("executions") - sums.total("finished")
    if running:
        notes.append(
            f"{readable_number(running)} executions of the period had not ended; the period before"
            " is seen as long after its end, so both are alike."
        )
    days = [day for day, n in zip(_days(period), sums.daily("executions", 1), strict=True) if n]
    last = min(period.after - DAY, request.known_at.date())
    if days and days[-1] < last:
        notes.append(f"The newest execution of the period is of {days[-1]}: is the log complete?")
    return notes


def _days(period: ReportPeriod) -> list[date]:
    return period_work.days_between(period.first, period.after)


def _view(period: ReportPeriod) -> PeriodView:
    return PeriodView(
        period.name,
        period.length,
        period.first,
        period.after - DAY,
        period.zone,
        period.starts_at,
        period.ends_at,
    )
