"""What an actor, a kind or a scope did, and when everybody works, as known at an instant."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, LiteralString, TypeGuard

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.patterns.behaviour import Behaviour, Labels, Part, StreamCounts
from runlore.store.engine import Store

Floats = NDArray[np.float64]

# Compiling for all partitions would take seconds, running takes less.
WITHOUT_JIT: LiteralString = "SET LOCAL jit = off"
RUNS: LiteralString = """
SELECT source, source_id, submitted, status, actor, kind, scope,
    extract(epoch FROM submitted)::float8, extract(epoch FROM finished)::float8,
    coalesce(extract(epoch FROM finished - started)::float8,
        CASE WHEN jsonb_typeof(outcome -> 'duration_s') = 'number'
            THEN (outcome ->> 'duration_s')::float8 END),
    CASE WHEN row_number() OVER (ORDER BY submitted DESC, source, source_id) <= %(with_inputs)s
        THEN inputs END
FROM (
    SELECT DISTINCT ON (source, source_id, submitted) *
    FROM runlore.executions_as_of(%(as_of)s)
    WHERE (%(actor)s::text IS NULL OR actor = %(actor)s)
        AND (%(kind)s::text IS NULL OR kind = %(kind)s)
        AND (%(scope)s::text IS NULL OR scope = %(scope)s)
    ORDER BY source, source_id, submitted, revision DESC
) AS latest
ORDER BY submitted DESC, source, source_id LIMIT %(most)s
"""
STREAMS: LiteralString = """
SELECT day IS NULL, coalesce(day, hour), count(DISTINCT stream)
FROM (
    SELECT floor(extract(epoch FROM submitted AT TIME ZONE %(zone)s) / 3600)::int8 AS hour,
        floor(extract(epoch FROM submitted AT TIME ZONE %(zone)s) / 86400)::int8 AS day,
        hashtextextended(concat_ws(chr(31), actor, kind, scope), 0) AS stream
    FROM runlore.executions_as_of(%(as_of)s)
) AS fact
GROUP BY GROUPING SETS ((hour), (day)) ORDER BY 1, 2
"""
NAMES: LiteralString = """
SELECT actor, count(*), count(*) FILTER (WHERE status IN ('failed', 'partial')),
    count(*) FILTER (WHERE status IN ('succeeded', 'failed', 'partial')), max(submitted)
FROM (
    SELECT DISTINCT ON (source, source_id, submitted) actor, status, submitted
    FROM runlore.executions_as_of(%(as_of)s)
    ORDER BY source, source_id, submitted, revision DESC
) AS latest
WHERE actor <> '' GROUP BY actor ORDER BY count(*) DESC, actor LIMIT %(limit)s
"""
MOST_RUNS, WITH_INPUTS = 20_000, 2_000  # the newest
MOST_INPUTS = 6
FAILED = {"succeeded": 0.0, "failed": 1.0, "partial": 1.0}


@dataclass(frozen=True)
class RunName:
    source: str
    source_id: str
    submitted: datetime
    status: str


@dataclass(frozen=True, eq=False)
class RunsOfSubject:
    """names: of each execution, in the order of the behaviour. is_cut: there are older ones."""

    behaviour: Behaviour
    names: tuple[RunName, ...]
    is_cut: bool


@dataclass(frozen=True)
class ListedActor:
    """failed, ended: of its executions, cancelled ones not counted."""

    name: str
    executions: int
    failed: int
    ended: int
    last_at: datetime


def read_behaviour(
    store: Store, part: Part, name: str, zone: tzinfo, as_of: datetime
) -> RunsOfSubject:
    chosen = {"actor": None, "kind": None, "scope": None} | {part: name}
    limits = {"as_of": as_of, "most": MOST_RUNS + 1, "with_inputs": WITH_INPUTS}
    with store.connect() as connection, connection.transaction():
        connection.execute(WITHOUT_JIT)
        rows = connection.execute(RUNS, chosen | limits).fetchall()
    is_cut = len(rows) > MOST_RUNS
    rows = rows[:MOST_RUNS][::-1]
    source, source_id, submitted, status, actor, kind, scope, at, ended, took, inputs = (
        zip(*rows, strict=True) if rows else ((),) * 11
    )
    behaviour = Behaviour(
        part=part,
        name=name,
        zone=zone,
        submitted_s=_numbers(at),
        ended_s=_numbers(ended),
        duration_s=_numbers(took),
        failed=_numbers(tuple(FAILED.get(one) for one in status)),
        labels={"actor": _labels(actor), "kind": _labels(kind), "scope": _labels(scope)},
        inputs=_inputs(inputs),
    )
    names = map(RunName, source, source_id, submitted, status)
    return RunsOfSubject(behaviour, tuple(names), is_cut)


def read_streams(store: Store, zone: str, as_of: datetime) -> StreamCounts:
    """Of everybody, by local hour and day."""
    with store.connect() as connection, connection.transaction():
        connection.execute(WITHOUT_JIT)
        rows = connection.execute(STREAMS, {"zone": zone, "as_of": as_of}).fetchall()
    values = np.array(rows, dtype=np.int64).reshape(-1, 3)
    days, hours = (values[values[:, 0] == flag] for flag in (0, 1))
    return StreamCounts(
        hours[:, 1], hours[:, 2].astype(np.float64), days[:, 1], days[:, 2].astype(np.float64)
    )


def read_actors(store: Store, as_of: datetime, limit: int) -> list[ListedActor]:
    """Those with the most executions."""
    with store.connect() as connection, connection.transaction():
        connection.execute(WITHOUT_JIT)
        rows = connection.execute(NAMES, {"as_of": as_of, "limit": limit}).fetchall()
    return [ListedActor(name, n, failed, ended, at) for name, n, failed, ended, at in rows]


def _numbers(values: tuple[float | None, ...]) -> Floats:
    return np.array(values, dtype=np.float64)


def _labels(values: tuple[str, ...]) -> Labels:
    names, codes = np.unique(np.array(values, dtype=object), return_inverse=True)
    return Labels(codes.astype(np.int64), tuple(str(name) for name in names))


def _inputs(rows: tuple[dict[str, Any] | None, ...]) -> dict[str, Floats]:
    """The numbers that most executions have; NaN elsewhere."""
    counts: dict[str, int] = {}
    for row in rows:
        for name, value in (row or {}).items():
            if _is_number(value):
                counts[name] = counts.get(name, 0) + 1
    names = sorted(counts, key=lambda name: (-counts[name], name))[:MOST_INPUTS]
    return {name: _numbers(tuple(_number(row, name) for row in rows)) for name in names}


def _number(row: dict[str, Any] | None, name: str) -> float | None:
    value = (row or {}).get(name)
    return float(value) if _is_number(value) else None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
