"""The state of the whole product in numbers, for `/metrics`: one short transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from runlore.store.engine import Store

# A scrape waits at most so long for each statement; then it goes without these numbers.
TIMEOUT = text("SET LOCAL statement_timeout = '2s'")
CHAMPIONS = text("""
SELECT DISTINCT ON (spec) spec, version, at FROM runlore.alias_changes WHERE alias = 'champion'
ORDER BY spec, id DESC
""")
SCORES = text("""
SELECT DISTINCT ON (spec, source, score) spec, version, source, score, value, low, high
FROM runlore.performance_results
JOIN unnest(CAST(:specs AS text[]), CAST(:versions AS text[])) AS champions (spec, version)
    USING (spec, version)
ORDER BY spec, source, score, window_to DESC, id DESC
""")
DRIFT = text("""
SELECT DISTINCT ON (spec) spec, version, value, is_drifted FROM runlore.drift_results
WHERE column_name = '*' AND statistic = 'drifted_share' AND replaced_at IS NULL
ORDER BY spec, window_to DESC, id DESC
""")
BACKLOG = text("""
SELECT 'alert_notices' AS queue, count(*) AS waiting
FROM runlore.alert_notices WHERE decided_at IS NULL
UNION ALL SELECT 'alert_deliveries', count(*) FROM runlore.alert_deliveries WHERE state = 'waiting'
UNION ALL SELECT 'lineage_runs', count(*) FROM runlore.lineage_runs WHERE is_pending
""")
INGESTED = text("""
SELECT records, sum(rows_new), sum(rows_known), sum(rows_rejected) FROM runlore.ingests GROUP BY 1
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
class ScoreGauge:
    """Of the champion's newest scored window. source: realised or estimated."""

    spec: str
    version: str
    source: str
    score: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class DriftGauge:
    """Of the newest window that was judged. share: of the weight of all columns, 0 to 1."""

    spec: str
    version: str
    share: float
    is_drifted: bool


@dataclass(frozen=True, slots=True)
class ProductGauges:
    """champions: spec -> version. champions_since: spec -> when it became that.

    open_alerts: (kind, severity) -> count.
    stale_histories: digests of histories whose states are behind the facts.
    trainings: (spec, outcome) -> count. workers: (spec, arm, version) -> processes that answer.
    backlog: queue -> what waits in it. ingested: (records, outcome) -> rows of all ingests.
    """

    champions: Mapping[str, str]
    open_alerts: Mapping[tuple[str, str], int]
    stale_histories: frozenset[str]
    trainings: Mapping[tuple[str, str], int]
    rollouts: tuple[RolloutGauge, ...]
    workers: Mapping[tuple[str, str, str], int]
    champions_since: Mapping[str, datetime]
    scores: tuple[ScoreGauge, ...]
    drift: tuple[DriftGauge, ...]
    backlog: Mapping[str, int]
    ingested: Mapping[tuple[str, str], int]


def read_gauges(store: Store) -> ProductGauges:
    """Raises Unavailable; any other error of the database where a statement takes too long."""
    with store.begin() as connection:
        connection.execute(TIMEOUT)
        champions = [row for row in connection.execute(CHAMPIONS) if row.version]
        return ProductGauges(
            champions={row.spec: row.version for row in champions},
            champions_since={row.spec: row.at for row in champions},
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
            scores=_scores(connection, {row.spec: row.version for row in champions}),
            drift=tuple(DriftGauge(*row) for row in connection.execute(DRIFT)),
            backlog={row.queue: row.waiting for row in connection.execute(BACKLOG)},
            ingested=_ingested(connection),
        )


def _scores(connection: Connection, champions: Mapping[str, str]) -> tuple[ScoreGauge, ...]:
    names = {"specs": list(champions), "versions": list(champions.values())}
    return tuple(ScoreGauge(*row) for row in connection.execute(SCORES, names))


def _ingested(connection: Connection) -> dict[tuple[str, str], int]:
    return {
        (records, outcome): int(rows)
        for records, *counts in connection.execute(INGESTED)
        for outcome, rows in zip(("new", "known", "rejected"), counts, strict=True)
    }


def _trainings(connection: Connection) -> dict[tuple[str, str], int]:
    registered = {(spec, "registered"): n for spec, n in connection.execute(REGISTERED)}
    return registered | {(spec, state): n for spec, state, n in connection.execute(REQUESTED)}
