"""Patterns as people and programs read them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from runlore.advice.actions.patterns import FailureRisk, SubjectPatterns
from runlore.advice.rules.patterns.behaviour import Group, rows_of
from runlore.advice.rules.patterns.chance import FALSE_DISCOVERIES
from runlore.advice.rules.patterns.details import (
    Clusters,
    FailureTime,
    HabitShift,
    NextRun,
    Period,
    TimeOfDay,
    Weekdays,
)
from runlore.advice.rules.patterns.finding import FoundPattern
from runlore.advice.rules.patterns.local_time import HOURS
from runlore.advice.rules.patterns.names import DAYS, clock, describe
from runlore.advice.rules.patterns.outliers import OddRun
from runlore.kernel.readable import readable_duration, readable_number

EPOCH_DAY = date(1970, 1, 1).toordinal()
MOST_OPEN = 20


@dataclass(frozen=True)
class LikeRuns:
    """runs: of the newest ones that were compared. medians: by input or outcome. usual: around
    which time of day; None: at any."""

    runs: int
    share: float
    medians: dict[str, float]
    usual: str | None


@dataclass(frozen=True)
class PatternView:
    """share: how often it was so; chance: how often without the habit. p: that it is chance;
    q: the same, corrected for all patterns that were looked for. Other fields: of some sorts."""

    sort: str
    text: str
    actor: str | None
    kind: str | None
    scope: str | None
    n: int
    support: int
    unit: str
    share: float
    chance: float
    p: float
    q: float
    begins: str | None = None
    until: str | None = None
    usual: str | None = None
    spread_s: float | None = None
    weekdays: tuple[str, ...] = ()
    period_s: float | None = None
    first: str | None = None
    then: str | None = None
    within_s: float | None = None
    is_after_failure: bool | None = None
    measure: str | None = None
    before: float | None = None
    after: float | None = None
    since: date | None = None
    method: str | None = None
    clusters: tuple[LikeRuns, ...] = ()


@dataclass(frozen=True)
class OutlierView:
    """p: of a day with so odd a run; q: corrected for the days looked at."""

    source: str
    id: str
    submitted: datetime
    kind: str
    scope: str
    text: str
    n: int
    p: float
    q: float


@dataclass(frozen=True)
class OpenRun:
    source: str
    id: str
    submitted: datetime
    kind: str
    scope: str


@dataclass(frozen=True)
class PatternsView:
    """hours: 168 executions by local hour of the week, from Monday 0:00 on. is_cut: there are older
    executions than those looked at. compared_days: days of others' work that is the common cycle.
    tested, searched: patterns looked for, and alternatives of windows and periods in all."""

    part: str
    name: str
    zone: str
    as_of: datetime
    executions: int
    is_cut: bool
    first_at: datetime
    last_at: datetime
    compared_days: float
    tested: int
    searched: int
    false_discovery_rate: float
    patterns: tuple[PatternView, ...]
    reason: str
    outliers: tuple[OutlierView, ...]
    outlier_days: int
    hours: tuple[int, ...]
    risks: tuple[FailureRisk, ...]
    open: tuple[OpenRun, ...]
    open_count: int


def show_patterns(made: SubjectPatterns) -> PatternsView:
    found, behaviour, names = made.found, made.compared.behaviour, made.runs.names
    hours = np.bincount(behaviour.times.hour_of_week, minlength=HOURS)
    return PatternsView(
        part=made.subject.part,
        name=made.subject.name,
        zone=made.subject.zone,
        as_of=made.as_of,
        executions=len(behaviour),
        is_cut=made.runs.is_cut,
        first_at=names[0].submitted,
        last_at=names[-1].submitted,
        compared_days=round(made.compared.cycle.days, 1),
        tested=found.tested,
        searched=found.searched,
        false_discovery_rate=FALSE_DISCOVERIES,
        patterns=tuple(_pattern(made, one) for one in found.patterns),
        reason=found.reason,
        outliers=tuple(_outlier(made, one) for one in found.outliers),
        outlier_days=found.outlier_days,
        hours=tuple(int(count) for count in hours),
        risks=made.risks,
        open=tuple(_open(made, at) for at in made.open_runs[:MOST_OPEN]),
        open_count=len(made.open_runs),
    )


def pattern_text(made: SubjectPatterns, one: FoundPattern) -> str:
    behaviour, test = made.compared.behaviour, one.test
    failed = behaviour.failed[rows_of(behaviour, test.group)]
    counts = int(np.nansum(failed)), int((~np.isnan(failed)).sum())
    others = [p.test for p in made.found.patterns if p.test.group == test.group]
    days = [t.detail for t in others if isinstance(t.detail, Weekdays)]
    bad = [
        (t.detail.weekday, t.share)
        for t in others
        if isinstance(t.detail, FailureTime) and t.detail.weekday is not None
    ]
    subject = made.subject
    return describe(
        test,
        subject.part,
        subject.name,
        counts,
        days[0] if days else None,
        bad[0] if bad else None,
        has_others=made.compared.cycle.days > 0,
    )


def _pattern(made: SubjectPatterns, one: FoundPattern) -> PatternView:
    test, group = one.test, one.test.group
    return PatternView(
        sort=test.sort,
        text=pattern_text(made, one),
        actor=group.actor,
        kind=group.kind,
        scope=group.scope,
        n=test.n,
        support=test.support,
        unit=test.unit,
        share=round(test.share, 4),
        chance=round(test.chance, 4),
        p=float(f"{test.p:.3g}"),
        q=float(f"{one.q:.3g}"),
        **_fields(one),  # type: ignore[arg-type]
    )


def _fields(one: FoundPattern) -> dict[str, object]:
    fields: dict[str, object]
    match one.test.detail:
        case TimeOfDay() as at:
            fields = _window(at.begin, at.width)
            fields |= {"usual": clock(at.middle), "spread_s": at.spread * 60}
        case Weekdays() as on:
            fields = {"weekdays": tuple(DAYS[day] for day in on.days)}
        case Period() as every:
            fields = {"period_s": every.period_s, "spread_s": every.spread_s}
        case NextRun() as order:
            fields = {
                "first": order.first,
                "then": order.then,
                "within_s": order.within_s,
                "is_after_failure": order.is_after_failure,
                "measure": order.part,
            }
        case FailureTime(weekday=None) as time:
            fields = _window(60 * (time.hour or 0), 360)
        case FailureTime() as time:
            fields = {"weekdays": (DAYS[time.weekday or 0],)}
        case HabitShift() as shift:
            fields = {
                "measure": f"{shift.measure} {shift.name}".strip(),
                "before": shift.before,
                "after": shift.after,
                "since": date.fromordinal(shift.since_day + EPOCH_DAY),
            }
        case Clusters() as like:
            fields = {"method": like.method, "clusters": tuple(_like_runs(like))}
    return fields


def _window(begin: int, width: int) -> dict[str, object]:
    return {"begins": clock(begin), "until": clock(begin + width)}


def _like_runs(like: Clusters) -> Iterable[LikeRuns]:
    for one in like.clusters:
        usual = None if one.usual is None else clock(one.usual)
        yield LikeRuns(one.runs, round(one.share, 4), dict(one.middles), usual)


def _outlier(made: SubjectPatterns, one: OddRun) -> OutlierView:
    run, group = made.runs.names[one.row], _labels(made, one.row)
    took = ""
    if one.duration_s is not None and one.usual_s is not None:
        usual = readable_duration(one.usual_s)
        took = f", took {readable_duration(one.duration_s)} (usually {usual})"
    place = readable_number(100 * one.place)
    return OutlierView(
        run.source,
        run.source_id,
        run.submitted,
        group.kind or "",
        group.scope or "",
        f"at an hour and scope that {place} % of its runs have, or rarer ones{took}",
        one.n,
        float(f"{one.p:.3g}"),
        float(f"{one.q:.3g}"),
    )


def _open(made: SubjectPatterns, row: int) -> OpenRun:
    run, group = made.runs.names[row], _labels(made, row)
    return OpenRun(run.source, run.source_id, run.submitted, group.kind or "", group.scope or "")


def _labels(made: SubjectPatterns, row: int) -> Group:
    labels = made.compared.behaviour.labels
    return Group(**{part: one.names[one.codes[row]] for part, one in labels.items()})
