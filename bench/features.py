"""History features of 1,000,000 executions, point in time: Runlore against DuckDB and pandas.

Each gets the same simulated log and gives the same features of the histories in HISTORIES, as
float32. The peers' formulations are the fastest found: decayed sums as running sums of weights
``2 ** ((t - middle) / half_life)``, outcomes joined to submissions as of their instant. That limits
them to half-lives above some 1/1,000 of the log's span, which the fold does not need.

    python bench/features.py [EXECUTIONS]
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from runlore.features import fold, matrix
from runlore.features.columns import measure
from runlore.features.declaration import DAY_S, FeaturePlan, History
from runlore.features.keys import group

EXECUTIONS = 1_000_000
TRIAL = 50_000
MOST_S = 60.0
REPEATS = 2
TOLERANCE = 1e-6
HALF_LIVES_S = (DAY_S / 3, 10 * DAY_S)
VALUES = ("failed", "log_duration")
HISTORIES = tuple(History(keys, VALUES, HALF_LIVES_S) for keys in (("actor",), ("actor", "kind")))
PLAN = FeaturePlan((), (), HISTORIES, has_calendar=False)
NOTE = (
    "{executions} simulated executions, {features} features of the histories actor and actor+kind,"
    " half-lives 8 h and 10 d, {cpus} CPUs; ours is prepare + extract from a frame of facts;"
    " DuckDB starts from its own table{fewer}"
)
WEIGHTS = {f"w{i}": half_life * 1e6 for i, half_life in enumerate(HALF_LIVES_S)}

Features = np.ndarray[Any, np.dtype[np.float32]]


def simulated(executions: int, seed: int = 1) -> pd.DataFrame:
    """Facts as the store reads them: 4,000 actors with habits, by day and night, over 180 days."""
    rng = np.random.default_rng(seed)
    day_us = rng.integers(0, 180, executions) * 86_400_000_000
    hour = np.clip(rng.normal(13, 4, executions), 0, 23.99)
    submitted = np.sort(day_us + (hour * 3.6e9).astype(np.int64)) + 1_700_000_000_000_000
    actor = np.minimum(rng.zipf(1.3, executions), 4000) - 1
    kind = (actor * 7 + rng.geometric(0.4, executions)) % 20
    wait_us = (rng.exponential(60, executions) * 1e6).astype(np.int64)
    habit = rng.normal(5, 1.5, 4000)[actor] + rng.normal(0, 1, 20)[kind]
    ran_us = (np.exp(habit + rng.normal(0, 0.7, executions)) * 1e6).astype(np.int64)
    has_failed = rng.random(executions) < rng.beta(1, 5, 4000)[actor]
    finished = submitted + wait_us + np.minimum(ran_us, int(10 * DAY_S * 1e6))
    texts = {
        "source": np.full(executions, "simulated", dtype=object),
        "source_id": np.arange(executions).astype(str).astype(object),
        "actor": np.array([f"user{i:04}" for i in range(4000)], dtype=object)[actor],
        "kind": np.array([f"kind{i:02}" for i in range(20)], dtype=object)[kind],
        "scope": np.full(executions, "", dtype=object),
        "inputs": np.full(executions, "{}", dtype=object),
        "outcome": np.full(executions, "{}", dtype=object),
        "status": np.where(has_failed, "failed", "succeeded").astype(object),
    }
    instants = {
        "submitted": submitted,
        "started": submitted + wait_us,
        "finished": finished,
        "submission_known_at": submitted,
        "known_at": finished,
    }
    numbers = {"seq": np.arange(1, executions + 1), "revision": np.zeros(executions, np.int64)}
    return pd.DataFrame(texts | instants | numbers)


def ours(facts: pd.DataFrame) -> Features:
    return matrix.extract(matrix.prepare(facts), PLAN)[0]


def fold_alone(facts: pd.DataFrame) -> float:
    """Seconds that the compiled fold takes of `ours`, one history after the other."""
    log, spent = matrix.prepare(facts), 0.0
    told = measure(facts, VALUES).table
    for history in HISTORIES:
        rows = np.empty((len(facts), len(history.chosen)), dtype=np.float32)
        keyed = group(history, log)
        states = np.tile(fold.empty_state(len(HALF_LIVES_S), len(VALUES)), (len(keyed), 1))
        start = time.perf_counter()
        fold.fold(
            states,
            keyed.codes,
            log.events.submissions,
            log.events.outcomes,
            log.events.order,
            told,
            matrix.half_lives_us(history),
            np.array(history.chosen, dtype=np.int64),
            rows,
            0,
        )
        spent += time.perf_counter() - start
    return spent


def by_pandas(facts: pd.DataFrame) -> Features:
    submitted, known_at = facts["submitted"].to_numpy(), facts["known_at"].to_numpy()
    middle = (submitted[0] + known_at.max()) / 2
    told = pd.DataFrame(
        {
            "known_at": known_at,
            "failed": (facts["status"] != "succeeded").to_numpy(dtype=np.float64),
            "log_duration": np.log1p((facts["finished"] - facts["started"]).to_numpy() / 1e6),
        }
    )
    order = np.argsort(known_at, kind="stable")
    told = told.iloc[order].reset_index(drop=True)
    weights = {w: np.exp2((submitted - middle) / us) for w, us in WEIGHTS.items()}
    sums = {}
    for w, us in WEIGHTS.items():
        sums[w] = np.exp2((told["known_at"].to_numpy() - middle) / us)
        sums[f"{w}_failed"] = sums[w] * told["failed"].to_numpy()
        sums[f"{w}_log"] = sums[w] * told["log_duration"].to_numpy()
        sums[f"{w}_square"] = sums[f"{w}_log"] * told["log_duration"].to_numpy()
    parts = [pd.Series(pd.factorize(facts[name])[0]) for name in ("actor", "kind")]
    keys = [parts[0], parts[0] * (parts[1].max() + 1) + parts[1]]
    tables = [
        _pandas_history(key, order, submitted, told, weights, pd.DataFrame(sums)) for key in keys
    ]
    return np.hstack(tables)


def _pandas_history(key, order, submitted, told, weights, sums) -> Features:
    of_outcome = key.iloc[order].reset_index(drop=True)
    known = sums.groupby(of_outcome, sort=False).cumsum()
    by_key = told.groupby(of_outcome, sort=False)
    known["n"] = by_key.cumcount() + 1.0
    for value, before in by_key[["failed", "log_duration"]].shift().items():
        known[value] = told[value]
        known[f"{value}2"] = (told[value] + before.fillna(told[value])) / 2
    known["known_at"], known["key"] = told["known_at"], of_outcome
    left = pd.DataFrame({"key": key, "at": submitted})
    now = pd.merge_asof(left, known, left_on="at", right_on="known_at", by="key")
    earlier = pd.Series(submitted).groupby(key, sort=False).shift().to_numpy()
    ran = pd.DataFrame(weights).groupby(key, sort=False).cumsum()
    columns = [
        key.groupby(key, sort=False).cumcount().to_numpy() - now["n"].fillna(0).to_numpy(),
        (submitted - earlier) / 1e6,
        (submitted - now["known_at"].to_numpy()) / 1e6,
        *(ran[w].to_numpy() / weights[w] - 1 for w in WEIGHTS),
        now["failed"],
        now["failed2"],
    ]
    for w in WEIGHTS:
        columns += [(now[w] / weights[w]).fillna(0), now[f"{w}_failed"] / now[w]]
    columns += [now["log_duration"], now["log_duration2"]]
    for w in WEIGHTS:
        mean = now[f"{w}_log"] / now[w]
        columns += [mean, np.sqrt(np.maximum(now[f"{w}_square"] / now[w] - mean**2, 0))]
    return np.column_stack([np.asarray(c, dtype=np.float32) for c in columns])


DUCKDB_HISTORY = """
WITH told AS (
    SELECT {keys}, submitted, known_at, seq, {weights_known}, {weights_submitted},
        (status <> 'succeeded')::DOUBLE AS failed, ln(1 + (finished - started) / 1e6) AS log
    FROM facts, (SELECT (min(submitted) + max(known_at)) / 2 AS middle FROM facts)
), known AS (
    SELECT {keys}, known_at, failed, log, row_number() OVER past AS n,
        coalesce(lag(failed) OVER past, failed) AS failed_before,
        coalesce(lag(log) OVER past, log) AS log_before, {sums}
    FROM told
    WINDOW past AS (PARTITION BY {keys} ORDER BY known_at, seq ROWS UNBOUNDED PRECEDING)
), ran AS (
    SELECT {keys}, submitted, seq, row_number() OVER past AS n,
        lag(submitted) OVER past AS earlier, {submissions}
    FROM told
    WINDOW past AS (PARTITION BY {keys} ORDER BY submitted, seq ROWS UNBOUNDED PRECEDING)
)
SELECT {columns}
FROM ran ASOF LEFT JOIN known ON {same} AND ran.submitted >= known.known_at
ORDER BY seq
"""


def by_duckdb(connection: duckdb.DuckDBPyConnection) -> Features:
    tables = []
    for keys in (("actor",), ("actor", "kind")):
        found = connection.execute(_duckdb_query(keys)).fetchnumpy()
        tables += [np.ma.filled(column, np.nan) for column in found.values()]
    return np.column_stack(tables)


def _duckdb_query(keys: tuple[str, ...]) -> str:
    sums = [
        f"sum({w}) OVER past AS {w}, sum({w} * failed) OVER past AS {w}_failed, "
        f"sum({w} * log) OVER past AS {w}_log, sum({w} * log * log) OVER past AS {w}_square"
        for w in WEIGHTS
    ]
    columns = [
        "ran.n - 1 - coalesce(known.n, 0)",
        "(submitted - earlier) / 1e6",
        "(submitted - known.known_at) / 1e6",
        *(f"s_{w} / r_{w} - 1" for w in WEIGHTS),
        "failed",
        "(failed + failed_before) / 2",
        *(c for w in WEIGHTS for c in (f"coalesce({w} / r_{w}, 0)", f"{w}_failed / {w}")),
        "log",
        "(log + log_before) / 2",
    ]
    for w in WEIGHTS:
        columns += [
            f"{w}_log / {w}",
            f"CASE WHEN {w} > 0 THEN sqrt(greatest({w}_square / {w} - ({w}_log / {w}) ** 2, 0)) END",  # noqa: E501
        ]
    return DUCKDB_HISTORY.format(
        keys=", ".join(keys),
        weights_known=_duckdb_weights("known_at", ""),
        weights_submitted=_duckdb_weights("submitted", "r_"),
        sums=", ".join(sums),
        submissions=", ".join(f"r_{w}, sum(r_{w}) OVER past AS s_{w}" for w in WEIGHTS),
        columns=", ".join(f"({each})::FLOAT AS c{i}" for i, each in enumerate(columns)),
        same=" AND ".join(f"ran.{key} = known.{key}" for key in keys),
    )


def _duckdb_weights(instant: str, prefix: str) -> str:
    return ", ".join(
        f"pow(2.0, ({instant} - middle) / {us:.1f}) AS {prefix}{w}" for w, us in WEIGHTS.items()
    )


def loaded(facts: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    """Tables in DuckDB's own memory format; loading them is not counted."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {os.cpu_count()}")
    wanted = ["actor", "kind", "submitted", "started", "finished", "status", "known_at", "seq"]
    connection.register("frame", facts[wanted])
    connection.execute("CREATE TABLE facts AS SELECT * FROM frame")
    return connection


