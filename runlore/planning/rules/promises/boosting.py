"""Boosted trees that say which answer comes within 15 %, and how far truths may lie."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.promises.candidates import CandidateTable
from runlore.planning.rules.promises.likeness import is_hit

if TYPE_CHECKING:
    import xgboost

Floats = NDArray[np.float64]

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
ROUNDS, QUANTILE_ROUNDS = 150, 80
SEED = 29
BINS = 64
SETTINGS = {
    "max_depth": 6,
    "eta": 0.1,
    "tree_method": "hist",
    "max_bin": BINS,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
    "min_child_weight": 20,
    "seed": SEED,
    "nthread": 1,
}


def fit_chances(table: CandidateTable, truth: Floats) -> "xgboost.Booster":
    """Learn the probability that an answer comes within 15 % of the (n,) logs of the truth."""
    import xgboost

    distinct = table.distinct
    hits = is_hit(truth[:, None], table.answers)[distinct]
    data = xgboost.QuantileDMatrix(table.facts[distinct], hits.astype(np.float32), max_bin=BINS)
    return xgboost.train({**SETTINGS, "objective": "binary:logistic"}, data, ROUNDS)


def chances(booster: "xgboost.Booster", table: CandidateTable) -> Floats:
    """(n, m): the probability of each answer; -1 where there is none, or it is a repeat."""
    distinct = table.distinct
    shares = np.full(distinct.shape, -1.0)
    if distinct.any():
        shares[distinct] = booster.inplace_predict(table.facts[distinct])
    return shares


def fit_quantiles(table: CandidateTable, truth: Floats) -> "xgboost.Booster":
    """Learn the quantiles of the truth's log."""
    import xgboost

    data = xgboost.QuantileDMatrix(_rows(table), truth, max_bin=BINS)
    settings = {
        **SETTINGS,
        "objective": "reg:quantileerror",
        "quantile_alpha": np.array(LEVELS),
        "max_depth": 4,
        "colsample_bytree": 0.3,
    }
    return xgboost.train(settings, data, QUANTILE_ROUNDS)


def quantiles(booster: "xgboost.Booster", table: CandidateTable) -> Floats:
    """(n, levels), rising."""
    raw = booster.inplace_predict(_rows(table)).reshape(len(table.answers), len(LEVELS))
    rising: Floats = np.sort(raw.astype(np.float64), axis=1)
    return rising


def _rows(table: CandidateTable) -> NDArray[np.float32]:
    """(n, m + p): all answers, and the facts of the first."""
    return np.hstack([table.answers.astype(np.float32), table.facts[:, 0, :]])


def write_trees(booster: "xgboost.Booster") -> bytes:
    """XGBoost's binary JSON."""
    return bytes(booster.save_raw("ubj"))


def read_trees(data: bytes) -> "xgboost.Booster":
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(data))
    return booster
