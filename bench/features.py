"""History features of 1,000,000 executions, point in time: Runlore against DuckDB and pandas.

Each gets the same simulated log and gives the same features, as float32: those that
`failure-risk` asks of its histories by actor, kind, scope and actor + kind. The peers'
formulations are the fastest found: outcomes joined to submissions as of their instant, decayed
sums as running sums of weights ``2 ** ((t - start) / half_life)``, begun anew every
BLOCK half-lives, where double precision ends, with what the block before left.

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
from peers import features_in_sql

from runlore.features import matrix
from runlore.features.columns import measure
from runlore.features.declaration import FeaturePlan
from runlore.features.keys import group
from runlore.kernel.durations import DAY_S
from runlore.specs.catalog import failure_risk

EXECUTIONS = 1_000_000
TRIAL = 50_000
MOST_S = 60.0
REPEATS = 4
TOLERANCE = 1e-6
BLOCK = 400
HISTORIES = tuple(h for h in failure_risk.SPEC.features.histories if "inputs" not in h.keys)
KEYS = tuple(history.keys for history in HISTORIES)
VALUES, HALF_LIVES_S = HISTORIES[0].values, HISTORIES[0].half_lives_s
PLAN = FeaturePlan((), (), HISTORIES, has_calendar=False)
NOTE = (
    "{executions} simulated executions, the {features} features of failure-risk's histories by"
    " actor, kind, scope and actor+kind, half-lives 10 min, 8 h and 10 d, {cpus} CPUs; each starts"
    " from keys as numbers and facts in order, DuckDB from its own table; ours_with_preparation"
    " starts from a frame of facts{fewer}"
)
WEIGHTS = {f"w{i}": half_life * 1e6 for i, half_life in enumerate(HALF_LIVES_S)}
SUMMED = ("", "_failed", "_log", "_square")

Features = np.ndarray[Any, np.dtype[np.float32]]


def simulated(executions: int, seed: int = 1) -> pd.DataFrame:
    """Facts as the store reads them: 4,000 actors with habits, by day and night, over 180 days."""
    rng = np.random.default_rng(seed)
    day_us = rng.integers(0, 180, executions) * 86_400_000_000
    hour = np.clip(rng.normal(13, 4, executions), 0, 23.99)
    submitted = np.sort(day_us + (hour * 3.6e9).astype(np.int64)) + 1_700_000_000_000_000
    actor = np.minimum(rng.zipf(1.3, executions), 4000) - 1
    kind = (actor * 7 + rng.geometric(0.4, executions)) % 20
    scope = (actor * 3 + rng.geometric(0.2, executions)) % 500
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
        "scope": np.array([f"scope{i:03}" for i in range(500)], dtype=object)[scope],
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
    """From a frame of facts, with all that leads to the fold."""
    return matrix.extract(matrix.prepare(facts), PLAN)[0]


def our_fold(facts: pd.DataFrame) -> Callable[[], Features]:
    """The fold, of a log in order whose keys are numbers."""
    log, told = matrix.prepare(facts), measure(facts, VALUES)
    keyed = [(history, group(history, log)) for history in HISTORIES]

    def go() -> Features:
        rows = np.empty((len(facts), len(PLAN.names)), dtype=np.float32)
        target = matrix.FeatureTarget(rows, np.arange(len(facts)), 0)
        matrix.fold_many(log, keyed, told, target)
        return rows

    return go


def by_pandas(facts: pd.DataFrame) -> Callable[[], Features]:
    """As for ours, keys are numbers and outcomes in order before the clock runs."""
    submitted, known_at = facts["submitted"].to_numpy(), facts["known_at"].to_numpy()
    order = np.argsort(known_at, kind="stable")
    told = pd.DataFrame(
        {
            "known_at": known_at,
            "failed": (facts["status"] != "succeeded").to_numpy(dtype=np.float64),
            "log_duration": np.log1p((facts["finished"] - facts["started"]).to_numpy() / 1e6),
        }
    )
    told = told.iloc[order].reset_index(drop=True)
    by_keys = [_numbered(facts, keys) for keys in KEYS]

    def go() -> Features:
        decays = {
            w: (Decay(submitted, us, submitted[0]), Decay(told["known_at"], us, submitted[0]))
            for w, us in WEIGHTS.items()
        }
        return np.hstack([_pandas_history(key, order, submitted, told, decays) for key in by_keys])

    return go


def _numbered(facts: pd.DataFrame, keys: tuple[str, ...]) -> "pd.Series[int]":
    number = pd.Series(0, index=range(len(facts)))
    for name in keys:
        words = pd.Series(pd.factorize(facts[name])[0])
        number = pd.Series(pd.factorize(number * (words.max() + 1) + words)[0])
    return number


class Decay:
    """Weights at instants in ascending order: `2 ** ((t - start of its block) / half-life)`."""

    def __init__(self, at: np.ndarray, half_life_us: float, begin: int) -> None:
        age = (np.asarray(at) - begin) / half_life_us
        self.block = (age // BLOCK).astype(np.int64)
        self.blocks = int(self.block.max()) + 1
        self.weight = np.exp2(age - self.block * BLOCK)

    def sums(self, key: pd.Series, terms: pd.DataFrame) -> pd.DataFrame:
        """Decayed sums of terms (weight not yet in them) so far, each at its own instant."""
        weighed = terms.mul(self.weight, axis=0)
        if self.blocks == 1:
            return weighed.groupby(key, sort=False).cumsum().div(self.weight, axis=0)
        part = key.to_numpy() * self.blocks + self.block
        running = weighed.groupby(part, sort=False).cumsum()
        is_last = ~pd.Series(part).duplicated(keep="last").to_numpy()
        left = running[is_last].set_index(part[is_last] + 1) * 2.0**-BLOCK
        has_before = (self.block > 0) & np.isin(part, left.index.to_numpy())
        before = left.reindex(part[has_before])
        running.loc[has_before] += before.to_numpy()
        return running.div(self.weight, axis=0)


def _pandas_history(key, order, submitted, told, decays) -> Features:
    of_outcome = key.iloc[order].reset_index(drop=True)
    by_key = told.groupby(of_outcome, sort=False)
    terms = pd.DataFrame(
        {
            "": 1.0,
            "_failed": told["failed"],
            "_log": told["log_duration"],
            "_square": told["log_duration"] ** 2,
        }
    )
    known = pd.concat(
        [at.sums(of_outcome, terms).add_prefix(w) for w, (_, at) in decays.items()], axis=1
    )
    known["n"] = by_key.cumcount() + 1.0
    for value, before in by_key[["failed", "log_duration"]].shift().items():
        known[value] = told[value]
        known[f"{value}2"] = (told[value] + before.fillna(told[value])) / 2
    known["known_at"], known["key"] = told["known_at"], of_outcome
    left = pd.DataFrame({"key": key, "at": submitted})
    now = pd.merge_asof(left, known, left_on="at", right_on="known_at", by="key")
    earlier = pd.Series(submitted).groupby(key, sort=False).shift().to_numpy()
    age_us = submitted - now["known_at"].to_numpy()
    one = pd.DataFrame({"n": np.ones(len(key))})
    columns = [
        key.groupby(key, sort=False).cumcount().to_numpy() - now["n"].fillna(0).to_numpy(),
        (submitted - earlier) / 1e6,
        age_us / 1e6,
        *(at.sums(key, one)["n"] - 1 for at, _ in decays.values()),
        now["failed"],
        now["failed2"],
    ]
    faded = {w: (now[w] * np.exp2(-age_us / us)).fillna(0) for w, us in WEIGHTS.items()}
    for w in WEIGHTS:
        mean = now[f"{w}_failed"] / now[w]
        columns += [faded[w], mean]
    columns += [now["log_duration"], now["log_duration2"]]
    for w in WEIGHTS:
        mean = now[f"{w}_log"] / now[w]
        columns += [mean, np.sqrt(np.maximum(now[f"{w}_square"] / now[w] - mean**2, 0))]
    return np.column_stack([np.asarray(c, dtype=np.float32) for c in columns])


def by_duckdb(connection: duckdb.DuckDBPyConnection) -> Features:
    tables = []
    for keys in KEYS:
        found = connection.execute(features_in_sql.query(keys, WEIGHTS, BLOCK)).fetchnumpy()
        tables += [np.ma.filled(column, np.nan) for column in found.values()]
    return np.column_stack(tables)


def loaded(facts: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    """Keys as numbers in a table of DuckDB's own in memory; loading it is not counted."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {os.cpu_count()}")
    wanted = ["submitted", "started", "finished", "status", "known_at", "seq"]
    names = dict.fromkeys(name for keys in KEYS for name in keys)
    numbered = {name: pd.factorize(facts[name])[0] for name in names}
    connection.register("frame", facts[wanted].assign(**numbered))
    connection.execute("CREATE TABLE facts AS SELECT * FROM frame")
    return connection


