"""The state of the whole product in numbers, for `/metrics`: one short transaction."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from runlore.store.engine import Store

# A scrape waits at most so long for each statement; then it goes without these numbers.
TIMEOUT = text("SET LOCAL statement_timeout = '2s'")
CHAMPIONS = text("""
SELECT DISTINCT ON (spec) spec, version FROM runlore.alias_changes WHERE alias = 'champion'
ORDER BY spec, id DESC
""")
ALERTS = text("""
SELECT kind, severity, count(*) FROM runlore.anomalies WHERE resolved_at IS NULL GROUP BY 1, 2
""")
STALE = text("SELECT history FROM runlore.feature_histories WHERE is_stale")
REGISTERED = text("""
SELECT spec, count(DISTINCT version) FROM runlore.alias_changes
WHERE action IN ('announce', 'register') GROUP BY spec
""")
REQUESTED = text("""
SELECT spec, state, count(*) FROM runlore.retraining_states
JOIN runlore.retrainings ON retrainings.id = retraining_id
WHERE state IN ('refused', 'failed') GROUP BY 1, 2
""")
ROLLOUTS = text("""
SELECT DISTINCT ON (spec) spec, challenger, action, step FROM runlore.rollouts
JOIN runlore.rollout_decisions ON rollout_id = rollouts.id
ORDER BY spec, rollouts.id DESC, rollout_decisions.id DESC
""")
WORKERS = text("""
SELECT spec, arm, version, count(*)
FROM runlore.workers, jsonb_each(versions) AS specs (spec, arms),
    jsonb_each_text(arms) AS answering (arm, version)
WHERE seen_at > clock_timestamp() - interval '5 seconds'
GROUP BY 1, 2, 3
""")


@dataclass(frozen=True, slots=True)
class RolloutGauge:
    """The newest rollout of a spec. state: its last decision; share: the challenger's, 0 to 1."""

    spec: str
    challenger: str
    state: str
    share: float


@dataclass(frozen=True, slots=True)
class ProductGauges:
    """champions: spec -> version. open_alerts: (kind, severity) -> count.

    stale_histories: digests of histories whose states are behind the facts.
    trainings: (spec, outcome) -> count. workers: (spec, arm, version) -> processes that answer.
    """

    champions: Mapping[str, str]
    open_alerts: Mapping[tuple[str, str], int]
    stale_histories: frozenset[str]
    trainings: Mapping[tuple[str, str], int]
    rollouts: tuple[RolloutGauge, ...]
    workers: Mapping[tuple[str, str, str], int]


def read_gauges(store: Store) -> ProductGauges:
    """Raises Unavailable; any other error of the database where a statement takes too long."""
    with store.begin() as connection:
        connection.execute(TIMEOUT)
        return ProductGauges(
            champions={spec: version for spec, version in connection.execute(CHAMPIONS) if version},
            open_alerts={(kind, grade): n for kind, grade, n in connection.execute(ALERTS)},
            stale_histories=frozenset(connection.scalars(STALE)),
            trainings=_trainings(connection),
            rollouts=tuple(
                RolloutGauge(row.spec, row.challenger, row.action, row.step / 100)
                for row in connection.execute(ROLLOUTS)
            ),
            workers={
                (spec, arm, version): n for spec, arm, version, n in connection.execute(WORKERS)
            },
        )


def _trainings(connection: Connection) -> dict[tuple[str, str], int]:
    registered = {(spec, "registered"): n for spec, n in connection.execute(REGISTERED)}
    return registered | {(spec, state): n for spec, state, n in connection.execute(REQUESTED)}
