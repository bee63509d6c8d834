"""How unusual a login is for its user, and how large a transfer: learned from what came before.

Each event is compared with the earlier ones of its user only, so scores of the past are those that
were given then. Shares of values never seen are those of Good and Turing, "The population
frequencies of species and the estimation of population parameters", 1953. The threshold is a
quantile of earlier scores, so that by chance no more exceed it than the budget allows (conformal
prediction: Vovk et al., "Algorithmic Learning in a Random World", 2005).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.advice.rules.security.events import (
    NETWORK,
    Ints,
    Mask,
    SecurityEvents,
    codes,
)
from runlore.advice.rules.security.matching import numbers_of

Floats = NDArray[np.float64]

HOUR_US, DAY_US, WEEK_US = 3_600_000_000, 86_400_000_000, 7 * 86_400_000_000
LEAST_LOGINS = 20  # of a user, before any is unusual
LEAST_TRANSFERS = 10
LEAST_WEEKS, MOST_WEEKS = 2.0, 8.0  # of scores that the threshold is taken from
SPENT = 0.5  # of the budget; habits change, so more exceed the threshold than chance alone
RARE_HOUR = 0.02  # share of the user's logins within an hour of it
LEAST_SHARE = 0.005  # else scores would rise with the number of logins, and outgrow the threshold
HISTORY_US = 90 * DAY_US


@dataclass(frozen=True, eq=False)
class LoginRarity:
    """M logins in order of time. rows: (M,) their positions. score: (M,) −log10 of how likely
    host, network and hour were for the user; NaN while too little is known."""

    rows: Ints
    is_new_host: Mask
    is_new_network: Mask
    is_rare_hour: Mask
    score: Floats


def with_habits(events: SecurityEvents, budget: float, threshold: float | None) -> SecurityEvents:
    """Add what habits tell as columns. budget: surprising user-days a week that chance may bring.

    threshold: of the score; None: taken from the events themselves, as it stood before each day.
    """
    rarity = login_rarity(events)
    limit: Floats | float
    if threshold is None:
        limit = daily_thresholds(
            events.at[rarity.rows], _users(events, rarity.rows), rarity, budget
        )
    else:
        limit = threshold
    with np.errstate(invalid="ignore"):
        is_surprising = rarity.score > limit
    columns = {
        "runlore.new_host": _placed(rarity.is_new_host, rarity.rows, len(events)),
        "runlore.new_source": _placed(rarity.is_new_network, rarity.rows, len(events)),
        "runlore.unusual_hour": _placed(rarity.is_rare_hour, rarity.rows, len(events)),
        "runlore.surprising": _placed(is_surprising, rarity.rows, len(events)),
        "runlore.volume_ratio": volume_ratios(events),
    }
    return events.with_columns(columns)


def login_rarity(events: SecurityEvents) -> LoginRarity:
    """Compare each successful login with the user's earlier ones."""
    rows = _rows(events, "login")
    user = _users(events, rows)
    before = _count_before(user)
    host, is_host = codes([events.column("host.name").take(rows)], rows.size)
    network, is_network = codes([events.column(NETWORK).take(rows)], rows.size)
    hour = _hours(events.at[rows])
    new_host, p_host = _value_shares(user, host, before)
    new_network, p_network = _value_shares(user, network, before)
    p_hour = _hour_shares(user, hour, before)
    p_host, p_network = np.where(is_host, p_host, 1.0), np.where(is_network, p_network, 1.0)
    score = -np.log10(p_host * p_network * p_hour)
    is_known = before >= LEAST_LOGINS
    return LoginRarity(
        rows,
        new_host & is_host & is_known,
        new_network & is_network & is_known,
        (p_hour <= RARE_HOUR) & is_known,
        np.where(is_known, score, np.nan),
    )


def daily_thresholds(at: Ints, user: Ints, rarity: LoginRarity, budget: float) -> Floats:
    """(M,) the score that a login must exceed, from the user-days of the weeks before its day."""
    days = at // DAY_US
    units = pd.DataFrame({"user": user, "day": days, "score": rarity.score}).dropna()
    best = units.groupby(["day", "user"], sort=True)["score"].max().reset_index()
    unit_days, scores = best["day"].to_numpy(), best["score"].to_numpy()
    limits = {day: _limit(unit_days, scores, int(day), budget) for day in np.unique(days)}
    return np.array([limits[day] for day in days], np.float64)


