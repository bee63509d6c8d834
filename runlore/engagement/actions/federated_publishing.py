"""A federated model in the registry: judged by released numbers, registered, read as a prior."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlore.engagement.queries import federated
from runlore.engagement.rules.federated.card import federated_card
from runlore.engagement.rules.federated.inputs import FEDERATED_INPUTS
from runlore.engagement.rules.federated.model import FederatedModel, federated_graph
from runlore.kernel.conclusion import NOTHING_TO_DO, Conclusion
from runlore.models import bundle
from runlore.privacy.rules.federated.releases import FederatedVerdict, judge_federated
from runlore.registry import ModelRelease
from runlore.registry.names import score_name
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import ChangeReason
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry, TrainingRun, VersionRef
    from runlore.registry.champions import ChampionFiles

CANDIDATE = "federated"
MODEL, GRAPH = "federated.json", "model.onnx"
ABOUT = (
    "Predicts the engagement of a post of any persona, learned across personas with noise. "
    "A persona's own model starts here."
)


@dataclass(frozen=True)
class FederatedOutcome:
    """version: None when it was refused. page: of the MLflow run."""

    training: int
    spec: str
    passed: bool
    reasons: tuple[str, ...]
    version: str | None
    page: str
    epsilon: float
    delta: float
    rounds: int
    personas: float
    scores: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def conclude_training(
    store: Store, registry: "Registry", training: int, model: FederatedModel, at: datetime
) -> FederatedOutcome:
    """Judge, write the MLflow run, register what passed, and end the training.

    A version that passes is the champion at once: it was judged on posts that taught it nothing.
    The same model again gives the version that there is.
    """
    verdict = judge_federated(model.scores, model.counts)
    card = federated_card(model, verdict, training)
    with registry.training_run(model.spec) as run, tempfile.TemporaryDirectory() as folder:
        _describe(run, model, verdict, card)
        version = None
        if verdict.passed:
            written = Path(folder) / "bundle"
            digest = write_federated(written, model)
            version = registry.register(run, _release(model, written, digest, card))
            run.tags({"runlore.version": version.version})
            _promote(store, registry, version, training, verdict)
    run.rename("promoted" if version else "refused", CANDIDATE)
    number = version.version if version else None
    with store.connect() as connection:
        federated.lock_training(connection, training)
        state: federated.FederatedState = "done" if verdict.passed else "refused"
        reason = "; ".join(verdict.reasons)
        federated.insert_state(connection, training, at, state, reason, number)
    return _outcome(training, model, verdict, number, run.page)


def write_federated(folder: Path, model: FederatedModel) -> str:
    """Write a version as JSON and ONNX; returns the digest over both."""
    folder.mkdir(parents=True)
    text = json.dumps(model.as_json(), indent=1, sort_keys=True, allow_nan=False)
    (folder / MODEL).write_text(text + "\n", encoding="utf-8")
    (folder / GRAPH).write_bytes(federated_graph(model))
    description = {"spec": model.spec, "kind": CANDIDATE, "graphs": [GRAPH]}
    bundle.write_description(folder, description)
    return bundle.seal(folder)


def federated_prior(
    fetch: "Callable[[str], ChampionFiles | None]", spec: str = "engagement-federated"
) -> FederatedModel | None:
    """The model from which new personas start; None: none was registered.

    fetch: `App.champion_files`. Raises Tampered where the files are not those that were registered,
    and BadInput where they have other inputs than this release.
    """
    files = fetch(spec)
    if files is None:
        return None
    return FederatedModel.from_json(json.loads((files.folder / MODEL).read_text(encoding="utf-8")))


def conclude(outcome: FederatedOutcome) -> Conclusion:
    """What came of a training, and what to do, for a page."""
    if outcome.passed:
        said = f"{outcome.spec} version {outcome.version} answers for new personas."
        return Conclusion(said, NOTHING_TO_DO)
    return Conclusion(
        f"{outcome.spec} was refused.",
        "Train again when there are more personas, or with a larger epsilon.",
    )


def _describe(
    run: "TrainingRun", model: FederatedModel, verdict: FederatedVerdict, card: str
) -> None:
    run.parameters(
        {**asdict(model.policy), "accountant": "zCDP, OpenDP", "inputs": len(FEDERATED_INPUTS)}
    )
    run.scores(_scores(model))
    run.card(card)
    run.tags({"runlore.verdict": "passed" if verdict.passed else "refused"})


def _scores(model: FederatedModel) -> dict[str, float]:
    scores = {
        f"noisy {name.replace('_', ' ')}": value for name, value in asdict(model.scores).items()
    }
    return {score_name("test", name): value for name, value in scores.items()}


def _release(model: FederatedModel, folder: Path, digest: str, card: str) -> ModelRelease:
    document = json.dumps(model.as_json(), sort_keys=True)
    return ModelRelease(
        spec=model.spec,
        folder=folder,
        digest=digest,
        data_digest=hashlib.sha256(document.encode()).hexdigest(),
        candidate=CANDIDATE,
        features=(),
        example=(),
        has_interval=False,
        card=card,
        about=ABOUT,
        scores=_scores(model),
        is_data=True,
    )


def _promote(
    store: Store,
    registry: "Registry",
    version: "VersionRef",
    training: int,
    verdict: FederatedVerdict,
) -> None:
    if promotion.CHAMPION in version.aliases:
        return
    evidence = {"training": training}
    why = ChangeReason("federated training", "; ".join(verdict.reasons), evidence)
    if registry.champion(version.spec) is None:
        promotion.announce(store, registry, version, why, starts_by_itself=True)
    else:
        promotion.promote(store, registry, version.spec, why, version.version)


def _outcome(
    training: int,
    model: FederatedModel,
    verdict: FederatedVerdict,
    version: str | None,
    page: str,
) -> FederatedOutcome:
    return FederatedOutcome(
        training,
        model.spec,
        verdict.passed,
        verdict.reasons,
        version,
        page,
        model.policy.epsilon,
        model.policy.delta,
        model.rounds,
        model.counts.personas,
        asdict(model.scores),
    )
