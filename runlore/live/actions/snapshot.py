"""How everything stands, with the cursor after which changes follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runlore.live.actions.numbering import number_events
from runlore.live.queries import rates, state, stream
from runlore.live.rules.stream import Cursor, SpecRate, merge_rates
from runlore.store.engine import Store

MOST_ALERTS, MOST_INGESTS = 20, 10

Row = Mapping[str, Any]


@dataclass(frozen=True)
class LiveSnapshot:
    """at: when it was read. cursor: events after it may be on show here already, none is missing.

    predictions: of all workers with a recent heartbeat. open_alerts: severity -> how many;
    alerts: the newest of them.
    """

    at: datetime
    cursor: Cursor
    predictions: tuple[SpecRate, ...]
    open_alerts: Mapping[str, int]
    alerts: tuple[Row, ...]
    champions: tuple[Row, ...]
    rollouts: tuple[Row, ...]
    trainings: tuple[Row, ...]
    ingests: tuple[Row, ...]
    scores: tuple[Row, ...]
    anomalies: tuple[Row, ...]

    @property
    def answered_per_s(self) -> float:
        return round(sum(rate.answered_per_s for rate in self.predictions), 3)


def read_snapshot(store: Store, at: datetime) -> LiveSnapshot:
    """All of one instant of the database. at: noted on it."""
    number_events(store)
    with store.begin() as connection:
        stream.read_ends(connection)  # there may be no stream yet
    with store.begin() as connection:
        state.at_one_instant(connection)
        ends = stream.read_ends(connection)
        return LiveSnapshot(
            at=at,
            cursor=ends.cursor,
            predictions=merge_rates(rates.read_worker_rates(connection)),
            open_alerts=state.count_alerts(connection),
            alerts=tuple(state.read_alerts(connection, MOST_ALERTS)),
            champions=tuple(state.read_champions(connection)),
            rollouts=tuple(state.read_rollouts(connection)),
            trainings=tuple(state.read_trainings(connection)),
            ingests=tuple(state.read_ingests(connection, MOST_INGESTS)),
            scores=tuple(state.read_scores(connection)),
            anomalies=tuple(state.read_anomalies(connection)),
        )
