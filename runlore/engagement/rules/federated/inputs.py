"""Posts as numbers between -1 and 1, scaled by bounds that are declared, never by the data."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log1p, pi
from typing import Any

import numpy as np
import pandas as pd

from runlore.engagement.rules.contexts import SUCCESS_PERCENT
from runlore.privacy.rules.federated.local_updates import ClientRows, Values, group_rows
from runlore.privacy.rules.federated.policy import Family, FederatedPolicy

TYPICAL_PERCENT = 3.0  # a public figure: where a model without any data stands
HIGHEST_PERCENT = 100.0


@dataclass(frozen=True)
class DeclaredBounds:
    """Values beyond least and most count as the bound. is_log: scaled by log(1 + x)."""

    least: float
    most: float
    is_log: bool = False


BOUNDS: Mapping[str, DeclaredBounds] = {
    "content_length": DeclaredBounds(0, 5_000, is_log=True),
    "hashtag_count": DeclaredBounds(0, 30, is_log=True),
    "follower_count": DeclaredBounds(0, 10_000_000, is_log=True),
    "complexity_level": DeclaredBounds(1, 4),
    "has_media": DeclaredBounds(0, 1),
    "has_call_to_action": DeclaredBounds(0, 1),
}
CONTENT_TYPES = ("image", "video", "story")  # others are the rest
PLATFORMS = ("instagram", "tiktok", "twitter")
FEDERATED_INPUTS = (
    "one",
    *BOUNDS,
    "hour_sine",
    "hour_cosine",
    "is_weekend",
    *(f"content_type:{name}" for name in CONTENT_TYPES),
    *(f"platform:{name}" for name in PLATFORMS),
)


def federated_features(contexts: pd.DataFrame) -> Values:
    """(n, 16) in the order of FEDERATED_INPUTS; what is unknown is 0, the middle of its bounds.

    contexts: with the columns of `clean_contexts`.
    """
    columns = [np.ones(len(contexts))]
    columns += [_scaled(_numbers(contexts[name]), bounds) for name, bounds in BOUNDS.items()]
    hours = _numbers(contexts["hour"]) * (2 * pi / 24)
    weekdays = _numbers(contexts["weekday"])
    columns += [np.sin(hours), np.cos(hours), np.where(weekdays >= 5, 1.0, -1.0)]
    columns += [_is_named(contexts["content_type"], name) for name in CONTENT_TYPES]
    columns += [_is_named(contexts["platform"], name) for name in PLATFORMS]
    return np.nan_to_num(np.column_stack(columns), nan=0.0, posinf=1.0, neginf=-1.0)


def federated_targets(rates: Values, family: Family) -> Values:
    """(n,) of engagement rates in percent; NaN for an impossible one, which refuses its persona.

    linear: log(1 + rate), from that of a typical rate. logistic: 1 where it is a success.
    """
    is_possible = (rates >= 0) & (rates <= HIGHEST_PERCENT)
    possible = np.where(is_possible, rates, 0.0)
    if family == "linear":
        targets = np.log1p(possible) - log1p(TYPICAL_PERCENT)
    else:
        targets = (possible >= SUCCESS_PERCENT).astype(np.float64)
    return np.where(is_possible, targets, np.nan)


def rates_of(predictions: Values) -> Values:
    """(n,) engagement rates in percent, of predictions of a linear model."""
    return np.clip(np.expm1(predictions + log1p(TYPICAL_PERCENT)), 0.0, HIGHEST_PERCENT)


def client_rows(contexts: pd.DataFrame, policy: FederatedPolicy) -> ClientRows:
    """Posts by persona, the oldest first. contexts: final ones, by publication."""
    targets = federated_targets(_numbers(contexts["engagement_rate"]), policy.family)
    personas = contexts["persona"].astype(str).tolist()
    return group_rows(personas, federated_features(contexts), targets, policy.max_rows)


def _numbers(column: "pd.Series[Any]") -> Values:
    return column.to_numpy(dtype=np.float64)


def _scaled(values: Values, bounds: DeclaredBounds) -> Values:
    least, most = bounds.least, bounds.most
    within = np.clip(values, least, most)
    if bounds.is_log:
        within, least, most = np.log1p(within - least), 0.0, log1p(most - least)
    return np.asarray(2 * (within - least) / (most - least) - 1)


def _is_named(column: "pd.Series[Any]", name: str) -> Values:
    return np.where(column.astype(str).str.lower() == name, 1.0, -1.0)
