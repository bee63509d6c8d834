"""Units and events of a test that compares arms on the ledger: which answered, and what came of it.

Each look collects what is new since the last one, with an overlap for what was committed late;
an answer and an outcome have an event id of their own, so that nothing counts twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, text

from runlore.experiments.queries import experiments
from runlore.experiments.queries.experiments import AbTest
from runlore.experiments.queries.unit_events import statement, take
from runlore.serving.queries import outcomes

# Each look reads this far back again. Facts get their numbers before they are committed, an ingest
# chunks of 65,536 at once, and several ingests run side by side; see `drift_slices.RECENT_FACTS`.
OVERLAP, OVERLAP_FACTS = timedelta(minutes=15), 1_000_000
# What variants are assigned to. An answer without such a name is in no test.
UNIT = {
    "execution": "coalesce(ledger.source || '/' || ledger.source_id, '')",
    "actor": "coalesce(ledger.request ->> 'actor', '')",
    "kind": "coalesce(ledger.request ->> 'kind', '')",
    "scope": "coalesce(ledger.request ->> 'scope', '')",
}
EVENTS = ("latency_ms", "failed", "squared_error", "duration_s", "absolute_error")

ANSWER = """
SELECT ledger.id, ledger.at, as_of, ledger.source, ledger.source_id, prediction, latency_ms,
    {unit} AS unit, ledger.{variant} AS variant FROM {tables}
WHERE spec = :spec AND ledger.status = 200 AND {variant} = ANY (CAST(:variants AS text[]))
    AND ledger.at <= CAST(:at AS timestamptz) AND {unit} <> ''
"""
NEW_ANSWERS = "AND ledger.at >= CAST(:since AS timestamptz)"
NEW_OUTCOMES = """
AND executions.seq > :seq AND ledger.source = executions.source
AND ledger.source_id = executions.source_id AND ledger.at >= CAST(:started AS timestamptz)
"""
UNITS = """
INSERT INTO runlore.ab_units (test_id, unit, variant, exposed_at)
SELECT DISTINCT ON (unit) :test, unit, variant, at FROM answers ORDER BY unit, at
ON CONFLICT DO NOTHING
"""
CROSSED = """
UPDATE runlore.ab_units AS units SET crossed_at = seen.at
FROM (SELECT unit, variant, min(at) AS at FROM answers GROUP BY unit, variant) AS seen
WHERE units.test_id = :test AND units.unit = seen.unit AND units.variant <> seen.variant
    AND (units.crossed_at IS NULL OR units.crossed_at > seen.at)
"""
GIVEN = f"""
kept AS (
    SELECT answers.* FROM answers JOIN runlore.ab_units AS units ON units.test_id = :test
        AND units.unit = answers.unit AND units.variant = answers.variant
),
ended AS (
    SELECT DISTINCT ON (kept.source, kept.source_id, came.submitted)
        kept.*, came.submitted, came.known_at, CAST(came.status <> 'succeeded' AS int) AS failed,
        {outcomes.SECONDS} AS duration_s
    FROM kept {outcomes.join("kept", "CAST(:at AS timestamptz)", "first")}
    WHERE came.status IS NOT NULL
    ORDER BY kept.source, kept.source_id, came.submitted, kept.at
),
facts AS (
    SELECT 'answer/' || id AS id, unit, at, 'latency_ms' AS event,
        CAST(latency_ms AS float8) AS value FROM kept
    UNION ALL
    SELECT concat_ws('/', 'outcome', source, source_id, extract(epoch FROM submitted), name), unit,
        greatest(known_at, at), name, outcome.value
    FROM ended CROSS JOIN LATERAL (VALUES
        ('failed', CAST(failed AS float8)), ('squared_error', (prediction - failed) ^ 2),
        ('duration_s', duration_s), ('absolute_error', abs(prediction - duration_s))
    ) AS outcome (name, value)
),
given AS (
    SELECT row_number() OVER () - 1 AS place, id, unit, event, value, at, false AS is_at_given
    FROM facts WHERE value IS NOT NULL AND event = ANY (CAST(:events AS text[]))
)"""  # noqa: S608  (constants of ours)
NEWEST = text("SELECT coalesce(max(seq), 0) FROM runlore.executions")


@dataclass(frozen=True)
class LedgerSource:
    """Whose answers are compared, by what they were dealt out, and what a variant is."""

    spec: str
    unit: Literal["execution", "actor", "kind", "scope"] = "execution"
    variant: Literal["arm", "version"] = "arm"


def collect(
    connection: Connection, test: AbTest, source: LedgerSource, events: Sequence[str], at: datetime
) -> AbTest:
    """Take in answers and outcomes that are new since the last time, of a test that runs.

    Of an execution the first outcome counts; later corrections of it do not.
    """
    values = {
        "test": test.id,
        "spec": source.spec,
        "variants": [variant.name for variant in test.design.variants],
        "events": list(events),
        "started": test.started_at,
        "since": _since(test),
        "seq": test.collected_seq - OVERLAP_FACTS,
        "at": at,
        "latest": at,
    }
    newest = connection.scalar(NEWEST)
    answers = _answers(source)
    connection.execute(text(f"WITH {answers} {UNITS}"), values)
    connection.execute(text(f"WITH {answers} {CROSSED}"), values)
    take(connection, statement(f"{answers}, {GIVEN}"), test, values)
    return experiments.change(connection, test, collected_at=at, collected_seq=newest)


def _answers(source: LedgerSource) -> str:
    unit, ledger = UNIT[source.unit], "runlore.ledger AS ledger"
    names = {"unit": unit, "variant": source.variant}
    new = ANSWER.format(tables=ledger, **names) + NEW_ANSWERS
    tables = f"{ledger}, runlore.executions AS executions"
    late = ANSWER.format(tables=tables, **names) + NEW_OUTCOMES
    return f"answers AS ({new} UNION {late})"


def _since(test: AbTest) -> datetime | None:
    """Not from before the start."""
    if test.collected_at is None or test.started_at is None:
        return test.started_at
    return max(test.started_at, test.collected_at - OVERLAP)
