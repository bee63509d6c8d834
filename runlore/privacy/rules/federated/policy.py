"""What a federated training may do, and how its privacy budget is divided."""

from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

from runlore.kernel.errors import BadInput

Family = Literal["linear", "logistic"]
Averaging = Literal["mean", "trimmed_mean"]

OPENING_SHARE = 0.05  # of the budget: how many personas there are, and their weights
MEAN_SHARE = 0.10  # the intercept alone, which is also the baseline
CLOSING_SHARE = 0.15  # what the model gains on later rows
MAX_ROUNDS = 20
LEAST_TRIMMED, MOST_TRIMMED = 0.01, 0.4


@dataclass(frozen=True)
class FederatedPolicy:
    """All of it is public: nothing here may be chosen by looking at the personas' rows.

    max_norm: L2 norm at which an update is clipped. refused_norm: above it an update is refused.
    full_weight_rows: a persona with that many rows, or more, has weight 1; others in proportion.
    shrinkage: of a local model to the shared one, in rows. trimmed: share cut off at each end.
    """

    epsilon: float = 1.0
    delta: float = 1e-5
    rounds: int = 3
    family: Family = "linear"
    averaging: Averaging = "mean"
    max_norm: float = 0.6
    max_mean_step: float = 1.0
    refused_norm: float = 1e3
    full_weight_rows: int = 20
    max_rows: int = 500
    shrinkage: float = 3.0
    intercept_shrinkage: float = 1.0
    trimmed: float = 0.1
    max_gain: float = 0.5
    least_personas: int = 20

    def __post_init__(self) -> None:
        """Raises BadInput with the field, the value and what it may be."""
        if self.family not in get_args(Family):
            raise BadInput(f"family: {self.family!r} is none of linear, logistic", "family")
        if self.averaging not in get_args(Averaging):
            names = "mean, trimmed_mean"
            raise BadInput(f"averaging: {self.averaging!r} is none of {names}", "averaging")
        _check("epsilon", self.epsilon, is_valid=0 < self.epsilon <= 10, allowed="0 to 10")
        _check("delta", self.delta, is_valid=0 < self.delta <= 1e-3, allowed="0 to 0.001")
        _check("rounds", self.rounds, is_valid=1 <= self.rounds <= MAX_ROUNDS, allowed="1 to 20")
        _check(
            "trimmed",
            self.trimmed,
            is_valid=LEAST_TRIMMED <= self.trimmed <= MOST_TRIMMED,
            allowed=f"{LEAST_TRIMMED} to {MOST_TRIMMED}",
        )


def _check(field: str, value: float, *, is_valid: bool, allowed: str) -> None:
    if not (isfinite(value) and is_valid):
        raise BadInput(f"{field}: {value} is not allowed; give {allowed}", field)


@dataclass(frozen=True)
class BudgetPlan:
    """zCDP budgets (rho) of the releases of a training; they add up to `total`."""

    total: float
    opening: float
    mean: float
    each_round: float
    closing: float


def divide_budget(rho: float, rounds: int) -> BudgetPlan:
    """Divide a budget; zCDP adds up (Bun and Steinke 2016, lemma 1.7).

    >>> plan = divide_budget(0.02, 4)
    >>> round(plan.opening + plan.mean + 4 * plan.each_round + plan.closing, 12)
    0.02
    """
    opening, mean, closing = rho * OPENING_SHARE, rho * MEAN_SHARE, rho * CLOSING_SHARE
    return BudgetPlan(rho, opening, mean, (rho - opening - mean - closing) / rounds, closing)
