"""Find the anomalies of series in the store, within a budget of alarms; dismiss one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

import numpy as np

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.kernel.instants import from_us, to_us
from runlore.signals import queries
from runlore.signals.actions import crowd_search, forest_together
from runlore.signals.actions.dismissed_points import is_dismissed
from runlore.signals.actions.forecasting import SeriesName, find_series
from runlore.signals.actions.scored_series import (
    LEAST_POINTS,
    ScoredSeries,
    read_numbers,
    score_points,
    score_series,
)
from runlore.signals.queries import Connection, Points, SeriesKey, StoredSeries
from runlore.signals.queries.dismissals import Dismissal, insert_dismissal, read_dismissals
from runlore.signals.rules.anomalies import anomaly_kinds
from runlore.signals.rules.anomalies.alarm_budget import LEAST_EXCESS, SILENCE_S, Unusual, spend
from runlore.signals.rules.anomalies.anomaly_kinds import AnomalyKind
from runlore.signals.rules.anomalies.anomaly_scores import FOREST, METHODS, OURS, TOGETHER
from runlore.signals.rules.anomalies.lost_rhythm import (
    LostRhythm,
    find_lost_rhythms,
    most_probability,
)
from runlore.signals.rules.series.grid import SECOND_US, Instants
from runlore.store.engine import Store

ALL_METHODS = (OURS, *METHODS, TOGETHER)
MOST_SERIES = 500
MOST_POINTS_AT_ONCE = 300_000
FOREST_TIMES = 6  # the seconds of a point with an isolation forest
BUDGET = 1.0
LARGEST_BUDGET = 10_000.0
SINCE = timedelta(days=7)
RHYTHM_SHARE = CROWD_SHARE = 0.05  # of the budget, beside it


@dataclass(frozen=True)
class AnomalyQuery:
    """budget: alarms a week over all series of the query. method: `neighbours` or of METHODS.

    most_points: of all series together that are scored at once, about 40 us each.
    """

    as_of: datetime
    since: datetime
    name: str | None = None
    scope: str | None = None
    budget: float = BUDGET
    method: str = OURS
    most_points: int = MOST_POINTS_AT_ONCE


@dataclass(frozen=True)
class RhythmEvidence:
    """A daily or weekly cycle that is gone or shifted. usual_range, seen_range: lowest to highest.

    shift_s: below 0: it comes early. usual_peak_at, seen_peak_at: when the highest hour was due,
    and came; of a week, the highest day.
    """

    what: Literal["gone", "shifted"]
    period_s: int
    shift_s: int
    usual_range: float
    seen_range: float
    usual_peak_at: datetime
    seen_peak_at: datetime


@dataclass(frozen=True)
class SeriesAnomaly:
    """since, until: of the deviation. probability: of such a point or a rarer one; None: unknown.

    others: series of the scope that were unusual within the same twelve hours; of many at once,
    which they are, and then seen and expected count them, and `series` is empty.
    """

    id: str
    kind: AnomalyKind
    series: str
    scope: str
    source: str
    since: datetime
    until: datetime
    seen: float
    expected: float | None
    low: float | None
    high: float | None
    probability: float | None
    others: Sequence[str]
    rhythm: RhythmEvidence | None = None


def find_anomalies(store: Store, query: AnomalyQuery) -> list[SeriesAnomaly]:
    """The anomalies that began since an instant, the newest first, as known at another.

    Raises BadInput for a method, budget or time that cannot be, or too many series.
    """
    _check(query)
    with store.connect() as connection:
        listed = queries.list_series(connection, 100_000, query.name)
        chosen = [series for series in listed if query.scope in {None, series.scope}]
        if len(chosen) > MOST_SERIES:
            raise BadInput(
                f"scope: {len(chosen)} series are meant; at most {MOST_SERIES} are read at once",
                "scope",
            )
    return find_anomalies_of(store, chosen, query)


def find_anomalies_of(
    store: Store, chosen: Sequence[StoredSeries], query: AnomalyQuery
) -> list[SeriesAnomaly]:
    """The anomalies of these series, whatever the query's name and scope; otherwise the same."""
    _check(query)
    with store.connect() as connection:
        read = _read(connection, chosen, query)
        dismissed = read_dismissals(connection, query.as_of)
    if query.method == TOGETHER:
        scored = forest_together.score_together(read)
    else:
        scored = [score_points(series, points, query.method) for series, points in read]
    found = _alarms(scored, dismissed, query) + _stretches(scored, query)
    found += _rhythms(scored, query)
    if query.name is None:
        found += _crowds(scored, query)
    recent = [one for one in found if query.since <= one.until]
    return sorted(recent, key=lambda one: one.since, reverse=True)


