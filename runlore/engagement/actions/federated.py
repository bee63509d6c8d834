"""A federated training over posts: charged once, released round by round, resumed after a crash.

What is released is written in the transaction that computes it. A run that is cut off goes on from
the last release; nothing is released, or paid, twice.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import numpy as np

from runlore.engagement.queries import federated
from runlore.engagement.queries.contexts import ContextQuery, read_final_contexts
from runlore.engagement.queries.federated import (
    Connection,
    FederatedRelease,
    FederatedTraining,
    Part,
)
from runlore.engagement.rules.federated.inputs import FEDERATED_INPUTS, client_rows
from runlore.engagement.rules.federated.model import FederatedModel
from runlore.kernel.errors import BadInput, NotFound
from runlore.privacy.queries.budgets import (
    PrivacySpending,
    charge_everybody,
    charge_personas,
    insert_spend,
)
from runlore.privacy.queries.opt_outs import opted_out
from runlore.privacy.rules.accounting import charged, granted
from runlore.privacy.rules.federated.clipping import ClippedUpdates, client_weights
from runlore.privacy.rules.federated.local_updates import ClientRows, Values
from runlore.privacy.rules.federated.noise import add_noise
from runlore.privacy.rules.federated.personal import SplitRows, gains, split_in_time
from runlore.privacy.rules.federated.policy import BudgetPlan, FederatedPolicy
from runlore.privacy.rules.federated.releases import (
    ClosingScores,
    OpeningCounts,
    close_training,
    count_clients,
    require_enough,
)
from runlore.privacy.rules.federated.training import next_model, plan_budget, refusals
from runlore.privacy.rules.policy import PrivacyPolicy
from runlore.store.engine import Store

PURPOSE = "federated training"
LEFT = "opted out"


@dataclass(frozen=True, eq=False)
class OpenedTraining:
    """A training that was charged, with the posts of those who take part.

    rows: of personas that stay. models: released so far, the mean first.
    """

    id: int
    policy: FederatedPolicy
    plan: BudgetPlan
    counts: OpeningCounts
    rows: SplitRows
    models: tuple[Values, ...]

    @property
    def model(self) -> Values:
        """The newest one; zeros before the first."""
        return self.models[-1] if self.models else np.zeros(len(FEDERATED_INPUTS))

    @property
    def personas(self) -> int:
        return len(self.rows.teaching.personas)

    @property
    def next_round(self) -> int | None:
        """None: all rounds were released."""
        return len(self.models) if len(self.models) <= self.policy.rounds else None


def request_training(
    store: Store, policy: FederatedPolicy, actor: str, as_of: datetime, at: datetime
) -> FederatedTraining:
    """Write down a request; nothing is charged yet. Raises BadInput for an instant to come."""
    if as_of > at:
        raise BadInput("as_of: is in the future; leave it out for now", "as_of")
    with store.connect() as connection:
        training = federated.insert_training(connection, at, actor, as_of, asdict(policy))
        return _found(connection, training)


def find_training(store: Store, training: int) -> FederatedTraining:
    """Raises NotFound."""
    with store.connect() as connection:
        return _found(connection, training)


def unfinished(store: Store, training: int | None) -> int | None:
    """The training of that number if it has not ended, else the oldest; None: there is none."""
    with store.connect() as connection:
        if training is None:
            oldest = federated.oldest_unfinished(connection)
            return oldest.id if oldest else None
        return None if _found(connection, training).state in federated.ENDED else training


def end_training(
    store: Store, training: int, state: federated.FederatedState, reason: str, at: datetime
) -> None:
    """Write down how a training ended, unless it has ended already."""
    with store.connect() as connection:
        federated.lock_training(connection, training)
        if _found(connection, training).state not in federated.ENDED:
            federated.insert_state(connection, training, at, state, reason)


def open_training(
    store: Store, training: int, budget: PrivacyPolicy, at: datetime
) -> OpenedTraining:
    """Charge all who have posts for the whole training, and count them; or go on where it stopped.

    Personas that opted out are left out; so are those whose own budget does not suffice.

    Raises:
        BudgetSpent: the month's budget does not allow it; nothing was charged.
        Refused: there are too few personas. What it cost stays spent.
    """
    with store.connect() as connection:
        wanted = _found(connection, training)
    policy = FederatedPolicy(**wanted.policy)
    plan = plan_budget(policy)
    contexts = read_final_contexts(store, ContextQuery(as_of=wanted.as_of))
    with store.connect() as connection:
        federated.lock_training(connection, training)
        if not federated.read_releases(connection, training):
            weights_of = _weights(client_rows(contexts, policy), policy)
            _open(connection, wanted, (policy, plan, budget), weights_of, at)
        releases = federated.read_releases(connection, training)
        staying = _staying(connection, training, len(releases) - 1)
    rows = client_rows(contexts[contexts["persona"].isin(staying)], policy)
    models = tuple(np.array(r.document["model"]) for r in releases if "model" in r.document)
    counts = OpeningCounts(**releases[0].document)
    require_enough(counts, policy)
    return OpenedTraining(training, policy, plan, counts, split_in_time(rows), models)


def finish_round(
    store: Store, opened: OpenedTraining, batches: Sequence[ClippedUpdates], at: datetime
) -> OpenedTraining:
    """Release the model after a round, or take the one that another run has released."""
    number = len(opened.models)
    with store.connect() as connection:
        federated.lock_training(connection, opened.id)
        releases = federated.read_releases(connection, opened.id)
        if len(releases) > number + 1:
            model = np.array(releases[number + 1].document["model"])
            return replace(opened, models=(*opened.models, model))
        of = (opened.policy, opened.plan, add_noise)
        model = next_model(opened.model, batches, number, opened.counts, of)
        part: Part = "round" if number else "mean"
        rho = opened.plan.each_round if number else opened.plan.mean
        _release(connection, opened.id, (number + 1, part, rho), {"model": model.tolist()}, at)
        federated.end_clients(connection, opened.id, number, refusals(batches))
    return replace(opened, models=(*opened.models, model))


def without_leavers(store: Store, opened: OpenedTraining, at_round: int) -> OpenedTraining:
    """Leave out who has opted out since the last round. They stay charged."""
    with store.connect() as connection:
        left = opted_out(connection) & set(opened.rows.teaching.personas)
        if not left:
            return opened
        federated.end_clients(connection, opened.id, at_round, dict.fromkeys(left, LEFT))
    return replace(opened, rows=opened.rows.without(left))


def persona_gains(opened: OpenedTraining, first: int, after: int) -> Values:
    """(k, 2) what each of some personas gains, on its own later posts; not released."""
    rows = opened.rows.batch(first, after)
    return gains(rows, opened.models[0], opened.model, opened.policy)


def close(
    store: Store, opened: OpenedTraining, each: Sequence[Values], at: datetime
) -> FederatedModel:
    """Release what the model gains."""
    number = opened.policy.rounds + 2
    with store.connect() as connection:
        federated.lock_training(connection, opened.id)
        releases = federated.read_releases(connection, opened.id)
        if len(releases) > number:
            scores = ClosingScores(**releases[number].document)
        else:
            ended = federated.count_ended(connection, opened.id)
            of = (opened.counts, opened.policy, opened.plan, add_noise)
            scores = close_training(np.vstack(each), ended, *of)
            document = asdict(scores)
            _release(connection, opened.id, (number, "closing", opened.plan.closing), document, at)
    return FederatedModel(
        tuple(map(float, opened.model)),
        tuple(map(float, opened.models[0])),
        opened.policy,
        opened.counts,
        scores,
        opened.policy.rounds,
    )


def _weights(rows: ClientRows, policy: FederatedPolicy) -> dict[str, float]:
    counts = split_in_time(rows).teaching.counts
    weights = client_weights(counts, policy.full_weight_rows)
    return dict(zip(rows.personas, map(float, weights), strict=True))


def _open(
    connection: Connection,
    wanted: FederatedTraining,
    of: tuple[FederatedPolicy, BudgetPlan, PrivacyPolicy],
    weights_of: dict[str, float],
    at: datetime,
) -> None:
    policy, plan, budget = of
    query = f"training {wanted.id}: {policy.family}, {policy.rounds} rounds"
    spending = PrivacySpending(PURPOSE, query, charged(plan.total), at)
    allowed = granted(budget)
    charge_everybody(connection, spending, allowed)
    asked = sorted(set(weights_of) - opted_out(connection))
    paying = sorted(charge_personas(connection, spending, asked, allowed))
    insert_spend(connection, spending)
    federated.insert_clients(connection, wanted.id, paying)
    counts = count_clients(np.array([weights_of[name] for name in paying]), plan, add_noise)
    _release(connection, wanted.id, (0, "opening", plan.opening), asdict(counts), at)
    federated.insert_state(connection, wanted.id, at, "running", "")


def _staying(connection: Connection, training: int, at_round: int) -> set[str]:
    clients = federated.read_clients(connection, training)
    left = clients & opted_out(connection)
    federated.end_clients(connection, training, at_round, dict.fromkeys(left, LEFT))
    return clients - left


def _release(
    connection: Connection,
    training: int,
    of: tuple[int, Part, float],
    document: dict[str, object],
    at: datetime,
) -> None:
    number, part, rho = of
    release = FederatedRelease(number, part, charged(rho).rho, at, document)
    federated.insert_release(connection, training, release)


def _found(connection: Connection, training: int) -> FederatedTraining:
    found = federated.find_training(connection, training)
    if found is None:
        raise NotFound(f"there is no federated training {training}")
    return found
