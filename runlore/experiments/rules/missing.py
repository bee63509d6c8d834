"""Check whether outcomes are missing more often in one arm: then the known ones are biased."""

from collections.abc import Mapping
from dataclasses import dataclass

from runlore.experiments.rules import sequence
from runlore.experiments.rules.design import Design
from runlore.experiments.rules.estimate import cautious_arms, contrast
from runlore.experiments.rules.outcome_metric import Metric
from runlore.kernel.moments import moments_of_counts

LEVEL = 0.001  # False alarm rate of the check for missing outcomes, however often it is made
DECIDING = ("primary", "guardrail")
KNOWN = Metric("known", "proportion", "higher", "signal")


@dataclass(frozen=True)
class OutcomeCoverage:
    """Of `due` units, whose outcome should be known by now, so many have one."""

    due: int
    known: int

    @property
    def share(self) -> float:
        return self.known / self.due if self.due else 1.0


def are_apart(control: OutcomeCoverage, variant: OutcomeCoverage, level: float) -> bool:
    """Whether one arm's outcomes are shown to be known more often; may be asked at every look."""
    one, other = (
        moments_of_counts(coverage.due, coverage.known) for coverage in (control, variant)
    )
    return sequence.interval(contrast(cautious_arms(KNOWN, one, other)), level).leaves_out(0.0)


def missing(design: Design, known: Mapping[str, Mapping[str, OutcomeCoverage]]) -> tuple[str, ...]:
    """Describe which outcomes are missing. known: variant -> metric, where it may be unknown.

    Of metrics that decide; the level is shared out among them and the variants.
    """
    control = known[design.control]
    pairs = [
        (metric.name, name)
        for metric in design.metrics
        if metric.role in DECIDING and metric.name in control
        for name in design.treatments
    ]
    return tuple(
        _reason(metric, (design.control, control[metric]), (name, known[name][metric]))
        for metric, name in pairs
        if are_apart(control[metric], known[name][metric], LEVEL / len(pairs))
    )


def _reason(metric: str, *arms: tuple[str, OutcomeCoverage]) -> str:
    parts = " and ".join(
        f"{coverage.share:.1%} of the units of {name!r} ({coverage.known:,} of {coverage.due:,})"
        for name, coverage in arms
    )
    return f"outcomes are missing: {metric} is known of {parts}"
