"""What a persona may lose in a month, and how its values are bounded before noise is added."""

from dataclasses import dataclass
from math import isfinite

from runlore.kernel.errors import BadInput

RATE_EDGES = (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 10, 12, 15, 20)  # percent
LEAST_PERSONAS = 5
LEAST_HASHTAG_PERSONAS = 3
# How an aggregate's loss is divided among what it tells.
SHARES = {
    "personas": 0.15,
    "mean": 0.2,
    "spread": 0.1,
    "rates": 0.2,
    "hours": 0.15,
    "hashtags": 0.1,
    "lifts": 0.1,
}


@dataclass(frozen=True)
class PrivacyPolicy:
    """Bounds that everybody may know; none comes from the data.

    epsilon, delta: what all answers of a month may tell of a persona.
    aggregates: how many new aggregates a month allows; each costs the same.
    highest_rate: engagement rates above it count as it, in percent.
    most_lift: what a hashtag changes counts up to here, in percentage points.
    hashtags_each: with how many hashtags a persona counts.
    """

    epsilon: float = 1.0
    delta: float = 1e-5
    aggregates: int = 4
    highest_rate: float = 20.0
    most_lift: float = 5.0
    hashtags_each: int = 3

    def __post_init__(self) -> None:
        if not (isfinite(self.epsilon) and 0.01 <= self.epsilon <= 10):
            raise BadInput(f"epsilon: {self.epsilon} is not from 0.01 to 10", "epsilon")
        if not 1e-9 <= self.delta <= 1e-3:
            raise BadInput(f"delta: {self.delta} is not from 1e-9 to 1e-3", "delta")
        if not 1 <= self.aggregates <= 100_000:
            raise BadInput(f"aggregates: {self.aggregates} is not from 1 to 100,000", "aggregates")
