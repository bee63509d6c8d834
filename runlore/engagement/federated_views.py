"""How a federated training is shown: its request, its releases, and what it cost."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runlore.engagement.queries import federated
from runlore.engagement.queries.federated import FederatedRelease, FederatedState, FederatedTraining
from runlore.engagement.rules.federated.model import SPECS
from runlore.kernel.errors import NotFound
from runlore.privacy.rules.federated.policy import FederatedPolicy
from runlore.store.engine import Store

MOST_TRAININGS = 200


@dataclass(frozen=True)
class FederatedReleaseView:
    part: str
    released_at: datetime
    rho: float


@dataclass(frozen=True)
class FederatedTrainingView:
    """personas, refused, scores: with noise; None until they were released.

    epsilon, delta: of the whole training, for each persona. version: None: there is none.
    """

    id: int
    spec: str
    status: FederatedState
    reason: str
    requested_by: str
    requested_at: datetime
    state_at: datetime
    as_of: datetime
    epsilon: float
    delta: float
    rounds: int
    family: str
    averaging: str
    releases: list[FederatedReleaseView]
    personas: float | None
    refused: float | None
    scores: dict[str, float] | None
    version: str | None


def show_training(store: Store, training: int) -> FederatedTrainingView:
    """Raises NotFound."""
    with store.connect() as connection:
        found = federated.find_training(connection, training)
        if found is None:
            raise NotFound(f"there is no federated training {training}")
        return _view(found, federated.read_releases(connection, training))


def list_trainings(store: Store, as_of: datetime) -> list[FederatedTrainingView]:
    """Those requested until an instant, as they stand now; the newest first, 200 at most."""
    with store.connect() as connection:
        newest = federated.newest_trainings(connection, as_of, MOST_TRAININGS)
        return [_view(one, federated.read_releases(connection, one.id)) for one in newest]


def _view(found: FederatedTraining, releases: list[FederatedRelease]) -> FederatedTrainingView:
    policy = FederatedPolicy(**found.policy)
    documents: dict[str, Any] = {release.part: release.document for release in releases}
    scores = documents.get("closing")
    return FederatedTrainingView(
        id=found.id,
        spec=SPECS[policy.family],
        status=found.state,
        reason=found.reason,
        requested_by=found.requested_by,
        requested_at=found.requested_at,
        state_at=found.state_at,
        as_of=found.as_of,
        epsilon=policy.epsilon,
        delta=policy.delta,
        rounds=policy.rounds,
        family=policy.family,
        averaging=policy.averaging,
        releases=[FederatedReleaseView(r.part, r.released_at, r.rho / 1e12) for r in releases],
        personas=documents["opening"]["personas"] if releases else None,
        refused=scores["refused"] if scores else None,
        scores={name: scores[name] for name in sorted(scores) if name != "refused"}
        if scores
        else None,
        version=found.version,
    )