@dataclass
class Contender:
    """s: the fastest so far, scaled to all executions from `executions` if that is fewer."""

    go: Callable[[], Features]
    executions: int
    scale: float
    s: float = np.inf

    def run(self) -> Features:
        start = time.perf_counter()
        features = self.go()
        self.s = min(self.s, (time.perf_counter() - start) * self.scale)
        return features


def contender(
    facts: pd.DataFrame, ready: Callable[[pd.DataFrame], Callable[[], Features]]
) -> Contender:
    """Prepared for as many executions as take MOST_S."""
    trial = ready(facts.head(TRIAL))
    start = time.perf_counter()
    trial()
    estimate = (time.perf_counter() - start) * len(facts) / min(TRIAL, len(facts))
    executions = min(len(facts), int(len(facts) * MOST_S / estimate))
    return Contender(ready(facts.head(executions)), executions, len(facts) / executions)


def run_in_turns(mine: list[Contender], theirs: list[Contender]) -> None:
    """Each of theirs after each of mine: a machine's slow minutes hit both."""
    for _ in range(REPEATS):
        for each in theirs:
            for one in (*mine, each):
                one.run()


def is_equal(one: Features, other: Features) -> bool:
    return bool(np.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))


def main(executions: int) -> None:
    facts = simulated(executions)
    ours(facts.head(TRIAL))
    mine = contender(facts, our_fold)
    whole = contender(facts, lambda part: partial(ours, part))
    peers = {
        "duckdb": contender(facts, lambda part: partial(by_duckdb, loaded(part))),
        "pandas": contender(facts, by_pandas),
    }
    equal = [is_equal(each.go(), ours(facts.head(each.executions))) for each in peers.values()]
    run_in_turns([mine, whole], list(peers.values()))
    per_million = 1_000_000 / executions
    theirs = {name: round(each.s * per_million, 3) for name, each in peers.items()}
    fewer = [
        f"{name} on {each.executions}"
        for name, each in peers.items()
        if each.executions < executions
    ]
    result = {
        "bench": "features",
        "ours": round(mine.s * per_million, 3),
        "theirs": theirs,
        "ratio": round(min(theirs.values()) / (mine.s * per_million), 2),
        "unit": "s per 1M executions",
        "equal": all(equal),
        "ours_with_preparation": round(whole.s * per_million, 3),
        "note": NOTE.format(
            executions=executions,
            features=len(PLAN.names),
            cpus=os.cpu_count(),
            fewer=f"; scaled linearly: {', '.join(fewer)}" if fewer else "",
        ),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EXECUTIONS)