@dataclass(frozen=True)
class Run:
    """s: seconds for all executions, from `executions` of them if that is fewer."""

    s: float
    executions: int
    features: Features


def run(facts: pd.DataFrame, ready: Callable[[pd.DataFrame], Callable[[], Features]]) -> Run:
    """The fastest of some runs on as many executions as take MOST_S."""
    trial = ready(facts.head(TRIAL))
    start = time.perf_counter()
    trial()
    estimate = (time.perf_counter() - start) * len(facts) / min(TRIAL, len(facts))
    executions = min(len(facts), int(len(facts) * MOST_S / estimate))
    go, fastest = ready(facts.head(executions)), np.inf
    for _ in range(REPEATS):
        start = time.perf_counter()
        features = go()
        fastest = min(fastest, time.perf_counter() - start)
    return Run(fastest * len(facts) / executions, executions, features)


def is_equal(one: Features, other: Features) -> bool:
    return bool(np.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))


def main(executions: int) -> None:
    facts = simulated(executions)
    ours(facts.head(TRIAL))
    mine = run(facts, lambda part: partial(ours, part))
    runs = {
        "duckdb": run(facts, lambda part: partial(by_duckdb, loaded(part))),
        "pandas": run(facts, lambda part: partial(by_pandas, part)),
    }
    equal = [is_equal(r.features, ours(facts.head(r.executions))) for r in runs.values()]
    per_million = 1_000_000 / executions
    theirs = {name: round(r.s * per_million, 3) for name, r in runs.items()}
    fewer = [f"{name} on {r.executions}" for name, r in runs.items() if r.executions < executions]
    result = {
        "bench": "features",
        "ours": round(mine.s * per_million, 3),
        "theirs": theirs,
        "ratio": round(min(theirs.values()) / (mine.s * per_million), 2),
        "unit": "s per 1M executions",
        "equal": all(equal),
        "fold_alone": round(min(fold_alone(facts) for _ in range(REPEATS)) * per_million, 3),
        "note": NOTE.format(
            executions=executions,
            features=mine.features.shape[1],
            cpus=os.cpu_count(),
            fewer=f"; scaled linearly: {', '.join(fewer)}" if fewer else "",
        ),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EXECUTIONS)
