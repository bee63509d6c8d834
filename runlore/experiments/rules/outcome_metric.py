"""What is compared: a metric is data, written down before the first unit comes."""

from dataclasses import dataclass
from typing import Literal

from runlore.experiments.rules.sketch import Sketch
from runlore.kernel.errors import BadInput
from runlore.kernel.moments import Moments, no_moments

Kind = Literal["proportion", "mean", "ratio", "quantile"]
Role = Literal["primary", "secondary", "guardrail", "signal"]
Better = Literal["higher", "lower"]
Statistics = Moments | Sketch

KINDS = ("proportion", "mean", "ratio", "quantile")
LEAST_QUANTILE = 1e-6  # the distance a quantile must keep from 0 and from 1

ROLES = ("primary", "secondary", "guardrail", "signal")


@dataclass(frozen=True)
class Metric:
    """One outcome per unit, and what it is for.

    primary: what is to become better. secondary: shown, decides nothing. guardrail: must not lose
    more than `tolerated_loss`. signal: a loss beyond it makes a rollout wait.
    loss_is: `tolerated_loss` is a share of the control's value, or in the metric's own unit.
    quantile: which one, for that kind. has_covariate: each unit has a value from before the test
    that sharpens the comparison (CUPED).
    """

    name: str
    kind: Kind
    better: Better
    role: Role = "primary"
    tolerated_loss: float = 0.0
    loss_is: Literal["relative", "absolute"] = "relative"
    quantile: float = 0.5
    has_covariate: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise BadInput("metric: the name is empty", "metrics")
        if self.kind not in KINDS or self.role not in ROLES:
            raise BadInput(f"metric {self.name!r}: no kind {self.kind!r} or role {self.role!r}")
        if self.better not in ("higher", "lower"):
            raise BadInput(f"metric {self.name!r}: better is higher or lower, not {self.better!r}")
        if self.loss_is not in ("relative", "absolute"):
            raise BadInput(f"metric {self.name!r}: loss_is {self.loss_is!r} is unknown")
        if not 0 <= self.tolerated_loss < float("inf"):
            raise BadInput(f"metric {self.name!r}: tolerated_loss {self.tolerated_loss} is below 0")
        if self.role == "guardrail" and not self.tolerated_loss:
            raise BadInput(
                f"guardrail {self.name!r}: give a tolerated_loss above 0; that nothing at all is "
                "lost can never be shown"
            )
        if not LEAST_QUANTILE <= self.quantile <= 1 - LEAST_QUANTILE or (
            self.has_covariate and self.kind == "quantile"
        ):
            raise BadInput(
                f"metric {self.name!r}: quantile {self.quantile}, or a covariate with it"
            )

    @property
    def sign(self) -> int:
        """Times a difference: above 0 is a loss."""
        return 1 if self.better == "lower" else -1

    @property
    def values(self) -> int:
        """How many values each unit brings."""
        return (2 if self.kind == "ratio" else 1) + self.has_covariate

    def check(self, statistics: Statistics) -> None:
        """Whether statistics are this metric's; BadInput with what is wrong."""
        if isinstance(statistics, Sketch) != (self.kind == "quantile"):
            raise BadInput(
                f"metric {self.name!r}: {type(statistics).__name__} is not for a {self.kind}"
            )
        if isinstance(statistics, Moments) and len(statistics.means) != self.values:
            raise BadInput(
                f"metric {self.name!r}: {len(statistics.means)} values per unit, "
                f"needs {self.values}"
            )


def no_statistics(metric: Metric) -> Statistics:
    """The statistics of a variant without units."""
    return Sketch() if metric.kind == "quantile" else no_moments(metric.values)