def dismiss_anomaly(
    store: Store, anomaly: str, actor: str, reason: str, at: datetime
) -> SeriesAnomaly:
    """Say that an anomaly is none: such deviations of its series are not reported from now on.

    Raises NotFound for an id that no point of a series has, BadInput for what is no single point.
    """
    digest, _, instant = anomaly.partition("-")
    if instant.endswith(("-rhythm", "-many-unusual", "-many-silent")):
        raise BadInput(f"id: {anomaly[:80]} is no single point, and cannot be dismissed", "id")
    with store.connect() as connection:
        listed = queries.list_series(connection, 100_000)
        series = next((one for one in listed if _digest(one) == digest), None)
        scored = None if series is None else score_series(connection, series, at, OURS)
    places = [] if scored is None else np.flatnonzero(scored.at == _from_hex(instant)).tolist()
    if scored is None or not places:
        raise NotFound(f"there is no anomaly {anomaly!r}; `runlore signals anomalies` shows them")
    place = places[0]
    if not scored.excess[place] > LEAST_EXCESS:
        raise BadInput(
            f"id: {anomaly} is no unusual point; what is flat or missing cannot be dismissed", "id"
        )
    made = _describe(scored, place, [])
    residual = float(scored.values[place] - scored.expected[place])
    direction = 1 if residual > 0 else -1
    of = scored.series
    with store.connect() as connection:
        insert_dismissal(
            connection,
            Dismissal(
                at,
                of.source,
                of.name,
                of.scope,
                made.since,
                direction,
                abs(residual),
                actor,
                reason,
            ),
        )
    return made


def read_scored(store: Store, query: AnomalyQuery) -> ScoredSeries:
    """The one series of a query with its scores.

    Raises NotFound, BadInput where several are meant, Refused without points.
    """
    if query.name is None:
        raise BadInput("name: one series can be drawn; name it", "name")
    series = find_series(store, SeriesName(query.name, query.scope))
    with store.connect() as connection:
        scored = score_series(connection, series, query.as_of, query.method)
    if scored is None:
        raise Refused(f"{series.name}: fewer than 2 points were known then")
    return scored


def _check(query: AnomalyQuery) -> None:
    if query.method not in ALL_METHODS:
        known = ", ".join(ALL_METHODS)
        raise BadInput(f"method: {query.method[:40]!r} is none of: {known}", "method")
    if not 0 < query.budget <= LARGEST_BUDGET:
        raise BadInput(f"budget: {query.budget:g} is not above 0 and up to 10000", "budget")
    if query.since > query.as_of:
        raise BadInput("since: is after the instant that is asked about", "since")


def _read(
    connection: Connection, chosen: Sequence[StoredSeries], query: AnomalyQuery
) -> list[tuple[StoredSeries, Points]]:
    """The points of series that have some; BadInput as soon as they are too many."""
    most = query.most_points // (FOREST_TIMES if query.method in {FOREST, TOGETHER} else 1)
    read, count = [], 0
    for series in chosen:
        points = read_numbers(connection, series, query.as_of)
        if len(points.at) >= LEAST_POINTS:
            read.append((series, points))
        count += len(points.at)
        if count > most:
            raise BadInput(
                f"scope: {len(chosen)} series with more than {most} points are meant;"
                " name a series or a scope with fewer",
                "scope",
            )
    return read


def _alarms(
    scored: Sequence[ScoredSeries], dismissed: Sequence[Dismissal], query: AnomalyQuery
) -> list[SeriesAnomaly]:
    if not scored:
        return []
    places = [
        np.flatnonzero((one.excess > LEAST_EXCESS) & ~is_dismissed(one, dismissed))
        for one in scored
    ]
    ids = np.repeat(np.arange(len(scored)), [len(of_one) for of_one in places])
    place = np.concatenate(places)
    at = np.concatenate([one.at[p] for one, p in zip(scored, places, strict=True)])
    excess = np.concatenate([one.excess[p] for one, p in zip(scored, places, strict=True)])
    order = np.argsort(at, kind="stable")
    ids, place, at, excess = ids[order], place[order], at[order], excess[order]
    points = sum(len(one.at) for one in scored)
    first_us = min(int(one.at[0]) for one in scored)
    unusual = Unusual(ids, at, excess, points, first_us, to_us(query.as_of) + 1)
    return [
        _describe(
            scored[ids[alarm.place]],
            int(place[alarm.place]),
            _movers(scored, scored[ids[alarm.place]], int(at[alarm.place]))
            if query.method == TOGETHER
            else _others(scored, ids, at, alarm.place),
        )
        for alarm in spend(unusual, query.budget)
    ]


