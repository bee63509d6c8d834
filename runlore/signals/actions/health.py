"""System health: how likely the next day has no more failures than usual, and what says so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import NotFound
from runlore.kernel.readable import readable_duration
from runlore.signals.queries import health
from runlore.signals.queries.health import HealthWindow, PastAlert, PointsAge
from runlore.signals.rules.health.health import (
    HealthFit,
    HealthHistory,
    HealthStatus,
    PartWeight,
    fit_health,
    predict_health,
)
from runlore.signals.rules.health.health_states import (
    INSTANTS,
    LOOK_BACK_DAYS,
    PART_OF_KIND,
    PARTS,
    USUAL_DAYS,
    DayCounts,
    PartName,
    UsualDays,
    bad_days,
    count_days,
    count_open,
    failure_shift,
    late_hours,
    usual_days,
)
from runlore.signals.rules.health.health_text import (
    describe_failures,
    describe_unusual,
    describe_weight,
)
from runlore.signals.rules.series.grid import Floats
from runlore.store.engine import Store

MOST_SCOPES = 50  # with executions
MOST_OTHERS = 20  # without: those with open alerts
MOST_ALERTS = 20_000
MOST_EVIDENCE = 5
OVERALL = ""


@dataclass(frozen=True)
class HealthEvidence:
    """What a part is about now. alert: its id, where it is one. series: a late one's name."""

    what: str
    since: datetime | None = None
    alert: int | None = None
    scope: str = ""
    series: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class HealthPart:
    """state: 0 is usual, 1 stands out, each further step is a doubling. says: of its weight."""

    name: PartName
    state: float
    weight: PartWeight
    says: str
    evidence: tuple[HealthEvidence, ...]


@dataclass(frozen=True)
class ScopeHealth:
    """health: the probability; low, high: its interval of 90 %; None: unknown.

    scope: empty: everything. reason: why it is unknown, or the base rate.
    """

    scope: str
    status: HealthStatus
    health: float | None
    low: float | None
    high: float | None
    reason: str
    parts: tuple[HealthPart, ...]


@dataclass(frozen=True)
class SystemHealth:
    """scopes: the least healthy first. fits: what was learned, of everything and of the scopes."""

    as_of: datetime
    overall: ScopeHealth
    overall_fit: HealthFit
    scopes: tuple[ScopeHealth, ...]
    scopes_fit: HealthFit


@dataclass
class _Past:
    """What was read. Row 0 of all arrays is everything. states: (rows, instants, parts)."""

    as_of: datetime
    scopes: list[str]
    counts: DayCounts
    usual: UsualDays
    states: Floats
    alerts: list[PastAlert]
    late: dict[str, list[HealthEvidence]] = field(default_factory=dict)


def read_health(store: Store, as_of: datetime, scope: str | None = None) -> SystemHealth:
    """Health of everything and of each scope, as known at an instant.

    scope: only this one beside everything. Raises NotFound where nothing is known of it.
    """
    past = _read(store, as_of, scope)
    bad = bad_days(past.counts, past.usual)
    overall_fit = fit_health(_history(past.states[:1], bad[:1]))
    scopes_fit = fit_health(_history(past.states[1:], bad[1:]))
    overall = _conclude(past, 0, overall_fit)
    found = [_conclude(past, row, scopes_fit) for row in range(1, len(past.scopes))]
    if scope is not None:
        found = [one for one in found if one.scope == scope]
    ordered = sorted(found, key=lambda one: (one.health is None, one.health or 0.0, one.scope))
    return SystemHealth(as_of, overall, overall_fit, tuple(ordered), scopes_fit)


def _read(store: Store, as_of: datetime, scope: str | None) -> _Past:
    window = HealthWindow.of_days(as_of, LOOK_BACK_DAYS)
    with store.connect() as connection:
        health.prepare(connection)
        ended = health.read_ended(connection, window, MOST_SCOPES, scope)
        alerts = health.read_alerts(connection, window, list(PART_OF_KIND), MOST_ALERTS)
        busy = sorted({one.scope for one in ended if one.scope})
        if scope and scope not in busy and not health.has_scope(connection, scope):
            raise NotFound(f"nothing is known of a scope {scope!r}: runlore signals health")
        others = _others(alerts, busy, scope)
        arrivals = health.read_arrivals(connection, window, [*busy, *others])
        ages = health.read_point_ages(connection, as_of, busy, INSTANTS, USUAL_DAYS)
        ages += health.read_point_ages(connection, as_of, others, 1, USUAL_DAYS)
    scopes = [OVERALL, *busy, *others]
    row_of = {name: row for row, name in enumerate(scopes)}
    rows = [(one.day, one.known_day, one.until_day, one.ended, one.failed) for one in ended]
    own = [(row_of[one.scope], row) for one, row in zip(ended, rows, strict=True) if one.scope]
    counts = count_days(
        len(scopes), [0] * len(rows) + [place for place, _ in own], rows + [row for _, row in own]
    )
    usual = usual_days(counts)
    past = _Past(
        as_of, scopes, counts, usual, np.zeros((len(scopes), INSTANTS, len(PARTS))), alerts
    )
    _add_alerts(past, row_of)
    past.states[:, :, PARTS.index("failures")] = failure_shift(counts, usual)
    late = _late_executions(past, arrivals)
    _add_late_series(past, late, ages, row_of)
    late[0] += late[1:].sum(axis=0)
    past.states[:, :, PARTS.index("freshness")] = np.log2(1 + late)
    return past


