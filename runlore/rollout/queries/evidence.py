"""The outcomes of a rollout's units, added up in PostgreSQL by stratum and arm.

A unit counts once: in the arm and in the stratum of its first answer, with what came of it there.
Answers between two strata, when workers may not have heard of a new share yet, start no unit.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from runlore.experiments.rules.sketch import GROWTH, MIDDLE, Sketch
from runlore.features.matured import AGE, BOTS, MOST_BOT_SHARE, USERS, MaturedValue, matured_value
from runlore.kernel.errors import one_line
from runlore.kernel.moments import Moments, moments_of_counts, no_moments
from runlore.rollout.rules.follow_up import FollowUp
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

    kinds: of work that the spec speaks of; empty: all. ages_s: follow-up times, rising; answers
    count with their outcomes from the first one on. at: outcomes known until then are known.
    """

    spec: str
    champion: str
    challenger: str
    unit: str
    of: str
    is_probability: bool
    kinds: Sequence[str]
    spans: Sequence[SharePeriod]
    ages_s: Sequence[float]
    at: datetime

    @property
    def due_at(self) -> datetime:
        return self.at - timedelta(seconds=self.ages_s[0])


@dataclass(frozen=True)
class UnitCounts:
    """Units of one arm in one span. due: units whose outcome should be known.

    answered: units that got a prediction. follow_ups: of answers that are at least so old; `known`
    holds of each unit whose outcome is known the sum of its losses, how many there are, and the
    sum of its outcomes.
    """

    assigned: int
    answered: int
    due: int
    newest_at: datetime | None
    errors: Moments
    refusals: Moments
    prediction: Moments
    follow_ups: tuple[FollowUp, ...]
    latency: Sketch

    @property
    def loss(self) -> Moments:
        return self.follow_ups[0].known


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
    crossed = 0
    for (span, arm), group in groupby(rows, lambda row: (row["span"], row["arm"])):
        by_age = list(group)
        spans[span][arm] = _counted(by_age, query.ages_s)
        crossed += by_age[0]["crossed"]
    return ArmCounts(spans, crossed)


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
        came.status IS NOT NULL AS is_final, CASE WHEN came.status IS NOT NULL THEN {y} END AS y,
        extract(epoch FROM %(at)s::timestamptz - o.at) AS age_s,
        extract(epoch FROM came.end_known_at - o.at) AS delay_s
    FROM own AS o {outcome}
    WHERE o.status = 200 AND o.source_id IS NOT NULL AND o.at <= %(due_at)s
    AND (%(kinds)s::text[] = '{{}}' OR o.kind = ANY(%(kinds)s))
    ORDER BY o.unit, o.source, o.source_id, run.submitted, o.at, o.id
), losses AS (
    SELECT unit, number, count(*) FILTER (WHERE y IS NOT NULL OR NOT is_final) AS due,
        count(*) FILTER (WHERE NOT is_final) AS still_out,
        sum({loss}) AS loss, count(y)::float8 AS known, sum(y) AS y,
        coalesce(sum({loss}) FILTER (WHERE 2 * delay_s > least_s), 0) AS late
    FROM scored, unnest(%(ages_s)s::float8[]) WITH ORDINALITY AS follow_up (least_s, number)
    WHERE age_s >= least_s GROUP BY unit, number
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
        var_pop(prediction) AS prediction_spread
    FROM units GROUP BY 1, 2
), followed AS (
    SELECT span, arm, number, count(*) FILTER (WHERE l.due > 0) AS due,
        sum(l.still_out) AS still_out, count(*) FILTER (WHERE l.known > 0) AS known,
        avg(late) FILTER (WHERE l.known > 0) AS late,
        var_pop(late) FILTER (WHERE l.known > 0) AS late_spread, max(l.loss) AS largest, {moments}
    FROM units JOIN losses AS l USING (unit) GROUP BY 1, 2, 3
)
SELECT * FROM summed LEFT JOIN buckets USING (span, arm) LEFT JOIN followed USING (span, arm)
ORDER BY span, arm, number
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

MATURED: LiteralString = """
CASE WHEN coalesce(({age}) >= {least_h}, came.known_at = came.finished OR came.known_at
        - coalesce(came.started, came.finished, came.submitted) >= {least_h} * interval '1 hour')
    AND NOT coalesce(({bots}) > {most_bots} * (coalesce(({users}), 0) + ({bots})), false)
THEN {value} END
"""

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
    if matured := matured_value(of):
        return _matured(matured)
    return _number(of.removeprefix("outcome."))


def _number(name: str) -> sql.Composed:
    value = sql.SQL("came.outcome->{}").format(sql.Literal(name))
    return sql.SQL("CASE WHEN jsonb_typeof({0}) = 'number' THEN ({0})::float8 END").format(value)


def _matured(value: MaturedValue) -> sql.Composed:
    """The same as `MaturedValue.of`."""
    counted = _number(value.name)
    if value.least is not None:
        counted = sql.SQL("(({}) >= {})::int::float8").format(counted, sql.Literal(value.least))
    return sql.SQL(MATURED).format(
        value=counted,
        age=_number(AGE),
        users=_number(USERS),
        bots=_number(BOTS),
        least_h=sql.Literal(value.age_h),
        most_bots=sql.Literal(MOST_BOT_SHARE),
    )


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
        "ages_s": [float(age_s) for age_s in query.ages_s],
        "at": query.at,
    }


def _counted(by_age: Sequence[Row], ages_s: Sequence[float]) -> UnitCounts:
    """by_age: one row for each follow-up time that any unit has reached."""
    row, followed = by_age[0], {row["number"]: row for row in by_age if row["number"]}
    n = row["assigned"]
    return UnitCounts(
        assigned=n,
        answered=row["predictions"],
        due=row["due"] or 0,
        newest_at=row["newest_at"],
        errors=moments_of_counts(n, row["errors"]),
        refusals=moments_of_counts(n, row["refusals"]),
        prediction=_one(row["predictions"], row["prediction"], row["prediction_spread"]),
        follow_ups=tuple(
            _follow_up(age_s, followed.get(number)) for number, age_s in enumerate(ages_s, 1)
        ),
        latency=Sketch(tuple(row["codes"] or ()), tuple(row["counts"] or ())),
    )


def _follow_up(age_s: float, row: Row | None) -> FollowUp:
    if row is None:
        return FollowUp(age_s, 0, no_moments(len(VALUES)), no_moments(), 0.0)
    n = row["known"]
    late = _one(n, row["late"], row["late_spread"])
    return FollowUp(age_s, int(row["still_out"]), _loss(row), late, row["largest"] or 0.0)


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
