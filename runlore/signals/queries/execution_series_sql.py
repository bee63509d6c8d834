"""The statements that make points from executions.

A point of a step is what was known at its end. Facts that became known later make revisions of it:
one per further step in which there were any, known at the last of them.
"""

from typing import LiteralString

CONCLUDE: LiteralString = """
INSERT INTO runlore.execution_series_cursor AS stored (seq, heard_at, chosen_at)
VALUES (%(seq)s, %(heard_at)s, %(chosen_at)s)
ON CONFLICT (single) DO UPDATE SET (seq, heard_at, chosen_at, renewed_at)
    = (excluded.seq, excluded.heard_at, excluded.chosen_at, now())
"""

# A group that has series is replaced by one with twice its executions: its past is computed anew.
CHOOSE: LiteralString = """
WITH summed AS (
    SELECT CASE WHEN grouping(kind) = 0 THEN 'kind' WHEN grouping(scope) = 0 THEN 'scope'
            WHEN grouping(actor) = 0 THEN 'actor' ELSE '' END AS dimension,
        coalesce(kind, scope, actor, '') AS label, count(*) AS executions
    FROM runlore.executions WHERE submitted >= %(since)s AND revision = 0
    GROUP BY GROUPING SETS ((), (kind), (scope), (actor)) HAVING count(*) >= %(least)s
), counted AS (
    SELECT * FROM summed WHERE dimension = '' OR label <> ''
), chosen AS (
    SELECT dimension, label FROM (
        SELECT *,
            row_number() OVER (PARTITION BY dimension ORDER BY
                executions * CASE WHEN first_at IS NULL THEN 1 ELSE 2 END DESC, label) AS place
        FROM counted LEFT JOIN runlore.execution_groups USING (dimension, label)
    ) AS ranked WHERE place <= %(most)s
), dropped AS (
    DELETE FROM runlore.execution_groups AS stored
    WHERE NOT EXISTS (SELECT FROM chosen WHERE (chosen.dimension, chosen.label)
        = (stored.dimension, stored.label))
)
INSERT INTO runlore.execution_groups (dimension, label, first_at)
SELECT dimension, label, begin.at FROM chosen CROSS JOIN (
    SELECT date_bin('1 day', min(submitted), 'epoch') AS at FROM runlore.executions
    WHERE submitted >= %(first_at)s
) AS begin
ON CONFLICT (dimension, label) DO NOTHING
"""

CHANGED: tuple[LiteralString, ...] = (
    """
CREATE TEMP TABLE touched ON COMMIT DROP AS
SELECT source, source_id, submitted, finished FROM runlore.executions
WHERE seq > %(after)s AND seq <= %(until)s
UNION
SELECT fact.source, fact.source_id, fact.submitted, fact.finished
FROM runlore.withdrawn_executions AS fact
JOIN runlore.withdrawals AS w ON w.id = fact.withdrawal_id
WHERE w.seq > %(after)s AND w.seq <= %(until)s
""",
    "ANALYZE pg_temp.touched",
)
# What an execution said before a correction counts too: that step loses it.
STEPS: LiteralString = """
SELECT DISTINCT date_bin(%(step)s, at, 'epoch') AS step FROM (
    SELECT submitted AS at FROM pg_temp.touched
    UNION ALL SELECT finished FROM pg_temp.touched
    UNION ALL
    SELECT fact.finished FROM runlore.executions AS fact
    JOIN (SELECT DISTINCT source, source_id, submitted FROM pg_temp.touched) AS keys
        USING (source, source_id, submitted)
    WHERE fact.submitted BETWEEN (SELECT min(submitted) FROM pg_temp.touched)
        AND (SELECT max(submitted) FROM pg_temp.touched)
) AS changed
WHERE at >= %(since)s ORDER BY step
"""

# Executions of which a fact or undo belongs to these days.
KEYS: LiteralString = """
CREATE TEMP TABLE run_keys ON COMMIT DROP AS
SELECT source, source_id, submitted FROM runlore.executions
WHERE submitted >= %(since)s AND submitted < %(until)s
UNION
SELECT source, source_id, submitted FROM runlore.executions
WHERE finished >= %(since)s AND finished < %(until)s
UNION
SELECT source, source_id, submitted FROM runlore.withdrawn_executions
WHERE submitted >= %(since)s AND submitted < %(until)s
UNION
SELECT source, source_id, submitted FROM runlore.withdrawn_executions
WHERE finished >= %(since)s AND finished < %(until)s
"""