def _others(alerts: Sequence[PastAlert], busy: Sequence[str], scope: str | None) -> list[str]:
    """Scopes without executions: the one that is named, and those with open alerts."""
    named = [scope] if scope else []
    opened = [one.scope for one in alerts if one.resolved_at is None]
    fresh = [one for one in dict.fromkeys([*named, *opened]) if one and one not in set(busy)]
    return fresh[:MOST_OTHERS]


def _add_alerts(past: _Past, row_of: dict[str, int]) -> None:
    for place, part in enumerate(PARTS):
        own = [one for one in past.alerts if PART_OF_KIND[one.kind] == part]
        if not own:
            continue
        known = [one for one in own if row_of.get(one.scope, 0)]
        both = own + known
        count = count_open(
            [0] * len(own) + [row_of[one.scope] for one in known],
            [_days(past.as_of - one.opened_at) for one in both],
            [
                -1.0 if one.resolved_at is None else _days(past.as_of - one.resolved_at)
                for one in both
            ],
            (len(past.scopes), INSTANTS),
        )
        past.states[:, :, place] = np.log2(1 + count)


def _late_executions(past: _Past, arrivals: dict[str | None, list[int]]) -> Floats:
    everything = [hour for hours in arrivals.values() for hour in hours]
    own = [arrivals.get(scope, []) for scope in past.scopes[1:]]
    age, usual = late_hours([everything, *own], INSTANTS)
    with np.errstate(invalid="ignore"):
        late = (age > usual).astype(float)
    for row in np.flatnonzero(late[:, 0]):
        what = (
            f"no execution for {readable_duration(age[row, 0] * 3600)}; the longest gap of four"
            f" weeks was {readable_duration(usual[row, 0] * 3600)}"
        )
        past.late.setdefault(past.scopes[row], []).append(
            HealthEvidence(what, scope=past.scopes[row])
        )
    return late


def _add_late_series(
    past: _Past, late: Floats, ages: Sequence[PointsAge], row_of: dict[str, int]
) -> None:
    for one in ages:
        if one.age_s <= one.span_s:
            continue
        late[row_of[one.scope], one.day] = 1.0
        if one.day == 0:
            what = (
                f"{one.name}: no point for {readable_duration(one.age_s)}; its newest five came"
                f" within {readable_duration(one.span_s)}"
            )
            since = past.as_of - timedelta(seconds=one.age_s)
            evidence = HealthEvidence(what, since, None, one.scope, one.name, one.source)
            past.late.setdefault(one.scope, []).append(evidence)
            past.late.setdefault(OVERALL, []).append(evidence)


def _history(states: Floats, bad: Floats) -> HealthHistory:
    is_known = ~np.isnan(bad)
    day = np.broadcast_to(np.arange(bad.shape[1], dtype=float), bad.shape)
    return HealthHistory(states[is_known], bad[is_known], day[is_known])


def _conclude(past: _Past, row: int, fit: HealthFit) -> ScopeHealth:
    scope, states = past.scopes[row], past.states[row, 0]
    reason, status, figure = fit.reason, fit.status, predict_health(fit, states)
    if figure is not None and np.isnan(past.usual.bound[row, 0]):
        status, figure = "unknown", None
        reason = describe_unusual(past.usual.days[row, 0])
    value, low, high = figure or (None, None, None)
    parts = tuple(
        HealthPart(
            name,
            float(states[place]),
            fit.weights[place],
            describe_weight(fit.weights[place], fit),
            _evidence(past, row, name),
        )
        for place, name in enumerate(PARTS)
    )
    return ScopeHealth(scope, status, value, low, high, reason, parts)


def _evidence(past: _Past, row: int, part: PartName) -> tuple[HealthEvidence, ...]:
    scope = past.scopes[row]
    if part == "failures":
        usual = past.usual
        if np.isnan(usual.bound[row, 0]):
            return ()
        ended, failed = past.counts.ended[row, 0, 0], past.counts.failed[row, 0, 0]
        text = describe_failures(ended, failed, usual.share[row, 0], usual.bound[row, 0])
        return (HealthEvidence(text, scope=scope),)
    if part == "freshness":
        return tuple(past.late.get(scope, ())[:MOST_EVIDENCE])
    return tuple(
        HealthEvidence(one.what or one.subject, one.since, one.id, one.scope)
        for one in past.alerts
        if one.resolved_at is None
        and PART_OF_KIND[one.kind] == part
        and (row == 0 or one.scope == scope)
    )[:MOST_EVIDENCE]


def _days(length: timedelta) -> float:
    return length.total_seconds() / DAY_S
