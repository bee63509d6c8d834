"""What a policy of routing would have been worth, from the ledger of choices of another one.

The value is the share of attempts that succeed, had the policy made each choice of the ledger in
the state in which it was made: what it would have led to later is not in it. Doubly robust: the
chance that was predicted at the time, put right by the outcome where the chosen agent is one that
the policy may choose (Dudik, Langford & Li, ICML 2011), with clipped weights (Ionides, JCGS 17,
2008).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

MAX_WEIGHT = 20.0
MIN_CHOICES = 100
MAX_UNSUPPORTED = 0.05  # share of choices that the ledger's policy could not make
CLIPPED_ERROR = 0.3  # how wrong a predicted chance may be where weights are clipped
Z = 1.96


@dataclass(frozen=True)
class LoggedAgent:
    """logged: propensity of the policy of the ledger. chance: predicted before the choice.

    target: propensity of the policy whose value is estimated.
    """

    logged: float
    target: float
    chance: float


@dataclass(frozen=True)
class LoggedChoice:
    """agents: the chosen one first."""

    agents: Sequence[LoggedAgent]
    is_success: bool


@dataclass(frozen=True)
class PolicyValue:
    """value, low, high: success rate and 95 % interval; None: not known, see the reason."""

    policy: str
    choices: int
    value: float | None
    low: float | None
    high: float | None
    reason: str


def read_candidate(candidate: Mapping[str, Any], policy: str) -> LoggedAgent | None:
    """An agent as the ledger has it. None: written before the ledger had each policy's choice."""
    if policy not in candidate or "chance" not in candidate:
        return None
    return LoggedAgent(
        float(candidate["propensity"]), float(candidate[policy]), float(candidate["chance"])
    )


def estimate_value(policy: str, choices: Sequence[LoggedChoice]) -> PolicyValue:
    """The policy's value; unknown with too few choices, or too few that it might have made."""
    if len(choices) < MIN_CHOICES:
        reason = f"{len(choices)} choices with an outcome; {MIN_CHOICES} are needed"
        return PolicyValue(policy, len(choices), None, None, None, reason)
    parts = np.array([_parts(one) for one in choices])
    unsupported = float(np.mean(parts[:, 2]))
    if unsupported > MAX_UNSUPPORTED:
        reason = (
            f"{unsupported:.0%} of its choices could not be made by the policy of the ledger;"
            " route some tasks by `learned`"
        )
        return PolicyValue(policy, len(choices), None, None, None, reason)
    mean = float(parts[:, 0].mean())
    spread = Z * float(parts[:, 0].std(ddof=1)) / sqrt(len(choices))
    half = spread + CLIPPED_ERROR * float(parts[:, 1].mean())
    low, high = max(0.0, mean - half), min(1.0, mean + half)
    value = min(1.0, max(0.0, mean))
    return PolicyValue(policy, len(choices), value, low, high, f"{len(choices)} choices")


def _parts(choice: LoggedChoice) -> tuple[float, float, float]:
    """The doubly robust score, the share lost to clipping, and the share without support."""
    agents = choice.agents
    total = sum(one.target for one in agents)
    if total <= 0:
        return 0.0, 0.0, 1.0
    direct = sum(one.target * one.chance for one in agents) / total
    lost = sum(
        max(0.0, one.target / total - MAX_WEIGHT * one.logged) for one in agents if one.logged > 0
    )
    unsupported = sum(one.target for one in agents if one.logged <= 0) / total
    first = agents[0]
    weight = min(MAX_WEIGHT, first.target / total / first.logged) if first.logged > 0 else 0.0
    return direct + weight * (choice.is_success - first.chance), lost, unsupported
