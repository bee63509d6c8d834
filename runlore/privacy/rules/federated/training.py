"""The steps of a federated training, and all of them at once in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from runlore.privacy.rules.accounting import rho_of
from runlore.privacy.rules.federated.clipping import ClippedUpdates, client_weights, clip_updates
from runlore.privacy.rules.federated.local_updates import (
    ClientRows,
    Values,
    local_updates,
    mean_updates,
)
from runlore.privacy.rules.federated.noise import add_noise
from runlore.privacy.rules.federated.personal import SplitRows, gains, split_in_time
from runlore.privacy.rules.federated.policy import BudgetPlan, FederatedPolicy, divide_budget
from runlore.privacy.rules.federated.releases import (
    ClosingScores,
    Noise,
    OpeningCounts,
    average,
    close_training,
    count_clients,
    require_enough,
)

# (k, d) updates as personas computed them -> as they were sent; for tests of hostile ones
Attack = Callable[[Values], Values]

BATCH = 500  # personas; what they compute takes 50 MB at 50 posts each
MEAN_ROUND = 0  # the intercept alone; rounds proper count from 1


@dataclass(frozen=True)
class FederatedResult:
    """models: (rounds + 1, d), the mean first. refused: persona -> reason of the first refusal."""

    counts: OpeningCounts
    models: Values
    scores: ClosingScores
    refused: dict[str, str]

    @property
    def model(self) -> Values:
        return np.asarray(self.models[-1])


def update_batch(
    rows: ClientRows,
    model: Values,
    number: int,
    policy: FederatedPolicy,
    attack: Attack | None = None,
) -> ClippedUpdates:
    """The clipped updates of some personas in a round; (k, 1) in the round of the mean."""
    updates = (mean_updates if number == MEAN_ROUND else local_updates)(rows, model, policy)
    if attack is not None:
        updates = attack(updates)
    max_norm = policy.max_mean_step if number == MEAN_ROUND else policy.max_norm
    weights = client_weights(rows.counts, policy.full_weight_rows)
    return clip_updates(rows.personas, updates, weights, max_norm, policy.refused_norm)


def next_model(
    model: Values,
    batches: Sequence[ClippedUpdates],
    number: int,
    counts: OpeningCounts,
    of: tuple[FederatedPolicy, BudgetPlan, Noise],
) -> Values:
    """The shared model after a round."""
    policy, plan, noise = of
    is_mean = number == MEAN_ROUND
    budget = (policy.max_mean_step, plan.mean) if is_mean else (policy.max_norm, plan.each_round)
    step = average(batches, counts, policy, budget, noise)
    return model + np.pad(step, (0, len(model) - len(step)))


def refusals(batches: Sequence[ClippedUpdates]) -> dict[str, str]:
    """persona -> reason, over all batches of a round."""
    return {persona: why for batch in batches for persona, why in batch.refused.items()}


def batches_of(personas: int) -> list[tuple[int, int]]:
    """Places of personas that are computed together; at least one batch."""
    return [(first, min(first + BATCH, personas)) for first in range(0, max(personas, 1), BATCH)]


def plan_budget(policy: FederatedPolicy) -> BudgetPlan:
    """The zCDP budgets that together mean `epsilon` at `delta`."""
    return divide_budget(rho_of(policy.epsilon, policy.delta), policy.rounds)


def train_federated(
    rows: ClientRows,
    policy: FederatedPolicy,
    noise: Noise = add_noise,
    attack: Attack | None = None,
    split: SplitRows | None = None,
) -> FederatedResult:
    """All steps in this process, as `flows/federated.py` orders them. Raises Refused."""
    parts = split or split_in_time(rows)
    teaching = parts.teaching
    plan = plan_budget(policy)
    weights = client_weights(teaching.counts, policy.full_weight_rows)
    counts = count_clients(weights, plan, noise)
    require_enough(counts, policy)
    model = np.zeros(teaching.features.shape[1])
    models: list[Values] = []
    refused: dict[str, str] = {}
    places = batches_of(len(teaching.personas))
    for number in range(policy.rounds + 1):
        updates = [
            update_batch(teaching.batch(*place), model, number, policy, attack) for place in places
        ]
        model = next_model(model, updates, number, counts, (policy, plan, noise))
        models.append(model)
        refused = {**refusals(updates), **refused}
    each = np.vstack([gains(parts.batch(*place), models[0], model, policy) for place in places])
    scores = close_training(each, len(refused), counts, policy, plan, noise)
    return FederatedResult(counts, np.array(models), scores, refused)