# A submission is known before its outcome: each fact stands once as `is_outcome` and once not.
# of_all, of_kind, of_scope, of_actor: the numbers of the groups it belongs to.
FACTS: LiteralString = """
CREATE TEMP TABLE run_facts ON COMMIT DROP AS
WITH chosen AS (
    SELECT * FROM unnest(%(dimensions)s::text[], %(labels)s::text[])
        WITH ORDINALITY AS g (dimension, label, number)
), known AS (
    SELECT e.source, e.source_id, e.submitted, e.seq, e.revision, e.actor, e.kind, e.scope,
        e.started, e.finished, e.status, e.outcome, e.submission_known_at, e.known_at,
        'infinity'::timestamptz AS gone_at
    FROM pg_temp.run_keys JOIN runlore.executions AS e USING (source, source_id, submitted)
    WHERE e.submitted BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
    UNION ALL
    SELECT e.source, e.source_id, e.submitted, e.seq, e.revision, e.actor, e.kind, e.scope,
        e.started, e.finished, e.status, e.outcome, e.submission_known_at, e.known_at, w.known_at
    FROM pg_temp.run_keys
    JOIN runlore.withdrawn_executions AS e USING (source, source_id, submitted)
    JOIN runlore.withdrawals AS w ON w.id = e.withdrawal_id
    WHERE e.submitted BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
), numbered AS (
    SELECT *, dense_rank() OVER (ORDER BY source, source_id, submitted) AS execution,
        lag((actor, kind, scope)) OVER own IS DISTINCT FROM (actor, kind, scope) AS is_other_group,
        lag(finished) OVER own AS earlier_finished
    FROM known WINDOW own AS (PARTITION BY source, source_id, submitted ORDER BY seq)
), measured AS (
    SELECT *,
        CASE WHEN status IN ('succeeded', 'failed', 'partial')
            THEN (status <> 'succeeded')::int::float8 END AS failed,
        CASE WHEN finished >= started THEN extract(epoch FROM finished - started)::float8
            WHEN jsonb_typeof(outcome -> 'duration_s') = 'number'
            THEN (outcome ->> 'duration_s')::float8 END AS duration,
        CASE WHEN started >= submitted
            THEN extract(epoch FROM started - submitted)::float8 END AS wait,
        CASE WHEN jsonb_typeof(outcome -> 'cost_usd') = 'number'
            THEN (outcome ->> 'cost_usd')::float8
            WHEN jsonb_typeof(outcome -> 'cost') = 'number'
            THEN (outcome ->> 'cost')::float8 END AS cost,
        CASE WHEN jsonb_typeof(outcome -> 'peak_memory_bytes') = 'number'
            THEN (outcome ->> 'peak_memory_bytes')::float8 END AS memory
    FROM numbered
)
SELECT execution, seq, is_outcome, gone_at,
    every_one.number AS of_all, k.number AS of_kind, s.number AS of_scope, a.number AS of_actor,
    CASE WHEN is_outcome OR revision > 0 THEN known_at ELSE submission_known_at END AS known_at,
    CASE WHEN is_outcome THEN finished IS NOT NULL OR earlier_finished IS NOT NULL
        ELSE is_other_group END AS is_news,
    CASE WHEN is_outcome THEN finished ELSE submitted END AS happened_at,
    failed, duration, wait, cost, memory
FROM measured
LEFT JOIN chosen AS every_one ON every_one.dimension = ''
LEFT JOIN chosen AS k ON k.dimension = 'kind' AND k.label = measured.kind
LEFT JOIN chosen AS s ON s.dimension = 'scope' AND s.label = measured.scope
LEFT JOIN chosen AS a ON a.dimension = 'actor' AND a.label = measured.actor
CROSS JOIN (VALUES (false), (true)) AS stage (is_outcome)
"""

