"""How everything stands at an instant."""

from typing import Any

from sqlalchemy import Connection, text

ONE_INSTANT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
ALERT_COUNTS = text("""
SELECT severity, count(*) FROM runlore.anomalies WHERE resolved_at IS NULL GROUP BY 1
""")
ALERTS = text("""
SELECT id, kind, subject, severity, what, advice, since, acknowledged_by
FROM runlore.anomalies WHERE resolved_at IS NULL ORDER BY id DESC LIMIT :most
""")
ROLLOUTS = text("""
SELECT DISTINCT ON (spec) spec, rollouts.id AS rollout, challenger, action AS event,
    step / 100.0 AS share, written_at AS at
FROM runlore.rollouts JOIN runlore.rollout_decisions ON rollout_id = rollouts.id
ORDER BY spec, rollouts.id DESC, rollout_decisions.id DESC
""")
TRAININGS = text("""
SELECT DISTINCT ON (spec) spec, retrainings.id AS training, state AS event,
    retraining_states.reason, retraining_states.at
FROM runlore.retrainings JOIN runlore.retraining_states ON retraining_id = retrainings.id
ORDER BY spec, retrainings.id DESC, retraining_states.id DESC
""")
CHAMPIONS = text("""
SELECT DISTINCT ON (spec) spec, version, at FROM runlore.alias_changes WHERE alias = 'champion'
ORDER BY spec, id DESC
""")
INGESTS = text("""
SELECT id AS ingest, source, path, started_at, finished_at, rows_new AS new, rows_known AS known,
    rows_rejected AS rejected
FROM runlore.ingests WHERE withdrawal_id IS NULL ORDER BY id DESC LIMIT :most
""")
SCORES = text("""
SELECT DISTINCT ON (spec, version, score) spec, version, score, value, low, high, source,
    window_from, window_to, answers, labelled, at
FROM (SELECT * FROM runlore.performance_results ORDER BY id DESC LIMIT 2000) AS newest
ORDER BY spec, version, score, id DESC
""")
ANOMALIES = text("""
WITH newest AS (
    SELECT DISTINCT ON (spec) spec, version, window_from, window_to
    FROM runlore.drift_results WHERE replaced_at IS NULL ORDER BY spec, window_to DESC, id DESC
)
SELECT spec, version, window_from, window_to, array_agg(DISTINCT column_name) AS columns
FROM newest JOIN runlore.drift_results USING (spec, version, window_from, window_to)
WHERE is_drifted AND replaced_at IS NULL AND column_name <> '*' GROUP BY 1, 2, 3, 4 ORDER BY 1
""")

Row = dict[str, Any]


def at_one_instant(connection: Connection) -> None:
    """Let all that the transaction reads be of one instant. To be called first."""
    connection.execute(ONE_INSTANT)


def count_alerts(connection: Connection) -> dict[str, int]:
    """Severity -> open alerts."""
    return {row[0]: row[1] for row in connection.execute(ALERT_COUNTS)}


def read_alerts(connection: Connection, most: int) -> list[Row]:
    return [dict(row) for row in connection.execute(ALERTS, {"most": most}).mappings()]


def read_rollouts(connection: Connection) -> list[Row]:
    return [
        {**row, "share": float(row["share"])} for row in connection.execute(ROLLOUTS).mappings()
    ]


def read_trainings(connection: Connection) -> list[Row]:
    return [dict(row) for row in connection.execute(TRAININGS).mappings()]


def read_champions(connection: Connection) -> list[Row]:
    rows = connection.execute(CHAMPIONS).mappings()
    return [dict(row) for row in rows if row["version"] is not None]


def read_ingests(connection: Connection, most: int) -> list[Row]:
    return [dict(row) for row in connection.execute(INGESTS, {"most": most}).mappings()]


def read_scores(connection: Connection) -> list[Row]:
    return [dict(row) for row in connection.execute(SCORES).mappings()]


def read_anomalies(connection: Connection) -> list[Row]:
    """Columns that drifted in each spec's newest window."""
    return [dict(row) for row in connection.execute(ANOMALIES).mappings()]
