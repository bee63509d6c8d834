"""The rule by which a challenger climbs, stored before it gets its first unit.

A spec declares it as `RolloutPolicy`, which holds the defaults; here are the metrics as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runlore.experiments.rules.design import LEAST_ALPHA
from runlore.experiments.rules.outcome_metric import Metric
from runlore.kernel.errors import BadInput
from runlore.specs.model_spec import RolloutPolicy

WHOLE = 100


@dataclass(frozen=True)
class RampPolicy:
    """steps: percent of units that the challenger answers, rising to 100.

    alpha: how often a challenger as good as the champion is ever rolled back, and one that loses
    more than is tolerated ever promoted, looked at without end. promote_when: the primary metrics
    are shown to be "not worse" than tolerated, or one of them to be "better" than the champion's.
    least_units: of the challenger, on each step, in every judged metric. least_known: the share of
    assigned units whose outcome must be known. freshest_s: the newest fact of either arm may be no
    older. most_pause_s: a longer time since the last decision is a jump of the clock.
    """

    metrics: tuple[Metric, ...]
    steps: tuple[int, ...] = RolloutPolicy.steps
    alpha: float = RolloutPolicy.alpha
    promote_when: Literal["not worse", "better"] = RolloutPolicy.promote_when
    least_units: int = RolloutPolicy.least_units
    least_time_s: float = RolloutPolicy.least_time_s
    least_known: float = RolloutPolicy.least_known
    freshest_s: float = RolloutPolicy.freshest_s
    most_pause_s: float = RolloutPolicy.most_pause_s
    narrowest_at_units: int = RolloutPolicy.narrowest_at_units

    def __post_init__(self) -> None:
        self._check_steps()
        self._check_metrics()
        if self.promote_when not in ("not worse", "better"):
            raise BadInput(f"promote_when: {self.promote_when!r} is unknown", "promote_when")
        if not LEAST_ALPHA <= self.alpha <= 0.5 or not 0 < self.least_known <= 1:
            raise BadInput(f"alpha {self.alpha} or least_known {self.least_known} is out of range")
        if self.least_units < 2 or self.narrowest_at_units < 1:
            raise BadInput("ramp: least_units from 2, narrowest_at_units from 1")
        if not (self.least_time_s >= 0 and self.freshest_s > 0 and self.most_pause_s > 0):
            raise BadInput("ramp: least_time_s from 0, freshest_s and most_pause_s above 0")

    def _check_steps(self) -> None:
        pairs = zip(self.steps, self.steps[1:], strict=False)
        is_rising = all(one < other for one, other in pairs)
        if len(self.steps) < 2 or self.steps[0] < 1 or self.steps[-1] != WHOLE or not is_rising:
            raise BadInput(f"steps: {self.steps} do not rise from 1 or more to 100", "steps")

    def _check_metrics(self) -> None:
        names = [metric.name for metric in self.metrics]
        if len(set(names)) < len(names):
            raise BadInput(f"ramp: two metrics have one name, {names}", "metrics")
        if not any(metric.role == "primary" for metric in self.metrics):
            raise BadInput("ramp: needs a primary metric, which promotes", "metrics")
        for metric in self.judged:
            if not metric.tolerated_loss:
                raise BadInput(
                    f"{metric.role} {metric.name!r}: give a tolerated_loss above 0; that nothing "
                    "at all is lost can never be shown"
                )

    @property
    def judged(self) -> tuple[Metric, ...]:
        """The metrics that must be shown to keep their tolerated loss."""
        return tuple(metric for metric in self.metrics if metric.role in ("primary", "guardrail"))

    def after(self, step: int) -> int:
        return self.steps[self.steps.index(step) + 1]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RampPolicy":
        """What `as_json` wrote."""
        metrics = tuple(Metric(**metric) for metric in data["metrics"])
        return cls(**{**data, "metrics": metrics, "steps": tuple(data["steps"])})
