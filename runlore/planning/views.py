"""Estimates as people and programs read them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from runlore.kernel.readable import readable_quantity, readable_share
from runlore.planning.actions.estimates import DURATION, INPUT, TaskEstimate
from runlore.planning.rules.estimator import InputEffect
from runlore.records.execution import Scalar

BYTES = "_bytes"
MOST_SHOWN = 60  # characters of a value


@dataclass(frozen=True)
class SimilarTask:
    id: str
    amount: float


@dataclass(frozen=True)
class PromiseView:
    """The promise that the truth lies within 15 %. probability: that it does, of this task.

    share: of past tasks that would have been promised; kept, kept_low: of those, what came true,
    with the low end of its 95 % interval.
    """

    is_made: bool
    reason: str
    probability: float
    threshold: float | None
    share: float
    kept: float | None
    kept_low: float | None


@dataclass(frozen=True)
class EvidenceView:
    """tasks: finished ones that were learned from; held_out: those that errors were measured on.

    similarity: the share of past tasks whose nearest one is no nearer than this task's.
    champion: what became of the registered model; empty: there is none.
    """

    tasks: int
    held_out: int
    validation: str
    similarity: float
    alike: tuple[SimilarTask, ...]
    unknown: tuple[str, ...]
    models: Mapping[str, float]
    mae: float
    mae_median: float
    sa: float | None
    md_mre: float
    pred_15: float
    pred_25: float
    coverage: Mapping[str, float]
    champion: str = ""


@dataclass(frozen=True)
class InputEffectView:
    """change: against the same task with the usual value; 0.5: half as much more."""

    input: str
    value: Scalar
    usual: str | float
    change: float


@dataclass(frozen=True)
class EstimateView:
    kind: str
    measure: str
    unit: str
    value: float
    quantiles: Mapping[str, float]
    reasons: tuple[InputEffectView, ...]
    promise: PromiseView
    evidence: EvidenceView
    learned_at: datetime


def show_estimate(made: TaskEstimate) -> EstimateView:
    estimate, estimator = made.estimate, made.learned.estimator
    tasks = made.learned.tasks
    alike = (tasks[at] for at in estimate.alike)
    return EstimateView(
        kind=made.task.kind,
        measure=made.task.measure,
        unit=unit_of(made.task.measure),
        value=estimate.value,
        quantiles={f"{level:g}": value for level, value in estimate.quantiles.items()},
        reasons=tuple(_effect(one) for one in made.reasons),
        promise=_show_promise(made),
        evidence=EvidenceView(
            tasks=len(tasks),
            held_out=len(estimator.held.at),
            validation=estimator.held.validation,
            similarity=estimate.similarity,
            alike=tuple(SimilarTask(task.source_id, task.amount or 0.0) for task in alike),
            unknown=tuple(name.removeprefix(INPUT) for name in estimate.unknown),
            models=estimator.weights,
            **vars(estimator.scores),
            champion=estimator.champion_note,
        ),
        learned_at=made.learned.learned_at,
    )


def _effect(one: InputEffect) -> InputEffectView:
    value = one.value if isinstance(one.value, str | float | int | None) else str(one.value)
    return InputEffectView(one.name.removeprefix(INPUT), value, one.usual, one.change)


def _show_promise(made: TaskEstimate) -> PromiseView:
    estimate = made.estimate
    first = (estimate.is_promised, estimate.reason, estimate.within_15)
    if made.promise is None:
        own = made.learned.estimator.promise
        return PromiseView(*first, own.threshold, own.share, own.kept, own.kept_low)
    scores = made.promise.scores
    return PromiseView(*first, made.promise.threshold, scores.share, scores.kept, scores.low)


def unit_of(measure: str) -> str:
    """Of a measure, as its name says it; empty: not known.

    >>> unit_of("duration_s"), unit_of("peak_memory_bytes"), unit_of("cost")
    ('s', 'bytes', '')
    """
    if measure == DURATION or measure.endswith("_s"):
        return "s"
    return "bytes" if measure.endswith(BYTES) else ""


def explain_estimate(view: EstimateView) -> list[str]:
    """Sentences for a terminal, the estimate first."""

    def text(value: float) -> str:
        return readable_quantity(value, view.unit).strip()

    low, high = view.quantiles["0.1"], view.quantiles["0.9"]
    evidence = view.evidence
    reasons = [
        f"{one.input} {_plain(one.value)} (usually {_plain(one.usual)}) {one.change:+.0%}"
        for one in view.reasons
    ]
    weights = [
        f"{name} {readable_share(round(weight, 2))}" for name, weight in evidence.models.items()
    ]
    nearest = [text(one.amount) for one in evidence.alike]
    lines = [
        f"{view.measure} of {view.kind}: {text(view.value)} (80 %: {text(low)} to {text(high)})",
        f"  {view.promise.reason}",
        f"  moved by: {'; '.join(reasons) or 'nothing that is known of it'}",
        f"  evidence: {evidence.tasks} finished tasks; similarity"
        f" {readable_share(evidence.similarity)}; nearest: {', '.join(nearest)}",
        f"  on {evidence.held_out} tasks held out ({evidence.validation}): mean error"
        f" {text(evidence.mae)}, of the median {text(evidence.mae_median)};"
        f" within 25 %: {readable_share(evidence.pred_25)}",
        f"  models: {', '.join(weights)}",
    ]
    if evidence.champion:
        lines.append(f"  champion: {evidence.champion}")
    if evidence.unknown:
        lines.append(f"  not known: {', '.join(evidence.unknown)}")
    return lines


def _plain(value: Scalar) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:MOST_SHOWN]
