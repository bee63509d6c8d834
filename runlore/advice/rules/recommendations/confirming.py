"""The effect of a choice in later runs, like with like, adjusted by models of other runs."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from runlore.advice.rules.recommendations.adjusting import FOLDS, predict_apart
from runlore.advice.rules.recommendations.levers import BLOCK_H, size_inputs, size_lever
from runlore.advice.rules.recommendations.like_with_like import NOTHING, ArmEffect, compare_arms
from runlore.advice.rules.recommendations.run_log import Floats, Integers, RunLog, group_codes

MATCHED = 0.5  # of the runs, for strata to be as fine as that
TINY = 1e-9
STRETCHES = 4  # of time, so that what only changed with time is not compared across it
ALWAYS = 2  # kind and time are never given up


def like_strata(log: RunLog, early: Integers) -> dict[str, Integers]:
    """(n,) codes by what runs are alike in; the last ones are given up first."""
    strata = {
        "kind": pd.factorize(log.kind)[0].astype(np.int64),
        "time": np.arange(len(log)) * STRETCHES // max(len(log), 1),
        "actor": pd.factorize(log.actor)[0].astype(np.int64),
        "host": pd.factorize(log.scope)[0].astype(np.int64),
        "hour": (log.hour // BLOCK_H).astype(np.int64),
    }
    for name, numbers in list(size_inputs(log).items())[:1]:
        strata[f"size:{name}"] = size_lever(name, numbers, early, 3).codes
    return strata


def finest_strata(
    strata: Mapping[str, Integers], lever: str, codes: Integers, rows: Integers
) -> Integers:
    """(n,) the finest strata in which half of the `rows` have a choice of the lever.

    codes: (n,) of the lever's values; -1: it has none.
    """
    names = [name for name in strata if name != lever]
    rows = rows[codes[rows] >= 0]
    values = codes[rows].astype(np.float64)
    while True:
        joint = group_codes(*(strata[name] for name in names))
        seen = joint[rows]
        count = np.maximum(np.bincount(seen), 1)
        spread = np.bincount(seen, values**2) / count - (np.bincount(seen, values) / count) ** 2
        if len(names) <= ALWAYS or (spread[seen] > TINY).sum() >= MATCHED * len(seen):
            return joint
        names.pop()


def adjusted_effect(
    outcome: Floats, used: Floats, late: Integers, strata: tuple[Integers, Integers], known: Floats
) -> tuple[ArmEffect, float]:
    """The effect in the `late` runs, and the plain difference of means there.

    outcome, used: (n,), NaN where there is none. strata: (n,) codes, and blocks of time. known:
    (n, d) covariates.
    """
    is_late = np.zeros(len(outcome), dtype=bool)
    is_late[late] = True
    usable = np.flatnonzero(np.isfinite(outcome) & np.isfinite(used))
    late = usable[is_late[usable]]
    y, t = outcome[late], used[late]
    if not 0 < t.sum() < len(t):
        return NOTHING, np.nan
    fold = np.full(len(usable), -1)
    fold[is_late[usable]] = np.arange(len(late)) * FOLDS // len(late)
    targets = np.column_stack([outcome[usable], used[usable]])
    predicted = predict_apart(known[usable], targets, fold)[is_late[usable]]
    joint, blocks = strata
    effect = compare_arms(y, t, joint[late], blocks[late], (predicted[:, 0], predicted[:, 1]))
    return effect, float(y[t == 1].mean() - y[t == 0].mean())
