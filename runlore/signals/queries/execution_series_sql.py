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
WITH counted AS (
    SELECT dimension, label, count(*) AS executions
    FROM runlore.executions CROSS JOIN LATERAL
        (VALUES ('', ''), ('kind', kind), ('scope', scope), ('actor', actor))
        AS g (dimension, label)
    WHERE submitted >= %(since)s AND revision = 0 AND (dimension = '' OR label <> '')
    GROUP BY dimension, label HAVING count(*) >= %(least)s
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
FACTS: LiteralString = """
CREATE TEMP TABLE run_facts ON COMMIT DROP AS
WITH known AS (
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
)
SELECT execution, seq, actor, kind, scope, is_outcome, gone_at,
    CASE WHEN is_outcome OR revision > 0 THEN known_at ELSE submission_known_at END AS known_at,
    CASE WHEN is_outcome THEN finished IS NOT NULL OR earlier_finished IS NOT NULL
        ELSE is_other_group END AS is_news,
    date_bin(%(step)s, CASE WHEN is_outcome THEN finished ELSE submitted END, 'epoch') AS step,
    CASE WHEN status IN ('succeeded', 'failed', 'partial')
        THEN (status <> 'succeeded')::int::float8 END AS failed,
    CASE WHEN finished >= started THEN extract(epoch FROM finished - started)::float8
        WHEN jsonb_typeof(outcome -> 'duration_s') = 'number'
        THEN (outcome ->> 'duration_s')::float8 END AS duration,
    CASE WHEN started >= submitted THEN extract(epoch FROM started - submitted)::float8 END AS wait,
    CASE WHEN jsonb_typeof(outcome -> 'cost_usd') = 'number' THEN (outcome ->> 'cost_usd')::float8
        WHEN jsonb_typeof(outcome -> 'cost') = 'number'
        THEN (outcome ->> 'cost')::float8 END AS cost,
    CASE WHEN jsonb_typeof(outcome -> 'peak_memory_bytes') = 'number'
        THEN (outcome ->> 'peak_memory_bytes')::float8 END AS memory
FROM numbered CROSS JOIN (VALUES (false), (true)) AS stage (is_outcome)
"""

POINTS: LiteralString = """
CREATE TEMP TABLE run_points ON COMMIT DROP AS
WITH chosen AS (
    SELECT * FROM unnest(%(dimensions)s::text[], %(labels)s::text[], %(firsts)s::timestamptz[],
        %(suffixes)s::text[], %(in_scopes)s::text[])
        AS g (dimension, label, first_at, suffix, in_scope)
), steps AS (
    SELECT step FROM generate_series(%(since)s::timestamptz, %(until)s::timestamptz - %(step)s,
        %(step)s) AS step WHERE step + %(step)s <= %(heard_at)s
), owners AS (
    SELECT DISTINCT is_outcome, step, execution FROM pg_temp.run_facts JOIN steps USING (step)
), instants AS (
    SELECT is_outcome, step, step + %(step)s AS at
    FROM steps CROSS JOIN (VALUES (false), (true)) AS stage (is_outcome)
    UNION
    SELECT is_outcome, owners.step, max(at)
    FROM owners JOIN pg_temp.run_facts AS fact USING (is_outcome, execution)
    CROSS JOIN LATERAL (VALUES (CASE WHEN is_news THEN known_at END), (gone_at)) AS change (at)
    WHERE at > owners.step + %(step)s AND at < 'infinity'
    GROUP BY is_outcome, owners.step, date_bin(%(step)s, at - interval '1 microsecond', 'epoch')
), states AS (
    SELECT DISTINCT ON (instants.is_outcome, instants.step, instants.at, execution)
        instants.step, instants.at, instants.step = fact.step AS is_here, fact.is_outcome,
        actor, kind, scope, failed, duration, wait, cost, memory
    FROM instants JOIN owners USING (is_outcome, step)
    JOIN pg_temp.run_facts AS fact USING (is_outcome, execution)
    WHERE fact.known_at <= instants.at AND instants.at < fact.gone_at
    ORDER BY instants.is_outcome, instants.step, instants.at, execution, seq DESC
), summed AS (
    SELECT dimension, label, step, at, is_outcome, count(*)::float8 AS executions,
        avg(failed) AS failure_rate, sum(cost) AS cost,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY duration) AS duration_p50,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY duration) AS duration_p95,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY wait) AS wait_p50,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY wait) AS wait_p95,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY memory) AS memory_p95
    FROM states CROSS JOIN LATERAL
        (VALUES ('', ''), ('kind', kind), ('scope', scope), ('actor', actor))
        AS g (dimension, label)
    JOIN chosen USING (dimension, label)
    WHERE is_here AND step >= first_at
    GROUP BY dimension, label, step, at, is_outcome
), measured AS (
    SELECT dimension, label, suffix, in_scope, instants.step, instants.at, measure, value
    FROM instants JOIN chosen ON instants.step >= first_at
    LEFT JOIN summed USING (dimension, label, is_outcome, step, at)
    CROSS JOIN LATERAL (VALUES
        (false, 'executions', coalesce(executions, 0)), (true, 'failure_rate', failure_rate),
        (true, 'duration_p50', duration_p50), (true, 'duration_p95', duration_p95),
        (true, 'wait_p50', wait_p50), (true, 'wait_p95', wait_p95),
        (true, 'cost', cost), (true, 'memory_p95', memory_p95)
    ) AS m (of_outcome, column_name, value)
    JOIN unnest(%(columns)s::text[], %(measures)s::text[]) AS named (column_name, measure)
        USING (column_name)
    WHERE of_outcome = instants.is_outcome
), standing AS (
    SELECT *, lag(value) OVER own IS DISTINCT FROM value AS is_change,
        last_value(value) OVER
            (own ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last
    FROM measured WINDOW own AS (PARTITION BY dimension, label, measure, step ORDER BY at)
)
SELECT measure || suffix AS name, in_scope AS scope,
    step AS at, at AS known_at, value,
    (row_number() OVER (PARTITION BY dimension, label, measure, step ORDER BY at) - 1)::smallint
        AS revision
FROM standing WHERE is_change AND value IS NOT NULL AND last IS NOT NULL
"""

CATALOG: LiteralString = """
INSERT INTO runlore.series (source, name, scope, labels)
SELECT %(source)s, name, scope, labels::jsonb
FROM unnest(%(names)s::text[], %(scopes)s::text[], %(label_sets)s::text[])
    AS series (name, scope, labels)
WHERE EXISTS (SELECT FROM pg_temp.run_points AS point
    WHERE (point.name, point.scope) = (series.name, series.scope))
ON CONFLICT (source, name, scope) DO NOTHING
"""

DELETE_POINTS: LiteralString = """
DELETE FROM runlore.metrics AS stored USING (
    SELECT * FROM unnest(%(names)s::text[], %(scopes)s::text[]) AS s (name, scope)
) AS series
WHERE stored.source = %(source)s AND (stored.name, stored.scope) = (series.name, series.scope)
    AND stored.at >= %(since)s AND stored.at < %(until)s
    AND NOT EXISTS (SELECT FROM pg_temp.run_points AS point
        WHERE (point.name, point.scope, point.at, point.revision, point.value, point.known_at)
        = (stored.name, stored.scope, stored.at, stored.revision, stored.value, stored.known_at))
"""

INSERT_POINTS: LiteralString = """
INSERT INTO runlore.metrics (source, name, scope, at, revision, value, known_at)
SELECT %(source)s, name, scope, at, revision, value, known_at FROM pg_temp.run_points
ON CONFLICT (source, name, scope, at, revision) DO NOTHING
"""
