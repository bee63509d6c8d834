"""The outcomes of a rollout's units, added up in PostgreSQL by stratum and arm.

A unit counts once: in the arm and in the stratum of its first answer, with what came of it there.
Answers between two strata, when workers may not have heard of a new share yet, start no unit.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from runlore.experiments.rules.sketch import GROWTH, MIDDLE, Sketch
from runlore.kernel.errors import one_line
from runlore.kernel.moments import Moments, moments_of_counts, no_moments
from runlore.serving.queries import outcomes
from runlore.store.engine import Store

PATIENCE_S = 30  # a query for evidence is cancelled after this

# arms on the ledger that were not assigned by chance
NOT_DRAWN = ("shadow", "batch", "champion-batch")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class SharePeriod:
    """A time in which the challenger had one share. ends: None for the current one."""

    begins: datetime
    ends: datetime | None


@dataclass(frozen=True)
class EvidenceQuery:
    """unit: "actor", "kind", "scope" or "execution". of: the value that is predicted.

    kinds: of work that the spec speaks of; empty: all. due_at: answers until then count with their
    outcomes. at: outcomes known until then are known.
    """

    spec: str
    champion: str
    challenger: str
    unit: str
    of: str
    is_probability: bool
    kinds: Sequence[str]
    spans: Sequence[SharePeriod]
    due_at: datetime
    at: datetime


@dataclass(frozen=True)
class UnitCounts:
    """Units of one arm in one span. due: units whose outcome should be known.

    answered: units that got a prediction. loss: of each unit whose outcome is known, the sum of
    its losses, how many there are, and the sum of its outcomes.
    """

    assigned: int
    answered: int
    due: int
    newest_at: datetime | None
    errors: Moments
    refusals: Moments
    prediction: Moments
    loss: Moments
    latency: Sketch


@dataclass(frozen=True)
class ArmCounts:
    """by_span: one mapping, arm -> what was counted, for each span that was asked for.

    crossed: units that both arms answered in one span. unread: the database's error.
    """

    by_span: Sequence[Mapping[str, UnitCounts]]
    crossed: int = 0
    unread: str | None = None


def read(store: Store, query: EvidenceQuery) -> ArmCounts:
    """Count units. Raises Unavailable without a database; other errors are in `unread`."""
    try:
        with store.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(PLAN, {"patience": f"{PATIENCE_S}s"})
            rows = cursor.execute(_query(query), _parameters(query)).fetchall()
    except psycopg.Error as error:
        return ArmCounts((), unread=one_line(error))
    spans: list[dict[str, UnitCounts]] = [{} for _ in query.spans]
    for row in rows:
        spans[row["span"]][row["arm"]] = _counted(row)
    return ArmCounts(spans, sum(row["crossed"] for row in rows))


# The number of units is not known in advance, and a plan for few takes hours for many: the ledger
# and the executions are read by their indices, and joined by hashes.
PLAN = """
SELECT set_config('statement_timeout', %(patience)s, true),
    set_config('enable_seqscan', 'off', true), set_config('enable_nestloop', 'off', true)
