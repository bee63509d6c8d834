"""What was planned of a period's work, and what it took, as a report says it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from runlore.kernel.readable import readable_number, readable_quantity


@dataclass(frozen=True)
class PlannedRow:
    """Tasks of a pool that ended in the period, and that the last plan before their start named.

    in_time: ended by when the plan said that they end with 80 %. planned_h, run_h: slot-hours.
    planned_cost, cost: of these hours in the pool; 0 where it has no cost.
    """

    pool: str
    tasks: int
    in_time: int
    planned_h: float
    run_h: float
    planned_cost: float
    cost: float


def plan_sentences(plans: Sequence[PlannedRow]) -> list[str]:
    """For the beginning of the report; nothing where no plan named what was done."""
    tasks = sum(row.tasks for row in plans)
    if not tasks:
        return []
    planned, took = (sum(getattr(row, name) for row in plans) for name in ("planned_h", "run_h"))
    in_time = sum(row.in_time for row in plans)
    return [
        f"{readable_number(tasks)} executions were planned before they began: they took"
        f" {readable_quantity(took, 'h')} of {readable_quantity(planned, 'h')} planned, and"
        f" {readable_number(in_time)} ended in time."
    ]