def _others(scored: Sequence[ScoredSeries], ids: Instants, at: Instants, place: int) -> list[str]:
    near = np.abs(at - at[place]) <= SILENCE_S * SECOND_US
    scope = scored[ids[place]].series.scope
    moved = {int(one) for one in ids[near]} - {int(ids[place])}
    return sorted(scored[one].series.name for one in moved if scored[one].series.scope == scope)


def _movers(scored: Sequence[ScoredSeries], one: ScoredSeries, at_us: int) -> list[str]:
    moved = forest_together.find_movers(scored, one.series.scope, at_us, SILENCE_S)
    return [name for name in moved if name != one.series.name]


def _describe(one: ScoredSeries, place: int, others: Sequence[str]) -> SeriesAnomaly:
    kind = anomaly_kinds.classify(one.values, one.low, one.high, place)
    last = min(place + (anomaly_kinds.AFTER - 1 if kind != "point" else 0), len(one.at) - 1)
    low, high = float(one.low[place]), float(one.high[place])
    is_known = bool(np.isfinite(low))
    return SeriesAnomaly(
        id=f"{_digest(one.series)}-{int(one.at[place]):x}",
        kind=kind,
        series=one.series.name,
        scope=one.series.scope,
        source=one.series.source,
        since=from_us(int(one.at[place])),
        until=from_us(int(one.at[last])),
        seen=float(one.values[place]),
        expected=float(one.expected[place]),
        low=low if is_known else None,
        high=high if is_known else None,
        probability=float(one.probability[place]),
        others=others,
    )


def _stretches(scored: Sequence[ScoredSeries], query: AnomalyQuery) -> list[SeriesAnomaly]:
    """Flat and missing stretches; they are facts, and spend nothing of the budget."""
    return [
        SeriesAnomaly(
            id=f"{_digest(one.series)}-{stretch.since_us:x}",
            kind=stretch.kind,
            series=one.series.name,
            scope=one.series.scope,
            source=one.series.source,
            since=from_us(stretch.since_us),
            until=from_us(stretch.until_us),
            seen=float(one.values[np.searchsorted(one.at, stretch.since_us)]),
            expected=None,
            low=None,
            high=None,
            probability=None,
            others=[],
        )
        for one in scored
        for stretch in (
            *anomaly_kinds.find_flat(one.at, one.values),
            *anomaly_kinds.find_missing(one.at, one.step_s, to_us(query.as_of)),
        )
    ]


def _rhythms(scored: Sequence[ScoredSeries], query: AnomalyQuery) -> list[SeriesAnomaly]:
    most = most_probability(query.budget, RHYTHM_SHARE, len(scored))
    return [
        _describe_rhythm(one, lost)
        for one in scored
        for lost in find_lost_rhythms(one.step_s, one.at, one.values, most)
    ]


def _describe_rhythm(one: ScoredSeries, lost: LostRhythm) -> SeriesAnomaly:
    return SeriesAnomaly(
        id=f"{_digest(one.series)}-{lost.since_us:x}-rhythm",
        kind="rhythm",
        series=one.series.name,
        scope=one.series.scope,
        source=one.series.source,
        since=from_us(lost.since_us),
        until=from_us(lost.until_us),
        seen=float(one.values[min(int(np.searchsorted(one.at, lost.since_us)), len(one.at) - 1)]),
        expected=None,
        low=None,
        high=None,
        probability=lost.probability,
        others=[],
        rhythm=RhythmEvidence(
            lost.what,
            lost.period_s,
            lost.shift_s,
            lost.expected,
            lost.seen,
            from_us(lost.peak_us),
            from_us(lost.seen_peak_us),
        ),
    )


def _crowds(scored: Sequence[ScoredSeries], query: AnomalyQuery) -> list[SeriesAnomaly]:
    until_us, share = to_us(query.as_of), CROWD_SHARE * query.budget
    return [
        SeriesAnomaly(
            id=f"{_digest(SeriesKey('', '', one.scope))}-{one.since_us:x}-{one.kind}",
            kind=one.kind,
            series="",
            scope=one.scope,
            source="",
            since=from_us(one.since_us),
            until=from_us(one.until_us),
            seen=float(one.crowd.seen),
            expected=one.crowd.expected,
            low=None,
            high=None,
            probability=one.crowd.probability,
            others=one.names,
        )
        for one in crowd_search.find_scope_crowds(scored, until_us, share)
    ]


def _digest(series: SeriesKey) -> str:
    text = "\x00".join([series.source, series.name, series.scope])
    return sha256(text.encode()).hexdigest()[:12]


def _from_hex(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return -1
