"""Train a spec, write the MLflow run, and register the model if it passed its gates."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from getpass import getuser
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runlore.alerts.rules.finding import as_evidence
from runlore.kernel.errors import RunloreError, Tampered
from runlore.kernel.instants import from_us, now
from runlore.log.reader import shared_reading
from runlore.models import bundle
from runlore.models.score_names import metric_name
from runlore.monitoring.actions import reference
from runlore.quality.actions import contract
from runlore.quality.actions.contract import Acceptance, BatchCheck
from runlore.registry import ModelRelease, Registry, VersionRef
from runlore.registry.names import score_name
from runlore.registry.registry import CHALLENGER, CHAMPION
from runlore.retraining.actions import course
from runlore.serving.actions import integrity, promotion, states
from runlore.specs.model_spec import ModelSpec, Quantity
from runlore.store.engine import Store
from runlore.training.actions import bundle_files, recording
from runlore.training.actions.challenge import ChallengeResult, challenge
from runlore.training.actions.extraction import TrainingExtract, extract
from runlore.training.rules import fitting
from runlore.training.rules.leaks.leak import NOTHING_LEFT_OUT, InputReport
from runlore.training.rules.split import divide
from runlore.training.rules.trained import Trained

Progress = Callable[[str], None]
Scores = Mapping[str, float]

LEAST_ANSWERS = 500  # rows of the test part, at least, that later answers are compared with


@dataclass(frozen=True)
class TrainOutcome:
    """The result of a training.

    version: None when its gates refused it. alias: None also when it did not beat the champion; it
    is then registered but does not serve. candidate: empty when the data was refused before the
    fit. scores, baseline: on the test part. page: the address of the MLflow run. run: its id.
    challenge: the comparison with the champion; None when there was none to compare with. sources:
    of the executions that it learned from and was tested on. inputs: those that give the outcome
    away or are free text. unit: of the prediction, and so of its mean absolute error; empty for a
    probability.
    """

    spec: str
    candidate: str
    passed: bool
    reasons: tuple[str, ...]
    version: str | None
    alias: str | None
    scores: Scores
    baseline: Scores
    rows: int
    page: str
    challenge: Mapping[str, Any] | None = None
    sources: tuple[str, ...] = ()
    inputs: InputReport = NOTHING_LEFT_OUT
    unit: str = ""
    run: str = ""

    @classmethod
    def of_error(cls, spec: str, error: RunloreError) -> "TrainOutcome":
        """The outcome of a training that was refused before anything was learned."""
        return cls(spec, "", False, (str(error),), None, None, {}, {}, 0, "")

    @property
    def refusal(self) -> str:
        return f"{self.spec}: {self.candidate} is refused: {'; '.join(self.reasons)}"

    def as_json(self) -> dict[str, Any]:
        """The fields, as plain values."""
        score_values = {"scores": dict(self.scores), "baseline": dict(self.baseline)}
        fields = {k: value for k, value in asdict(self).items() if k != "inputs"}
        challenge_values = {"challenge": as_evidence(self.challenge)}
        return fields | score_values | challenge_values | self.inputs.as_json()


def train_spec(
    store: Store,
    registry: Registry,
    spec: ModelSpec,
    say: Progress | None = None,
    at: datetime | None = None,
    accepted: Acceptance | None = None,
) -> TrainOutcome:
    """Check the data, extract, fit, judge, and record: all steps in one process.

    With new data since the champion's training, the spec is its successor's: see `succeeding`.
    Raises DataRefused for data since the champion's training that breaks its contract, unless
    somebody has accepted it.
    """
    with shared_reading():
        checked = contract.check_new(store, registry, spec, at or now(), accepted)
        contract.refuse_bad(checked)
        extracted = extract(store, spec.succeeding() if checked.has_news else spec)
    trained = fitting.fit(extracted.spec, extracted.data, extracted.plan, say)
    return conclude(store, registry, extracted, trained, checked)


def conclude(
    store: Store,
    registry: Registry,
    extracted: TrainingExtract,
    trained: Trained,
    checked: BatchCheck | None = None,
) -> TrainOutcome:
    """Write the MLflow run; register a model that passed, as the champion or the challenger.

    It may be interrupted anywhere and run again: a version is identified by its bundle's digest.
    """
    with registry.training_run(trained.spec.name) as run, tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "bundle"
        bundle_files.write(written, trained, extracted.inputs)
        reference.keep(written, _reference(extracted, trained))
        contract.keep(written, extracted.contract)
        digest = bundle.seal(written)
        model_card = recording.describe(run, extracted, trained)
        run.tags(checked.tags() if checked else {})
        version = compared = None
        if trained.verdict.passed:
            release = _release(trained, written, digest, model_card)
            version = registry.register(run, release)
            run.tags({"runlore.version": version.version})
            compared = _compare(store, registry, extracted, trained, version)
            run.tags({"runlore.challenge": compared.reason} if compared else {})
    alias = None
    if version is not None and (compared is None or compared.passed):
        alias = _put_in_place(store, registry, trained, version, compared)
    elif version is not None and compared is not None:
        promotion.record_registered(
            store, version, promotion.ChangeReason(getuser(), compared.reason)
        )
    run.rename(_run_outcome(version, alias, compared), trained.kind)
    course.note_training(store, trained.spec.name, alias, now())
    outcome = _outcome(trained, version, alias, run.page, compared)
    return replace(outcome, sources=extracted.row_sources, inputs=extracted.inputs, run=run.id)


def _run_outcome(
    version: VersionRef | None, alias: str | None, compared: ChallengeResult | None
) -> str:
    """What came of a training, as the name of its run begins; see the experiment's description."""
    if version is None:
        return "refused"
    if version.aliases:  # as it was registered before
        return "unchanged"
    if compared is not None and not compared.passed:
        return "not better"
    return {CHAMPION: "promoted", CHALLENGER: "challenger"}.get(alias or "", "unchanged")