# Most steps have one instant, their end: only the others need windows.
POINTS: LiteralString = """
CREATE TEMP TABLE run_points ON COMMIT DROP AS
WITH chosen AS (
    SELECT * FROM unnest(%(firsts)s::timestamptz[]) WITH ORDINALITY AS g (first_at, number)
), steps AS (
    SELECT unnest(%(steps)s::timestamptz[]) AS step
), owners AS (
    SELECT DISTINCT is_outcome, step, execution FROM pg_temp.run_facts
    JOIN steps ON step = date_bin(%(step)s, happened_at, 'epoch')
), instants AS (
    SELECT *, row_number() OVER () AS instant,
        count(*) OVER (PARTITION BY is_outcome, step) > 1 AS is_revised
    FROM (
        SELECT is_outcome, step, step + %(step)s AS at
        FROM steps CROSS JOIN (VALUES (false), (true)) AS stage (is_outcome)
        UNION
        SELECT is_outcome, owners.step, max(at)
        FROM owners JOIN pg_temp.run_facts AS fact USING (is_outcome, execution)
        CROSS JOIN LATERAL (VALUES (CASE WHEN is_news THEN known_at END), (gone_at)) AS change (at)
        WHERE greatest(CASE WHEN is_news THEN known_at END, nullif(gone_at, 'infinity'))
                > owners.step + %(step)s
            AND at > owners.step + %(step)s AND at < 'infinity'
        GROUP BY is_outcome, owners.step, date_bin(%(step)s, at - interval '1 microsecond', 'epoch')
    ) AS ends
), states AS (
    SELECT DISTINCT ON (instant, execution) instant, instants.step,
        instants.step = date_bin(%(step)s, happened_at, 'epoch') AS is_here,
        of_all, of_kind, of_scope, of_actor, failed, duration, wait, cost, memory
    FROM instants JOIN owners USING (is_outcome, step)
    JOIN pg_temp.run_facts AS fact USING (is_outcome, execution)
    WHERE fact.known_at <= instants.at AND instants.at < fact.gone_at
    ORDER BY instant, execution, seq DESC
), summed AS (
    SELECT instant, number, count(*)::float8 AS executions,
        avg(failed) AS failure_rate, sum(cost) AS cost,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY duration) AS duration_p50,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY duration) AS duration_p95,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY wait) AS wait_p50,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY wait) AS wait_p95,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY memory) AS memory_p95
    FROM states
    CROSS JOIN LATERAL (VALUES (of_all), (of_kind), (of_scope), (of_actor)) AS g (number)
    WHERE is_here AND number IS NOT NULL
    GROUP BY instant, number
), measured AS (
    SELECT place + number AS series, step, at, is_revised, value
    FROM instants JOIN chosen ON step >= first_at
    LEFT JOIN summed USING (instant, number)
    CROSS JOIN LATERAL (VALUES
        (false, %(executions)s::int, coalesce(executions, 0)),
        (true, %(failure_rate)s::int, failure_rate),
        (true, %(duration_p50)s::int, duration_p50), (true, %(duration_p95)s::int, duration_p95),
        (true, %(wait_p50)s::int, wait_p50), (true, %(wait_p95)s::int, wait_p95),
        (true, %(cost)s::int, cost), (true, %(memory_p95)s::int, memory_p95)
    ) AS m (of_outcome, place, value)
    WHERE of_outcome = is_outcome AND (is_revised OR value IS NOT NULL)
), standing AS (
    SELECT *, lag(value) OVER own IS DISTINCT FROM value AS is_change,
        last_value(value) OVER
            (own ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last
    FROM measured WHERE is_revised WINDOW own AS (PARTITION BY series, step ORDER BY at)
)
SELECT series, step AS at, at AS known_at, value, 0::smallint AS revision
FROM measured WHERE NOT is_revised
UNION ALL
SELECT series, step, at, value,
    (row_number() OVER (PARTITION BY series, step ORDER BY at) - 1)::smallint
FROM standing WHERE is_change AND value IS NOT NULL AND last IS NOT NULL
"""

CATALOG: LiteralString = """
INSERT INTO runlore.series (source, name, scope, labels)
SELECT %(source)s, name, scope, labels::jsonb
FROM unnest(%(names)s::text[], %(scopes)s::text[], %(label_sets)s::text[])
    WITH ORDINALITY AS s (name, scope, labels, series)
WHERE series IN (SELECT series FROM pg_temp.run_points)
    AND NOT EXISTS (SELECT FROM runlore.series AS stored
        WHERE (stored.source, stored.name, stored.scope) = (%(source)s, s.name, s.scope))
ON CONFLICT (source, name, scope) DO NOTHING
"""

DELETE_POINTS: LiteralString = """
DELETE FROM runlore.metrics AS stored USING
    unnest(%(names)s::text[], %(scopes)s::text[]) WITH ORDINALITY AS s (name, scope, series)
WHERE stored.source = %(source)s AND (stored.name, stored.scope) = (s.name, s.scope)
    AND stored.at >= %(since)s AND stored.at < %(until)s AND stored.at = ANY(%(steps)s)
    AND NOT EXISTS (SELECT FROM pg_temp.run_points AS point
        WHERE (point.series, point.at, point.revision, point.value, point.known_at)
        = (s.series, stored.at, stored.revision, stored.value, stored.known_at))
"""

# What stands there now is the same. In the order of the primary key: its pages are met in turn.
INSERT_POINTS: LiteralString = """
WITH series AS MATERIALIZED (
    SELECT * FROM unnest(%(names)s::text[], %(scopes)s::text[])
        WITH ORDINALITY AS s (name, scope, series)
), kept AS MATERIALIZED (
    SELECT series.series, stored.at, stored.revision FROM series CROSS JOIN LATERAL (
        SELECT at, revision FROM runlore.metrics
        WHERE (source, name, scope) = (%(source)s, series.name, series.scope)
            AND at >= %(since)s AND at < %(until)s OFFSET 0
    ) AS stored
)
INSERT INTO runlore.metrics (source, name, scope, at, revision, value, known_at)
SELECT %(source)s, name, scope, at, revision, value, known_at
FROM pg_temp.run_points AS point JOIN series USING (series)
WHERE NOT EXISTS (SELECT FROM kept
    WHERE (kept.series, kept.at, kept.revision) = (point.series, point.at, point.revision))
ORDER BY series, at, revision
"""
