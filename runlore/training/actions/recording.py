"""What a training leaves in MLflow: parameters, scores, tables, pictures and the model card."""

from functools import partial
from math import isfinite
from typing import Any

from runlore.kernel.instants import from_us
from runlore.models.relative_errors import RelativeErrors
from runlore.models.score_names import metric_name
from runlore.registry import TrainingData, TrainingRun
from runlore.registry.code_version import code_version
from runlore.registry.names import score_name
from runlore.registry.registry import CHALLENGER, CHAMPION
from runlore.simulate.log import SIMULATED_SOURCE
from runlore.specs.model_spec import ModelSpec, Probability
from runlore.training.actions.extraction import TrainingExtract
from runlore.training.actions.figures import figures
from runlore.training.rules import card
from runlore.training.rules.card_sections import question
from runlore.training.rules.gates import CalibrationInterval
from runlore.training.rules.trained import Trained


def describe(run: TrainingRun, extracted: TrainingExtract, trained: Trained) -> str:
    """Log a run's parameters, data, scores, tables and figures; returns the model card."""
    spec, data = trained.spec, extracted.data
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
    model_card = card.write(
        trained,
        code_version(),
        is_simulated=SIMULATED_SOURCE in extracted.sources,
        sources=extracted.row_sources,
        inputs=extracted.inputs,
        pictures={name: run.figure(name, figure) for name, figure in figures(trained)},
    )
    run.card(model_card)
    run.tags({"runlore.verdict": "passed" if trained.verdict.passed else "refused"})
    return model_card


def _parameters(extracted: TrainingExtract, trained: Trained) -> dict[str, object]:
    spec = trained.spec
    return {
        "target": spec.question.of,
        "candidate": trained.kind,
        "select_by": spec.select_by,
        "baseline": ", ".join(spec.baselines),
        "features": len(trained.plan.names),
        "split": spec.split.kind,
        **({} if spec.split.is_by_time else {"repeats": spec.split.repeats}),
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
    """Scores named as MLflow groups them: part of the data, then candidate, then score.

    Those of slices are in the table `slices`: they would bury the others.
    """
    values: dict[str, float] = {}
    named = partial(metric_name, unit=unit_of(trained.spec))
    for score, measured in trained.evidence.candidate.items():
        values[score_name("test", named(score))] = measured.value
        values[score_name("test", f"{named(score)} low end")] = measured.low
        values[score_name("test", f"{named(score)} high end")] = measured.high
        if isinstance(measured, CalibrationInterval):
            values[score_name("test", f"{named(score)} by chance")] = measured.chance
    if trained.relative_errors is not None:
        values |= _shares_of_truth(trained.relative_errors[0])
    for score, measured in trained.evidence.gains.items():
        values[score_name("gain over baseline", named(score))] = measured.value
    for part, table in (("validation", trained.validation), ("test", trained.test_scores)):
        for kind, scores in table.items():
            values |= {score_name(part, kind, named(name)): value for name, value in scores.items()}
    return values


def _shares_of_truth(errors: RelativeErrors) -> dict[str, float]:
    """What is not finite, MLflow does not take."""
    named = {
        "share within 15 percent": errors.pred_15,
        "share within 25 percent": errors.pred_25,
        "median relative error": errors.md_mre,
        "standardised accuracy": errors.sa,
    }
    return {
        score_name("test", name): value
        for name, value in named.items()
        if value is not None and isfinite(value)
    }


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


def about(spec: ModelSpec) -> str:
    """The description of the registered model: what it predicts, and what the aliases mean."""
    return (
        f"Predicts {question(spec)}.\n\n`@{CHAMPION}` answers; `@{CHALLENGER}` competes for traffic"
        f" or waits for a promotion. Why an alias moved: `runlore versions {spec.name}`."
    )


def unit_of(spec: ModelSpec) -> str:
    """The unit of the prediction; empty for a probability."""
    return "" if isinstance(spec.question, Probability) else spec.question.unit
