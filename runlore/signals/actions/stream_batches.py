"""Judge the points that wait: the states, the incidents and their alerts change together."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from runlore.alerts.queries.anomalies import open_anomaly, resolve_anomaly
from runlore.kernel.instants import to_us
from runlore.signals.queries import incidents, overdue_series, point_outbox
from runlore.signals.queries.incidents import Incident, NewDeviations
from runlore.signals.queries.point_outbox import WaitingPoints
from runlore.signals.rules.anomalies import incident_text, stream_state
from runlore.signals.rules.anomalies.stream_state import Deviations, Indices, States
from runlore.store.engine import Connection, Store
from runlore.store.live_outbox import Topic, publish

KIND = "incident"
MOST_POINTS = 5_000  # of one transaction
MOST_HISTORY = 300  # points of a new series, which its state begins with
HISTORIES = 200  # series whose past is read at once
MOST_OVERDUE = 5_000
SILENT_SHARE = 0.9  # of the series of a source; it is one incident then
REMEDY = (
    "look at the series: `runlore signals incidents`; it ends when all of them are back; "
    "`runlore alerts resolve` ends it sooner"
)


@dataclass(frozen=True)
class TakenBatch:
    """What one transaction did. opened, resolved: ids of incidents."""

    points: int = 0
    late: int = 0
    opened: frozenset[int] = frozenset()
    resolved: frozenset[int] = frozenset()


def take_batch(store: Store, threshold: float, most: int = MOST_POINTS) -> TakenBatch:
    """Judge the oldest points that wait, in one transaction.

    A process that is killed half-way has changed nothing; another one judges them again.
    """
    with store.begin() as connection:
        now = point_outbox.lock(connection)
        points = point_outbox.take(connection, most)
        if not len(points.series):
            return TakenBatch()
        ids, index = np.unique(points.series, return_inverse=True)
        states = _read_states(connection, ids, points, to_us(now))
        judged = stream_state.observe(states, index, points.at, points.value, to_us(now), threshold)
        _write_states(connection, ids, states, to_us(now))
        point_outbox.count(connection, len(points.series), judged.late)
        opened, resolved = _follow(connection, ids, judged, now)
    return TakenBatch(len(points.series), judged.late, opened, resolved)


def find_missing(store: Store) -> TakenBatch:
    """Open incidents of series that have stopped to come; one for a source of which most have."""
    with store.begin() as connection:
        now = point_outbox.lock(connection)
        overdue = overdue_series.read_overdue(connection, MOST_OVERDUE, SILENT_SHARE)
        ids = np.array(overdue.ids, dtype=np.int64)
        if not len(ids):
            return TakenBatch()
        states = _decode(point_outbox.read_states(connection, ids.tolist()))
        missing = stream_state.miss(states, np.arange(len(ids)))
        _write_states(connection, ids, states, to_us(now))
        of_source = [overdue.subjects[place] for place in missing.series]
        begun = incidents.begin(connection, _rows(ids, missing, of_source), now)
        _tell_all(connection, begun, now)
    return TakenBatch(opened=frozenset(begun))


def _read_states(
    connection: Connection, ids: Indices, points: WaitingPoints, now_us: int
) -> States:
    """New series, and states of another version, begin with their past."""
    size = stream_state.STATE.itemsize
    stored = [
        state if state is not None and len(state) == size else None
        for state in point_outbox.read_states(connection, ids.tolist())
    ]
    states = _decode(stored)
    fresh = np.array([place for place, state in enumerate(stored) if state is None], dtype=int)
    counters = point_outbox.find_counters(connection, ids[fresh].tolist()) if len(fresh) else set()
    states["is_counter"][fresh] = np.isin(ids[fresh], sorted(counters))
    first = points.at[np.searchsorted(points.series, ids)]
    for chunk in np.array_split(fresh, -(-len(fresh) // HISTORIES) or 1):
        wanted, before = ids[chunk].tolist(), first[chunk].tolist()
        past = point_outbox.read_history(connection, wanted, before, MOST_HISTORY)
        index = np.searchsorted(ids, past.series)
        stream_state.learn(states, index, past.at, past.value)
    return states


def _decode(stored: list[bytes | None]) -> States:
    empty = stream_state.start(1).tobytes()
    content = b"".join(empty if state is None else bytes(state) for state in stored)
    return np.frombuffer(content, stream_state.STATE).copy()


def _write_states(connection: Connection, ids: Indices, states: States, now_us: int) -> None:
    content, size = states.tobytes(), stream_state.STATE.itemsize
    rows = [content[place : place + size] for place in range(0, len(content), size)]
    due = stream_state.due_us(states, now_us).tolist()
    point_outbox.write_states(connection, ids.tolist(), rows, states["step_s"].tolist(), due)


def _follow(
    connection: Connection, ids: Indices, judged: stream_state.Judged, now: datetime
) -> tuple[frozenset[int], frozenset[int]]:
    """Incidents and alerts, after what has begun and ended in a batch."""
    changed: set[int] = set()
    for new in judged.started:
        changed |= incidents.begin(connection, _rows(ids, new, [None] * len(new.series)), now)
    ended = [ids[part] for part in judged.ended]
    if ended:
        back = np.unique(np.concatenate(ended)).tolist()
        changed |= incidents.end(connection, back, now)
    if not changed:
        return frozenset(), frozenset()
    resolved = incidents.resolve(connection, changed, now)
    _tell_all(connection, changed, now)
    return frozenset(changed - resolved), frozenset(resolved)


def _rows(ids: Indices, new: Deviations, of_source: list[str | None]) -> NewDeviations:
    return NewDeviations(
        ids[new.series].tolist(),
        [stream_state.SORTS[sort] for sort in new.sort],
        new.since_us.tolist(),
        new.seen.tolist(),
        new.expected.tolist(),
        new.low.tolist(),
        new.high.tolist(),
        [None if np.isnan(one) else float(one) for one in new.probability],
        of_source,
    )


def _tell_all(connection: Connection, changed: set[int], now: datetime) -> None:
    for incident in incidents.read(connection, len(changed), ids=changed, is_all=True):
        _tell(connection, incident, now)


def _tell(connection: Connection, incident: Incident, now: datetime) -> None:
    """The alert of an incident, and an event for those who watch live."""
    what = incident_text.describe_incident(incident.subject, incident.count, incident.series)
    evidence = {
        "what": what,
        "certainty": incident_text.describe_certainty(incident.series),
        "advice": REMEDY,
        "since": incident.since.isoformat(),
        "incident": incident.id,
        "count": incident.count,
        "series": [vars(moved) for moved in incident.series],
    }
    open_anomaly(connection, KIND, incident.subject, "warning", evidence, now)
    if incident.resolved_at is not None:
        resolve_anomaly(connection, KIND, incident.subject, now)
    data = {
        "event": "opened" if incident.resolved_at is None else "resolved",
        "incident": incident.id,
        "count": incident.count,
        "what": what,
    }
    publish(connection, Topic.ANOMALIES, incident.subject, data)
