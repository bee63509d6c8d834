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
from runlore.monitoring.actions import reference
from runlore.quality.actions import contract
from runlore.quality.actions.contract import Acceptance, BatchCheck
from runlore.registry import ModelRelease, Registry, TrainingData, TrainingRun, VersionRef
from runlore.registry.code_version import code_version
from runlore.registry.names import score_name
from runlore.retraining.actions import course
from runlore.serving.actions import integrity, promotion, states
from runlore.simulate.log import SIMULATED_SOURCE
from runlore.specs.model_spec import ModelSpec, Probability, Quantity
from runlore.store.engine import Store
from runlore.training.actions import bundle_files
from runlore.training.actions.challenge import ChallengeResult, challenge
from runlore.training.actions.extraction import TrainingExtract, extract
from runlore.training.actions.figures import figures
from runlore.training.rules import card, fitting
from runlore.training.rules.gates import CalibrationInterval
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
    fit. scores, baseline: on the test part. page: the address of the MLflow run. challenge: the
    comparison with the champion; None when there was none to compare with. sources: of the
    executions that it learned from and was tested on. inputs: those that give the outcome away or
    are free text. unit: of the prediction, and so of its mean absolute error; empty for a
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
        fields = {name: value for name, value in asdict(self).items() if name != "inputs"}
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
        model_card = _describe(run, extracted, trained)
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
    course.note_training(store, trained.spec.name, alias, now())
    outcome = _outcome(trained, version, alias, run.page, compared)
    return replace(outcome, sources=extracted.row_sources, inputs=extracted.inputs)


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


def _describe(run: TrainingRun, extracted: TrainingExtract, trained: Trained) -> str:
    """Log a run's parameters, data, scores, tables and figures; returns the model card."""
    spec, data = trained.spec, extracted.data
    model_card = card.write(
        trained,
        code_version(),
        is_simulated=SIMULATED_SOURCE in extracted.sources,
        sources=extracted.row_sources,
        inputs=extracted.inputs,
    )
    run.parameters(_parameters(extracted, trained))
    run.data(
        TrainingData(
            name=spec.name,
            digest=trained.data_digest,
            rows=len(data),
            first=from_us(int(data.as_of_us[0])),
            last=from_us(int(data.as_of_us[-1])),
            target=spec.question.of,
            features=trained.plan.names,
        )
    )
    run.scores(_scores(trained))
    run.table("candidates", _candidate_rows(trained), "Scores of every candidate")
    run.table("slices", _slice_rows(trained), "Scores by slice of the test part")
    if extracted.inputs.leaks:
        run.table("leaks", extracted.inputs.rows(), "Inputs that give the outcome away")
    for name, figure in figures(trained):
        run.figure(name, figure)
    run.card(model_card)
    verdict = "passed" if trained.verdict.passed else "refused"
    run.tags({"runlore.verdict": verdict, "runlore.reasons": "; ".join(trained.verdict.reasons)})
    return model_card


def _parameters(extracted: TrainingExtract, trained: Trained) -> dict[str, object]:
    spec = trained.spec
    return {
        "spec": spec.name,
        "target": spec.question.of,
        "candidate": trained.kind,
        "select_by": spec.select_by,
        "baseline": ", ".join(spec.baselines),
        "features": len(trained.plan.names),
        "split": spec.split.kind,
        "repeats": 1 if spec.split.is_by_time else spec.split.repeats,
        "test_share": spec.split.test_share,
        "most_test_rows": spec.split.most_test_rows,
        "gap_s": spec.split.gap_s,
        "folds": spec.split.folds,
        "max_rows": spec.split.max_rows,
        "train_rows": trained.train_rows,
        "test_rows": len(trained.test.target),
        "test_from": from_us(trained.test_us).isoformat(),
        "until_seq": extracted.until_seq,
        "sources": ", ".join(extracted.row_sources),
    }


def _scores(trained: Trained) -> dict[str, float]:
    """Scores named as MLflow groups them: part of the data, then candidate, then score."""
    values: dict[str, float] = {}
    for score, measured in trained.evidence.candidate.items():
        values[score_name("test", score)] = measured.value
        values[score_name("test", f"{score}_low")] = measured.low
        values[score_name("test", f"{score}_high")] = measured.high
        if isinstance(measured, CalibrationInterval):
            values[score_name("test", f"{score}_chance")] = measured.chance
    for score, measured in trained.evidence.gains.items():
        values[score_name("gain over baseline", score)] = measured.value
    for part, table in (("validation", trained.validation), ("test", trained.test_scores)):
        for kind, scores in table.items():
            values |= {score_name(part, kind, name): value for name, value in scores.items()}
    for slice_scores in trained.slices:
        where = f"{slice_scores.slice}={slice_scores.label}"
        values |= {
            score_name("slice", where, name): value for name, value in slice_scores.scores.items()
        }
    return values


def _candidate_rows(trained: Trained) -> list[dict[str, Any]]:
    return [
        {
            "candidate": kind,
            "chosen": kind == trained.kind,
            **{f"test {name}": value for name, value in scores.items()},
            **{f"validation {name}": value for name, value in trained.validation[kind].items()},
        }
        for kind, scores in trained.test_scores.items()
    ]


def _slice_rows(trained: Trained) -> list[dict[str, Any]]:
    return [
        {
            "slice": slice_scores.slice,
            "label": slice_scores.label,
            "rows": slice_scores.rows,
            **{str(name): value for name, value in slice_scores.scores.items()},
            **{f"baseline {name}": value for name, value in slice_scores.baseline.items()},
        }
        for slice_scores in trained.slices
    ]


def _release(trained: Trained, folder: Path, digest: str, model_card: str) -> ModelRelease:
    question = trained.spec.question
    return ModelRelease(
        spec=trained.spec.name,
        folder=folder,
        digest=digest,
        data_digest=trained.data_digest,
        candidate=trained.kind,
        features=trained.plan.names,
        example=tuple(float(value) for value in trained.reference),
        has_interval=isinstance(question, Quantity),
        card=model_card,
        about=f"Predicts {question.of} of an execution at its submission.",
        scores={name: score.value for name, score in trained.evidence.candidate.items()},
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
    why = promotion.ChangeReason(
        actor=getuser(),
        reason=compared.reason if compared else "; ".join(trained.verdict.reasons),
        evidence={name: str(gain) for name, gain in trained.evidence.gains.items()}
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
        unit="" if isinstance(question := trained.spec.question, Probability) else question.unit,
    )
