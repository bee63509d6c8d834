"""Estimates of projects as people and programs read them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from runlore.kernel.readable import readable_quantity, readable_share
from runlore.planning.actions.project_estimates import ProjectAmount, ProjectEstimate
from runlore.planning.views import PromiseView, show_estimate, unit_of

MOST_LINES = 20  # tasks that a terminal shows


@dataclass(frozen=True)
class ProjectAmountView:
    """value: the median. within_15: the simulated share within 15 % of it; no promise."""

    value: float
    quantiles: Mapping[str, float]
    within_15: float


@dataclass(frozen=True)
class ProjectTaskView:
    """critical: how often it is on the longest path; null: the measure is no time."""

    id: str
    kind: str
    after: tuple[str, ...]
    value: float
    quantiles: Mapping[str, float]
    critical: float | None
    promise: PromiseView
    similarity: float
    tasks: int


@dataclass(frozen=True)
class ProjectView:
    """total: the sum of all tasks. span: from the first start to the last end, with as many tasks
    at once as dependencies allow; null: the measure is no time.

    correlations: of the errors of two tasks, by kind.
    """

    measure: str
    unit: str
    total: ProjectAmountView
    span: ProjectAmountView | None
    correlations: Mapping[str, float]
    tasks: tuple[ProjectTaskView, ...]
    learned_at: datetime


def show_project(made: ProjectEstimate) -> ProjectView:
    """learned_at: the oldest of its kinds'."""
    measure = made.parts[0].task.measure
    return ProjectView(
        measure=measure,
        unit=unit_of(measure),
        total=_amount(made.total),
        span=None if made.span is None else _amount(made.span),
        correlations=made.correlations,
        tasks=_tasks(made),
        learned_at=min(part.learned.learned_at for part in made.parts),
    )


def _tasks(made: ProjectEstimate) -> tuple[ProjectTaskView, ...]:
    shown = []
    for one, part, critical in zip(made.tasks, made.parts, made.critical, strict=True):
        view = show_estimate(part)
        shown.append(
            ProjectTaskView(
                id=one.id,
                kind=view.kind,
                after=one.after,
                value=view.value,
                quantiles=view.quantiles,
                critical=None if made.span is None else critical,
                promise=view.promise,
                similarity=view.evidence.similarity,
                tasks=view.evidence.tasks,
            )
        )
    return tuple(shown)


def _amount(amount: ProjectAmount) -> ProjectAmountView:
    quantiles = {f"{level:g}": value for level, value in amount.quantiles.items()}
    return ProjectAmountView(amount.value, quantiles, amount.within_15)


def explain_project(view: ProjectView) -> list[str]:
    """Sentences for a terminal, the whole first."""

    def amount(value: float, quantiles: Mapping[str, float]) -> str:
        low, high = (
            readable_quantity(quantiles[level], view.unit).strip() for level in ("0.1", "0.9")
        )
        return f"{readable_quantity(value, view.unit).strip()} (80 %: {low} to {high})"

    total = amount(view.total.value, view.total.quantiles)
    lines = [f"{view.measure} of {len(view.tasks)} tasks: {total}"]
    if view.span is not None:
        lines.append(f"  from start to end: {amount(view.span.value, view.span.quantiles)}")
    ordered = sorted(view.tasks, key=lambda task: -(task.critical or 0.0))
    for task in ordered[:MOST_LINES]:
        critical = "" if task.critical is None else f"; critical {readable_share(task.critical)}"
        promised = "; promised" if task.promise.is_made else ""
        lines.append(
            f"  {task.id} ({task.kind}): {amount(task.value, task.quantiles)}{critical}{promised}"
        )
    if len(view.tasks) > MOST_LINES:
        lines.append(f"  and {len(view.tasks) - MOST_LINES} more; --json shows all")
    shared = [f"{kind} {value:.2g}" for kind, value in sorted(view.correlations.items())]
    lines.append(f"  correlation of errors: {', '.join(shared)}")
    return lines
