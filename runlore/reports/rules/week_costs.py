"""What a week cost beside the week before. Pure."""

import math
import re
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAYS = 7
T_6 = 2.447  # Student's t with 6 degrees of freedom, two-sided 95 %
MOST_GROUPS = 10  # of a part
COST_LIKE = re.compile(r"cost|price|usd|eur|gbp|chf|spend|spent|credit|charge|amount|fee", re.I)
CURRENCIES = ("usd", "eur", "gbp", "chf", "jpy")
PARTS = ("actor", "kind", "scope")


@dataclass(frozen=True, eq=False)
class WeekCosts:
    """days, before: (7,) sums by weekday. failed: of work that did not succeed, this week.

    runs: executions that have the value. low, high: of the difference of the weeks, at 95 %, as its
    days vary; NaN where it is not known.
    """

    days: Floats
    before: Floats
    failed: float
    runs: int
    runs_before: int
    low: float
    high: float

    @property
    def total(self) -> float:
        return float(self.days.sum())

    @property
    def total_before(self) -> float:
        return float(self.before.sum())

    @property
    def is_changed(self) -> bool:
        """Whether the weeks differ by more than their days do by chance."""
        return bool(self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class CostGroup:
    """The sums of one actor, kind or scope."""

    part: str
    name: str
    value: float
    before: float
    failed: float
    runs: int


def cost_measures(names: list[str]) -> list[str]:
    """Those that look like a cost first.

    >>> cost_measures(["peak_mb", "cost_usd"])
    ['cost_usd', 'peak_mb']
    """
    return sorted(names, key=lambda name: (COST_LIKE.search(name) is None, name))


def likely_cost(names: list[str]) -> str:
    """The one that looks most like a cost; empty where none does.

    >>> likely_cost(["cost_usd", "peak_mb"]), likely_cost(["peak_mb"])
    ('cost_usd', '')
    """
    return next((name for name in names if COST_LIKE.search(name)), "")


def unit_of(measure: str) -> str:
    """The currency that a name ends with, else nothing.

    >>> unit_of("cost_usd"), unit_of("price")
    ('USD', '')
    """
    end = measure.lower().rpartition("_")[2]
    return end.upper() if end in CURRENCIES else ""


def week_costs(frame: pd.DataFrame, first: date) -> WeekCosts:
    """frame: of the week that begins on the day `first`, and of the one before it.

    The weeks are compared weekday by weekday (paired t), since days share outages and releases.
    """
    rows = frame[frame["part"] == "day"]
    now, before = _by_weekday(rows, first), _by_weekday(rows, first - timedelta(days=DAYS))
    apart = now["value"].to_numpy() - before["value"].to_numpy()
    error = float(apart.std(ddof=1)) * math.sqrt(DAYS) * T_6
    is_known = bool((before["runs"] > 0).sum() >= DAYS - 1 and (now["runs"] > 0).any())
    difference = float(apart.sum())
    return WeekCosts(
        days=now["value"].to_numpy(dtype=np.float64),
        before=before["value"].to_numpy(dtype=np.float64),
        failed=float(now["failed"].sum()),
        runs=int(now["runs"].sum()),
        runs_before=int(before["runs"].sum()),
        low=difference - error if is_known else math.nan,
        high=difference + error if is_known else math.nan,
    )


def cost_groups(frame: pd.DataFrame, first: date) -> list[CostGroup]:
    """The groups of each part that cost the most."""
    groups: list[CostGroup] = []
    for part in PARTS:
        rows = frame[(frame["part"] == part) & (frame[part] != "")]
        is_now = rows["day"] >= first
        sums = rows[is_now].groupby(part)[["value", "failed", "runs"]].sum()
        sums["before"] = rows[~is_now].groupby(part)["value"].sum().reindex(sums.index).fillna(0.0)
        largest = sums.sort_values("value", ascending=False).head(MOST_GROUPS)
        groups += [
            CostGroup(part, str(name), float(value), float(before), float(failed), int(runs))
            for name, value, failed, runs, before in largest.itertuples()
        ]
    return groups


def _by_weekday(rows: pd.DataFrame, first: date) -> pd.DataFrame:
    days = [day.date() for day in pd.date_range(first, periods=DAYS)]
    return rows.set_index("day")[["value", "failed", "runs"]].reindex(days, fill_value=0)
