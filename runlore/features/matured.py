"""Values of outcomes that count once they are mature: `outcome.NAME@168h`.

`outcome.engagement_rate@168h` is the engagement rate, measured 168 hours or more after the
publication: the start of the execution. `outcome.engagement_rate@168h>=5` is 1 where it is 5 or
more, and 0 else. The outcome says in `age_h` when it was measured. Without it, a value is mature
when it became known that late, or at the very end of the execution, as in a log of final values.
There is no value where more than half of the accounts that reacted were bots (`bot_count`, beside
`user_count`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from runlore.records.execution import NO_INSTANT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FORM = re.compile(r"outcome\.(?P<name>.+)@(?P<age>\d+(?:\.\d+)?)h(?:>=(?P<least>-?\d+(?:\.\d+)?))?")
AGE, USERS, BOTS = "age_h", "user_count", "bot_count"
MOST_BOT_SHARE = 0.5
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class MaturedValue:
    """name: of the outcome. age_h: from which on it counts. least: of a value of 0 or 1."""

    name: str
    age_h: float
    least: float | None

    @property
    def reads(self) -> tuple[str, ...]:
        """The outcomes that it is computed from."""
        return (self.name, AGE, USERS, BOTS)

    def of(
        self, outcome: Mapping[str, Floats], since: Ints, finished: Ints, known: Ints | None
    ) -> Floats:
        """(n,): NaN where the outcome lacks the value, is too young, or comes from bots.

        since: of the publication, microseconds. known: when each outcome became known; None: that
        is not said, so that one without an age has no value.
        """
        nothing = np.full(since.shape, np.nan)
        value, age_h = (outcome.get(name, nothing) for name in (self.name, AGE))
        mature = age_h >= self.age_h
        if known is not None:
            said = (known != NO_INSTANT) & (since != NO_INSTANT)
            late = said & (known - np.where(said, since, known) >= self.age_h * HOUR_US)
            mature |= np.isnan(age_h) & (late | ((known == finished) & (known != NO_INSTANT)))
        bots = bot_shares(outcome.get(USERS, nothing), outcome.get(BOTS, nothing))
        counts = np.where(mature & ~(bots > MOST_BOT_SHARE), value, np.nan)
        if self.least is None:
            return counts
        return np.where(np.isnan(counts), np.nan, (counts >= self.least).astype(np.float64))


def bot_shares(user_count: Floats, bot_count: Floats) -> Floats:
    """(n,): bots of all accounts that reacted; NaN where they were not counted."""
    accounts = np.nan_to_num(user_count) + bot_count
    shares = np.full(accounts.shape, np.nan)
    np.divide(bot_count, accounts, out=shares, where=accounts > 0)
    return shares


@lru_cache(maxsize=256)
def matured_value(name: str) -> MaturedValue | None:
    """What the name of a value says; None where it is of another sort.

    >>> matured_value("outcome.engagement_rate@168h>=5")
    MaturedValue(name='engagement_rate', age_h=168.0, least=5.0)
    >>> matured_value("outcome.cost_usd") is None
    True
    """
    form = FORM.fullmatch(name)
    if form is None:
        return None
    least = form["least"]
    return MaturedValue(form["name"], float(form["age"]), None if least is None else float(least))
