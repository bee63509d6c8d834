"""Levels of metrics around an incident, as they were known at an instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import numpy as np

from runlore.advice.rules.causes.metric_levels import BIN_S, LevelSeries, MetricKey, MetricLevels
from runlore.records.metric_points import EXECUTION_SOURCE
from runlore.store.engine import Store

# Series that are made of executions would explain failures by themselves. Counters have no level.
SERIES: LiteralString = """
SELECT source, name, scope FROM runlore.series AS listed
WHERE source <> %(without)s AND kind <> 'counter' AND (scope = '' OR scope = ANY(%(scopes)s))
    AND EXISTS (
        SELECT FROM runlore.metrics AS m
        WHERE (m.source, m.name, m.scope) = (listed.source, listed.name, listed.scope)
            AND m.at > %(since)s AND m.at <= %(until)s AND m.known_at <= %(as_of)s)
ORDER BY array_position(%(scopes)s::text[], scope) NULLS FIRST, name, source LIMIT %(limit)s
"""
LEVELS: LiteralString = """
WITH chosen AS (
    SELECT * FROM unnest(%(sources)s::text[], %(names)s::text[], %(at_scopes)s::text[])
        WITH ORDINALITY AS one (source, name, scope, place)
), points AS (
    SELECT DISTINCT ON (place, at) place, at, value
    FROM chosen CROSS JOIN LATERAL (
        SELECT at, revision, value FROM runlore.metrics AS m
        WHERE m.source = chosen.source AND m.name = chosen.name AND m.scope = chosen.scope
            AND at > %(since)s AND at <= %(until)s AND known_at <= %(as_of)s
        UNION ALL
        SELECT fact.at, fact.revision, fact.value FROM runlore.withdrawn_metrics AS fact
        JOIN runlore.withdrawals AS w ON w.id = fact.withdrawal_id
        WHERE fact.source = chosen.source AND fact.name = chosen.name
            AND fact.scope = chosen.scope AND fact.at > %(since)s AND fact.at <= %(until)s
            AND fact.known_at <= %(as_of)s AND w.known_at > %(as_of)s
    ) AS known
    ORDER BY place, at, revision DESC
)
SELECT place - 1, floor(extract(epoch FROM at - %(since)s) / %(bin_s)s)::int, avg(value)
FROM points GROUP BY 1, 2
"""


@dataclass(frozen=True)
class LevelQuery:
    """scopes: in the order of interest. Series without a scope come first, up to `limit`."""

    as_of: datetime
    since: datetime
    until: datetime
    scopes: Sequence[str]
    limit: int


def read_levels(store: Store, query: LevelQuery) -> MetricLevels:
    """Means of bins of BIN_S. Gauges only, and none of those made of executions."""
    values = {
        **vars(query),
        "scopes": list(query.scopes),
        "without": EXECUTION_SOURCE,
        "bin_s": BIN_S,
    }
    with store.connect() as connection:
        found = connection.execute(SERIES, values).fetchall()
        sources, names, scopes = ([row[part] for row in found] for part in range(3))
        chosen = {"sources": sources, "names": names, "at_scopes": scopes}
        rows = connection.execute(LEVELS, values | chosen).fetchall() if found else []
    size = int((query.until - query.since).total_seconds() // BIN_S) + 1
    levels = np.full((len(found), size), np.nan)
    if rows:
        place, number, level = (np.array(part) for part in zip(*rows, strict=True))
        levels[place.astype(int), np.minimum(number.astype(int), size - 1)] = level
    keys = [MetricKey(*row) for row in found]
    series = [LevelSeries(key, row) for key, row in zip(keys, levels, strict=True)]
    return MetricLevels(query.since.timestamp(), series, len(found) == query.limit)