"""

QUERY = """
WITH spans AS (
    SELECT * FROM unnest(%(numbers)s::int[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
    AS span (number, begins, ends)
), answers AS MATERIALIZED (
    SELECT s.number AS span, {unit} AS unit, l.at, l.id, l.status, l.latency_ms, l.prediction,
        l.as_of, l.source, l.source_id, l.request->>'kind' AS kind,
        CASE WHEN (l.arm, l.version) IN
            (('champion', %(champion)s), ('challenger', %(challenger)s)) THEN l.arm
        ELSE l.arm || ' with version ' || coalesce(l.version, 'none') END AS arm
    FROM runlore.ledger AS l LEFT JOIN spans AS s ON l.at >= s.begins AND l.at < s.ends
    WHERE l.spec = %(spec)s AND l.at >= %(first)s AND l.arm <> ALL(%(not_drawn)s)
    AND {unit} <> ''
), drawn AS (
    SELECT *, first_value(span) OVER by_unit AS first_span, first_value(arm) OVER by_unit AS drawn
    FROM answers WINDOW by_unit AS (PARTITION BY unit ORDER BY at, id)
), own AS MATERIALIZED (
    SELECT * FROM drawn WHERE span = first_span
), scored AS (
    SELECT DISTINCT ON (o.unit, o.source, o.source_id, run.submitted) o.unit, o.prediction,
        came.status IS NOT NULL AS is_final, CASE WHEN came.status IS NOT NULL THEN {y} END AS y
    FROM own AS o {outcome}
    WHERE o.status = 200 AND o.source_id IS NOT NULL AND o.at <= %(due_at)s
    AND (%(kinds)s::text[] = '{{}}' OR o.kind = ANY(%(kinds)s))
    ORDER BY o.unit, o.source, o.source_id, run.submitted, o.at, o.id
), losses AS (
    SELECT unit, count(*) FILTER (WHERE y IS NOT NULL OR NOT is_final) AS due,
        sum({loss}) AS loss, count(y)::float8 AS known, sum(y) AS y FROM scored GROUP BY unit
), units AS MATERIALIZED (
    SELECT o.span, o.drawn AS arm, o.unit, max(o.at) AS newest_at,
        bool_or(o.status >= 500) AS has_error,
        bool_or(o.status BETWEEN 400 AND 499) AS has_refusal,
        bool_or(o.arm <> o.drawn) AS is_crossed,
        avg({shown}) FILTER (WHERE o.status = 200) AS prediction,
        avg(o.latency_ms) FILTER (WHERE o.status = 200) AS latency
    FROM own AS o GROUP BY 1, 2, 3
), buckets AS (
    SELECT span, arm, array_agg(code ORDER BY code) AS codes, array_agg(n ORDER BY code) AS counts
    FROM (
        SELECT span, arm, {code} AS code, count(*) AS n FROM units
        WHERE latency < 'infinity' AND latency >= 0 GROUP BY 1, 2, 3
    ) AS coded GROUP BY 1, 2
), summed AS (
    SELECT span, arm, count(*) AS assigned, max(newest_at) AS newest_at,
        count(*) FILTER (WHERE is_crossed) AS crossed,
        count(*) FILTER (WHERE has_error) AS errors,
        count(*) FILTER (WHERE has_refusal) AS refusals,
        count(prediction) AS predictions, avg(prediction) AS prediction,
        var_pop(prediction) AS prediction_spread,
        count(*) FILTER (WHERE l.due > 0) AS due,
        count(*) FILTER (WHERE l.known > 0) AS known, {moments}
    FROM units LEFT JOIN losses AS l USING (unit) GROUP BY 1, 2
)
SELECT summed.*, codes, counts FROM summed LEFT JOIN buckets USING (span, arm)
"""

# The service names what it assigns in the same way; see `bentos.predict.handler`.
UNITS: Mapping[str, LiteralString] = {
    "execution": "l.source_id",
    "actor": "l.request->>'actor'",
    "kind": "l.request->>'kind'",
    "scope": "l.request->>'scope'",
}

# The same values as in `features.columns.Results.value`.
Y: Mapping[str, LiteralString] = {
    "failed": "(came.status <> 'succeeded')::int::float8",
    "duration_s": outcomes.SECONDS,
    "log_duration": f"ln(1 + ({outcomes.SECONDS} > 0)::int * {outcomes.SECONDS})",
    "wait_s": "extract(epoch FROM came.started - came.submitted)::float8",
}

VALUES = ("loss", "known", "y")  # of a unit: a ratio's parts, then the value that sharpens it


def _query(query: EvidenceQuery) -> sql.Composed:
    is_probability = query.is_probability
    return sql.SQL(QUERY).format(
        unit=sql.SQL(UNITS[query.unit]),
        outcome=sql.SQL(outcomes.join("o", "%(at)s")),
        y=_outcome(query.of),
        loss=sql.SQL("power(prediction - y, 2)" if is_probability else "abs(prediction - y)"),
        shown=sql.SQL("o.prediction" if is_probability else "ln(1 + greatest(o.prediction, 0))"),
        code=sql.SQL(_code("latency")),
        moments=sql.SQL(", ".join(_moments())),
    )


def _outcome(of: str) -> sql.Composable:
    if of in Y:
        return sql.SQL(Y[of])
    value = sql.SQL("came.outcome->{}").format(sql.Literal(of.removeprefix("outcome.")))
    return sql.SQL("CASE WHEN jsonb_typeof({0}) = 'number' THEN ({0})::float8 END").format(value)


def _code(name: str) -> str:
    """As `rollout.sketch.code_of`, of a value from 0."""
    return (
        f"CASE WHEN {name} > 0 THEN (ceil(ln({name}::float8) / ln({GROWTH}::float8))"
        f" + {MIDDLE})::int ELSE 0 END"
    )


def _moments() -> Iterator[str]:
    """Means and covariances of the values, over units with a known outcome."""
    for one in VALUES:
        yield f"avg(l.{one}) FILTER (WHERE l.known > 0) AS mean_{one}"
        for other in VALUES:
            yield f"covar_pop(l.{one}, l.{other}) FILTER (WHERE l.known > 0) AS {one}_{other}"


def _parameters(query: EvidenceQuery) -> dict[str, Any]:
    spans = query.spans
    return {
        "spec": query.spec,
        "champion": query.champion,
        "challenger": query.challenger,
        "numbers": list(range(len(spans))),
        "begins": [span.begins for span in spans],
        "ends": [str(span.ends) if span.ends else "infinity" for span in spans],
        "first": min((span.begins for span in spans), default=query.at),
        "not_drawn": list(NOT_DRAWN),
        "kinds": list(query.kinds),
        "due_at": query.due_at,
        "at": query.at,
    }


def _counted(row: Row) -> UnitCounts:
    n = row["assigned"]
    return UnitCounts(
        assigned=n,
        answered=row["predictions"],
        due=row["due"],
        newest_at=row["newest_at"],
        errors=moments_of_counts(n, row["errors"]),
        refusals=moments_of_counts(n, row["refusals"]),
        prediction=_one(row["predictions"], row["prediction"], row["prediction_spread"]),
        loss=_loss(row),
        latency=Sketch(tuple(row["codes"] or ()), tuple(row["counts"] or ())),
    )


def _one(n: int, mean: float | None, spread: float | None) -> Moments:
    if mean is None or spread is None:
        return no_moments()
    return Moments(n, (mean,), ((spread * n,),))


def _loss(row: Row) -> Moments:
    n = row["known"]
    if not n:
        return no_moments(len(VALUES))
    means = tuple(row[f"mean_{name}"] for name in VALUES)
    return Moments(n, means, tuple(tuple(row[f"{i}_{j}"] * n for j in VALUES) for i in VALUES))
