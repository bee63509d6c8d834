"""The card of a federated model: what it is, what it gains, and what it tells of a persona."""

from runlore.engagement.rules.federated.inputs import FEDERATED_INPUTS
from runlore.engagement.rules.federated.model import FederatedModel
from runlore.privacy.rules.federated.policy import OPENING_SHARE
from runlore.privacy.rules.federated.releases import FederatedVerdict

TRIMMED = "coordinate-wise trimmed mean, {:.0%} cut off at each end"


def federated_card(model: FederatedModel, verdict: FederatedVerdict, training: int) -> str:
    """Markdown. Every number in it was released with noise, or is public."""
    policy, scores = model.policy, model.scores
    averaging = "weighted mean" if policy.averaging == "mean" else TRIMMED.format(policy.trimmed)
    return f"""# {model.spec}

Predicts the engagement of a post of any persona, also of one without posts.

{"Registered" if verdict.passed else "Refused"}: {"; ".join(verdict.reasons)}.

## Guarantee

- Differentially private for each persona with all its posts: epsilon {policy.epsilon:g} at delta \
{policy.delta:g}, accounted in zCDP by OpenDP.
- Discrete Gaussian noise on clipped sums. The server that adds it reads the posts: it is trusted.
- Everything on this page was released with noise or is public. The counts took \
{OPENING_SHARE:.0%} of the budget.

## Training

| | |
|---|---|
| training | {training} |
| rounds | {model.rounds} |
| personas, noisy | {model.counts.personas:,.0f} |
| personas refused at least once, noisy | {max(scores.refused, 0):,.0f} |
| averaging | {averaging} |
| largest norm of an update | {policy.max_norm:g} |

{_gains(model)}"""


def _gains(model: FederatedModel) -> str:
    scores = model.scores
    coefficients = "\n".join(
        f"| {name} | {value:.4f} |"
        for name, value in zip(FEDERATED_INPUTS, model.coefficients, strict=True)
    )
    unit = "log(1 + percent)" if model.policy.family == "linear" else "probability"
    return f"""## Gain on later posts ({unit})

| compared with | gain | at least, at 95 % |
|---|---|---|
| the mean of all personas | {scores.over_mean:.3f} | {scores.over_mean_low:.3f} |
| a persona's own model of ten posts | {scores.over_local:.3f} | {scores.over_local_low:.3f} |

## Coefficients

Inputs are scaled to -1 to 1 by declared bounds.

| input | coefficient |
|---|---|
{coefficients}
"""
