"""Sufficient statistics of a metric, variant by variant, made by PostgreSQL.

`regr_sxx` and `regr_sxy` add up products of deviations from the mean without losing digits where
the mean is large beside the spread (Youngs and Cramer's updates).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Row, text

from runlore.experiments.rules.missing import OutcomeCoverage
from runlore.experiments.rules.outcome_metric import Metric, Statistics
from runlore.experiments.rules.sketch import GROWTH, MIDDLE, Sketch
from runlore.kernel.moments import Moments, triples

Take = Literal["any", "count", "sum", "mean", "last", "most", "least"]
# The value of a unit by its events of one kind. Without events the first three give 0, the others
# no value.
VALUES: Mapping[Take, str] = {
    "any": "CASE WHEN coalesce({0}.most, 0) > 0 THEN 1.0 ELSE 0.0 END",
    "count": "coalesce({0}.n, 0)",
    "sum": "coalesce({0}.total, 0)",
    "mean": "{0}.total / {0}.n",
    "last": "{0}.last",
    "most": "{0}.most",
    "least": "{0}.least",
}
ALWAYS_KNOWN = ("any", "count", "sum")


@dataclass(frozen=True)
class EventMeasure:
    """Which events a metric is made of. per: the events of a ratio's denominator.

    cap: a unit's value is not counted beyond it, nor beyond -cap (winsorising).
    """

    event: str
    take: Take
    per: str | None = None
    per_take: Take = "count"
    cap: float | None = None

    @property
    def may_be_unknown(self) -> bool:
        """Whether a unit without events has no value."""
        return self.take not in ALWAYS_KNOWN

    @property
    def needs_window(self) -> bool:
        """Whether a unit's value may grow with time; a denominator is always such a value."""
        return not self.may_be_unknown or self.per is not None


UNITS = """
WITH units AS (
    SELECT units.variant, CAST({value} AS float8) AS v0, CAST({per} AS float8) AS v1,
        CAST({before} AS float8) AS v2
    FROM runlore.ab_units AS units
    LEFT JOIN runlore.ab_outcomes AS o ON o.test_id = units.test_id AND o.unit = units.unit
        AND o.event = :event AND NOT o.is_before
    LEFT JOIN runlore.ab_outcomes AS d ON d.test_id = units.test_id AND d.unit = units.unit
        AND d.event = :per AND NOT d.is_before
    LEFT JOIN runlore.ab_outcomes AS b ON b.test_id = units.test_id AND b.unit = units.unit
        AND b.event = :event AND b.is_before
    WHERE units.test_id = :test AND units.exposed_at <= CAST(:mature AS timestamptz)
)
"""
# `least` and `greatest` pass over NULL: what is not known must stay so.
CAPPED = (
    "CASE WHEN {0} > CAST(:cap AS float8) THEN CAST(:cap AS float8)"
    " WHEN {0} < -CAST(:cap AS float8) THEN -CAST(:cap AS float8) ELSE {0} END"
)
MOMENTS = """
, middle AS (SELECT variant AS of, {middles} FROM units WHERE v0 IS NOT NULL GROUP BY variant)
SELECT variant, count(*), array[{means}], array[{products}], array[{thirds}]
FROM units JOIN middle ON variant = of WHERE v0 IS NOT NULL GROUP BY variant
"""
# PostgreSQL refuses a product that is too small for a double.
APART = "CASE WHEN abs({0} - m_{0}) > 1e-90 THEN {0} - m_{0} ELSE 0 END"
SKETCH = """
SELECT variant, array_agg(code ORDER BY code), array_agg(n ORDER BY code) FROM (
    SELECT variant, count(*) AS n, CAST(sign(v0) * (CASE WHEN v0 = 0 THEN 0
        ELSE ceil(ln(abs(v0)) / ln(CAST(:growth AS float8))) + :middle END) AS bigint) AS code
    FROM units WHERE v0 IS NOT NULL GROUP BY variant, code
) AS counted GROUP BY variant
"""
KNOWN = text("""
SELECT units.variant, count(*), count(o.unit) FROM runlore.ab_units AS units
LEFT JOIN runlore.ab_outcomes AS o ON o.test_id = units.test_id AND o.unit = units.unit
    AND o.event = :event AND NOT o.is_before
WHERE units.test_id = :test AND units.exposed_at <= CAST(:due AS timestamptz)
GROUP BY units.variant
""")

WHOLE = text("SET LOCAL enable_nestloop = off")


def read_whole(connection: Connection) -> None:
    """Until the transaction ends, join whole sets of units.

    Right after many came PostgreSQL believes that there are few, and would look for each of them
    through all outcomes.
    """
    connection.execute(WHOLE)


def observe(
    connection: Connection, test_id: int, metric: Metric, measure: EventMeasure, mature: datetime
) -> dict[str, Statistics]:
    """Read each variant's statistics. mature: units assigned later are not judged yet."""
    values = {"test": test_id, "event": measure.event, "per": measure.per, "mature": mature}
    values |= {} if measure.cap is None else {"cap": measure.cap}
    units = UNITS.format(
        value=_value("o", metric, measure),
        per=VALUES[measure.per_take].format("d") if measure.per else "NULL",
        before=f"coalesce({_value('b', metric, measure)}, 0)",
    )
    if metric.kind == "quantile":
        sketched = {**values, "growth": GROWTH, "middle": MIDDLE}
        rows = connection.execute(text(units + SKETCH), sketched).all()
        return {row[0]: Sketch(tuple(row[1]), tuple(row[2])) for row in rows}
    names = _columns(metric)
    apart = [APART.format(name) for name in names]
    query = MOMENTS.format(
        middles=", ".join(f"avg({name}) AS m_{name}" for name in names),
        means=", ".join(f"avg({name})" for name in names),
        products=", ".join(f"regr_sxy({one}, {other})" for one in names for other in names),
        thirds=", ".join(
            f"sum(({apart[i]}) * ({apart[j]}) * ({apart[k]}))" for i, j, k in triples(len(names))
        ),
    )
    rows = connection.execute(text(units + query), values).all()
    return {row[0]: _moments(row, len(names)) for row in rows}


def known(
    connection: Connection, test_id: int, event: str, due: datetime
) -> dict[str, OutcomeCoverage]:
    """Read each variant's coverage. due: units assigned by then should have such an event."""
    rows = connection.execute(KNOWN, {"test": test_id, "event": event, "due": due})
    return {variant: OutcomeCoverage(units, of_them) for variant, units, of_them in rows}


def _value(table: str, metric: Metric, measure: EventMeasure) -> str:
    value = VALUES[measure.take].format(table)
    if measure.cap is not None:
        return CAPPED.format(value)
    if metric.kind != "proportion" or measure.take == "any":
        return value
    return f"CASE WHEN {value} > 0 THEN 1.0 WHEN {value} <= 0 THEN 0.0 END"


def _columns(metric: Metric) -> list[str]:
    of_ratio = ["v1"] if metric.kind == "ratio" else []
    return ["v0", *of_ratio, *(["v2"] if metric.has_covariate else [])]


def _moments(row: "Row[tuple[object, ...]]", k: int) -> Moments:
    _, n, means, products, thirds = row
    rows = tuple(
        tuple(float(product) for product in products[at * k : at * k + k]) for at in range(k)
    )
    return Moments(int(n), tuple(map(float, means)), rows, tuple(map(float, thirds)))