def _compare(
    store: Store,
    registry: Registry,
    extracted: TrainingExtract,
    trained: Trained,
    version: VersionRef,
) -> ChallengeResult | None:
    """Compare with the champion; None when there is none or it is this very version.

    A champion whose files were changed counts as none: its successor becomes the challenger, which
    a person may promote.
    """
    champion = registry.champion(trained.spec.name)
    if champion is None or champion.version == version.version:
        return None
    try:
        return challenge(store, champion, registry, extracted, trained)
    except Tampered as error:
        integrity.note(store, error, now())
        return None


def _reference(extracted: TrainingExtract, trained: Trained) -> reference.Reference:
    """The training rows, with the version's answers for executions that it has not learned from."""
    division = divide(trained.spec, extracted.data)
    return reference.make(
        extracted.data.rows[division.train],
        trained.plan.names,
        extracted.categorical,
        _unlearned(trained),
        extracted.data.target[division.train],
    )


def _unlearned(trained: Trained) -> NDArray[np.float64]:
    """The version's answers for its test part or, when that is too short, those of its folds.

    Folds learn from less and answer differently; but a test part that is no longer than a window of
    monitoring is no better than one of the windows that are to be judged.
    """
    test, policy = trained.test, trained.spec.drift
    length_s = (test.as_of_us[-1] - test.as_of_us[0]) / 1e6
    if length_s >= policy.window_s and len(test.prediction) >= LEAST_ANSWERS:
        return test.prediction
    return trained.chosen.answer(trained.chosen.valid_raw)


def _release(trained: Trained, folder: Path, digest: str, model_card: str) -> ModelRelease:
    return ModelRelease(
        spec=trained.spec.name,
        folder=folder,
        digest=digest,
        data_digest=trained.data_digest,
        candidate=trained.kind,
        features=trained.plan.names,
        example=tuple(float(value) for value in trained.reference),
        has_interval=isinstance(trained.spec.question, Quantity),
        card=model_card,
        about=recording.about(trained.spec),
        scores={
            score_name(metric_name(name, recording.unit_of(trained.spec))): score.value
            for name, score in trained.evidence.candidate.items()
        },
    )


def _put_in_place(
    store: Store,
    registry: Registry,
    trained: Trained,
    version: VersionRef,
    compared: ChallengeResult | None,
) -> str | None:
    """Store the feature states first, so that readers of the alias find them; then the alias."""
    states.activate(store, trained.plan)
    challenge_evidence = {"challenge": as_evidence(compared.as_json())} if compared else {}
    tested_from = {"tested_from": from_us(trained.test_us).isoformat()}
    why = promotion.ChangeReason(
        actor=getuser(),
        reason=compared.reason if compared else "; ".join(trained.verdict.reasons),
        evidence={name: str(gain) for name, gain in trained.evidence.gains.items()}
        | tested_from
        | challenge_evidence,
    )
    starts_by_itself = trained.spec.rollout.starts == "by itself"
    names = promotion.announce(store, registry, version, why, starts_by_itself=starts_by_itself)
    return names[0] if names else None


def _outcome(
    trained: Trained,
    version: VersionRef | None,
    alias: str | None,
    page: str,
    compared: ChallengeResult | None,
) -> TrainOutcome:
    evidence, is_by_time = trained.evidence, trained.spec.split.is_by_time
    is_worse = compared is not None and not compared.passed
    return TrainOutcome(
        spec=trained.spec.name,
        candidate=trained.kind,
        passed=trained.verdict.passed and not is_worse,
        reasons=(compared.reason,) if compared and is_worse else trained.verdict.reasons,
        version=version.version if version else None,
        alias=alias,
        scores={name: score.value for name, score in evidence.candidate.items()},
        baseline={name: score.value for name, score in evidence.baseline.items()},
        rows=trained.train_rows + (len(trained.test.target) if is_by_time else 0),
        page=page,
        challenge=compared.as_json() if compared else None,
        unit=recording.unit_of(trained.spec),
    )