def threshold_of(events: SecurityEvents, budget: float) -> float:
    """The score that a login of the day after the events must exceed; infinite while learning."""
    rarity = login_rarity(events)
    if not rarity.rows.size:
        return float("inf")
    frame = pd.DataFrame(
        {
            "user": _users(events, rarity.rows),
            "day": events.at[rarity.rows] // DAY_US,
            "score": rarity.score,
        }
    ).dropna()
    best = frame.groupby(["day", "user"])["score"].max().reset_index()
    last = int(events.at[-1] // DAY_US) + 1
    return _limit(best["day"].to_numpy(), best["score"].to_numpy(), last, budget)


def volume_ratios(events: SecurityEvents) -> pa.Array:
    """(N,) text: how many times the user's largest transfer so far; null for the first ones."""
    rows = _rows(events, "transfer")
    size = pc.fill_null(numbers_of(events.column("network.bytes").take(rows)), 0.0)
    user = _users(events, rows)
    frame = pd.DataFrame({"user": user, "size": np.asarray(size, np.float64)})
    largest = frame.groupby("user")["size"].cummax().groupby(user).shift(1).to_numpy()
    is_known = (_count_before(user) >= LEAST_TRANSFERS) & (largest > 0)
    ratio = np.where(is_known, frame["size"] / np.where(is_known, largest, 1.0), np.nan)
    whole = np.full(len(events), np.nan)
    whole[rows] = ratio
    return pc.cast(pa.array(np.round(whole, 3), from_pandas=True), pa.string())


def _limit(days: Ints, scores: Floats, day: int, budget: float) -> float:
    first = max(int(days[0]), day - int(7 * MOST_WEEKS)) if days.size else day
    weeks = (day - first) / 7
    taken = scores[np.searchsorted(days, first) : np.searchsorted(days, day)]
    allowed = max(int(SPENT * budget * weeks), 1)
    if weeks < LEAST_WEEKS or taken.size < allowed:
        return float("inf")
    return float(np.partition(taken, taken.size - allowed)[taken.size - allowed])


def _rows(events: SecurityEvents, kind: str) -> Ints:
    is_kind = pc.equal(events.column("event.action"), kind)
    is_good = pc.equal(events.column("event.outcome"), "success")
    named = events.column("user.name").is_valid()
    met = pc.fill_null(pc.and_(pc.and_(is_kind, is_good), named), False)
    return np.flatnonzero(np.asarray(met))


def _users(events: SecurityEvents, rows: Ints) -> Ints:
    numbers, _ = codes([events.column("user.name").take(pa.array(rows))], rows.size)
    return numbers


def _hours(at: Ints) -> Ints:
    """0 to 23 of a working day, 24 to 47 of a weekend, in UTC."""
    weekday = (at // DAY_US + 3) % 7
    return (at // HOUR_US) % 24 + 24 * (weekday >= 5)


def _count_before(keys: Ints) -> Ints:
    return np.asarray(pd.Series(keys).groupby(keys).cumcount(), np.int64)


def _value_shares(user: Ints, value: Ints, before: Ints) -> tuple[Mask, Floats]:
    """(M,) whether the user never had this value, and the share of such a login."""
    _, pair = np.unique(user * (value.max(initial=0) + 1) + value, return_inverse=True)
    seen = _count_before(pair)
    change = (seen == 0).astype(np.int64) - (seen == 1)
    once = pd.Series(change).groupby(user).cumsum().to_numpy(np.int64) - change
    share = np.where(seen == 0, once + 0.5, seen) / (before + 1.0)
    return seen == 0, np.clip(share, LEAST_SHARE, 1.0)


def _hour_shares(user: Ints, hour: Ints, before: Ints) -> Floats:
    """(M,) the share of the user's earlier logins within an hour of this one's hour of day."""
    count = user.size
    place = np.arange(count)
    keys = (user * 48 + hour) * count + place
    ordered = np.sort(keys)
    near = np.zeros(count, np.int64)
    for shift in (-1, 0, 1):
        beside = (hour % 24 + shift) % 24 + 24 * (hour // 24)
        start = (user * 48 + beside) * count
        near += np.searchsorted(ordered, start + place) - np.searchsorted(ordered, start)
    return np.clip((near + 0.5) / (before + 1.0), LEAST_SHARE, 1.0)


def _placed(values: Mask, rows: Ints, count: int) -> pa.Array:
    """(N,) "true" or "false" at some rows, null elsewhere."""
    whole = np.full(count, -1, np.int64)
    whole[rows] = values.astype(np.int64)
    return pa.array(["false", "true"]).take(pa.array(whole, mask=whole < 0))
