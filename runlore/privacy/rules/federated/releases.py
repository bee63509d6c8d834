"""What a federated training releases, in order: counts, a mean, rounds, gains. All with noise."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from runlore.kernel.errors import Refused
from runlore.privacy.rules.federated.clipping import ClippedUpdates, sum_updates, trimmed_sum
from runlore.privacy.rules.federated.local_updates import Places, Values
from runlore.privacy.rules.federated.noise import STEPS, from_steps, noise_scale, to_steps
from runlore.privacy.rules.federated.policy import BudgetPlan, FederatedPolicy

# (sum in steps, L2 sensitivity in units, rho) -> released sum in steps
Noise = Callable[[Places, float, float], Places]

Z_95 = 1.645  # one-sided
OPENING_SENSITIVITY = sqrt(2)  # a persona and its weight, both at most 1
CLOSING_SENSITIVITY = sqrt(3)  # two gains within [-1, 1], and one refusal


@dataclass(frozen=True)
class OpeningCounts:
    """Noisy: personas that take part, and the sum of their weights."""

    personas: float
    weight: float


@dataclass(frozen=True)
class ClosingScores:
    """Noisy means over personas, in units of the target; their least values at 95 %.

    over_mean: absolute error of the mean minus that of the model, on later rows.
    over_local: error of a persona's own model minus that of the personalised one.
    refused: noisy count of personas of whom an update was refused.
    """

    over_mean: float
    over_mean_low: float
    over_local: float
    over_local_low: float
    refused: float


def count_clients(weights: Values, plan: BudgetPlan, noise: Noise) -> OpeningCounts:
    """The noisy number of personas, and the noisy sum of their weights."""
    sums = np.array([len(weights) * STEPS, to_steps(weights, 1.0).sum()], dtype=np.int64)
    personas, weight = from_steps(noise(sums, OPENING_SENSITIVITY, plan.opening), 1.0)
    return OpeningCounts(float(personas), float(weight))


def require_enough(counts: OpeningCounts, policy: FederatedPolicy) -> None:
    """Raises Refused when the noisy count is too small to go on; it has been released by then."""
    if counts.personas < policy.least_personas or counts.weight < 1:
        raise Refused(
            f"about {max(counts.personas, 0):.0f} personas with {max(counts.weight, 0):.0f} times"
            f" {policy.full_weight_rows} posts, with noise: too few at epsilon {policy.epsilon:g}."
            " What it cost stays spent"
        )


def average(
    batches: Iterable[ClippedUpdates],
    counts: OpeningCounts,
    policy: FederatedPolicy,
    of: tuple[float, float],
    noise: Noise,
) -> Values:
    """The noisy weighted mean of updates: noise is added to the sum, then divided.

    of: the largest norm of a contribution, and the zCDP budget.
    """
    contributions = np.vstack([batch.contributions for batch in batches])
    max_norm, rho = of
    if policy.averaging == "mean":
        return from_steps(noise(sum_updates(contributions), 1.0, rho), max_norm) / counts.weight
    cut = trim_count(counts, policy)
    kept = max(counts.personas - cut, 1.0) / counts.personas
    released = noise(trimmed_sum(contributions, cut), 1.0, rho)
    return from_steps(released, max_norm) / (counts.weight * kept)


def trim_count(counts: OpeningCounts, policy: FederatedPolicy) -> int:
    """How many values are cut off at each end: from released counts alone."""
    return int(policy.trimmed * counts.personas)


def close_training(
    gains: Values,
    refused: int,
    counts: OpeningCounts,
    policy: FederatedPolicy,
    plan: BudgetPlan,
    noise: Noise,
) -> ClosingScores:
    """Release what the model gains.

    gains: (k, 2) over the mean and over the persona's own model; 0 of a persona without later rows,
    which makes the means smaller. The bounds allow for the noise and for the choice of personas,
    whose gains are clipped to `max_gain` and so have a deviation of no more than that.
    """
    bound = policy.max_gain
    finite = np.nan_to_num(gains, nan=0.0, posinf=0.0, neginf=0.0)
    parts = to_steps(np.clip(finite / bound, -1, 1), 1.0).sum(axis=0)
    sums = np.append(parts, refused * STEPS)
    released = from_steps(noise(sums, CLOSING_SENSITIVITY, plan.closing), 1.0)
    over_mean, over_local = released[:2] * bound / counts.personas
    noise_sd = noise_scale(CLOSING_SENSITIVITY, plan.closing) / counts.personas
    half = Z_95 * bound * sqrt(noise_sd**2 + 1 / counts.personas)
    low_mean, low_local = over_mean - half, over_local - half
    return ClosingScores(
        float(over_mean), float(low_mean), float(over_local), float(low_local), float(released[2])
    )


@dataclass(frozen=True)
class FederatedVerdict:
    passed: bool
    reasons: tuple[str, ...]


def judge_federated(scores: ClosingScores, counts: OpeningCounts) -> FederatedVerdict:
    """Refuse a model that is not shown to beat the mean, or that loses to personas' own models."""
    personas = f"about {counts.personas:,.0f} personas"
    reasons = []
    if scores.over_mean_low <= 0:
        reasons.append(
            f"the gain over the mean is {scores.over_mean:.3f}, and may be"
            f" {scores.over_mean_low:.3f} at 95 %: not shown with {personas} at this epsilon"
        )
    if scores.over_local <= 0:
        reasons.append(
            f"personas' own models are better by {-scores.over_local:.3f} than those that start at"
            " the shared one"
        )
    if reasons:
        return FederatedVerdict(False, tuple(reasons))
    passed = (
        f"beats the mean by {scores.over_mean:.3f} (at least {scores.over_mean_low:.3f} at 95 %)"
        f" and personas' own models by {scores.over_local:.3f}, with {personas}"
    )
    return FederatedVerdict(True, (passed,))
