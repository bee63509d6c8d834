"""Health in sentences."""

from runlore.kernel.readable import readable_number, readable_share
from runlore.signals.rules.health.health import HealthFit, PartWeight
from runlore.signals.rules.health.health_states import (
    LEAST_ENDED,
    LEAST_USUAL_DAYS,
    USUAL_DAYS,
    PartName,
)

TITLES: dict[PartName, str] = {
    "incidents": "anomalies and incidents",
    "regressions": "regressions",
    "limits": "forecasts near limits",
    "objectives": "error budgets",
    "failures": "recent failures",
    "freshness": "freshness of data",
}


def describe_weight(weight: PartWeight, fit: HealthFit) -> str:
    """What a part said about later failures.

    >>> fit = HealthFit("predicted", 100, 100, 20, 0.2, ())
    >>> describe_weight(PartWeight(12, 4, 1.2, 0.7, 2.1), fit)
    'says nothing about later failures here (n = 12)'
    """
    odds, low, high = weight.odds, weight.low, weight.high
    is_said = weight.weight and fit.status == "predicted"
    if not is_said or odds is None or low is None or high is None:
        return f"says nothing about later failures here (n = {weight.n})"
    return (
        f"odds of more failures than usual the day after: × {readable_number(odds)}"
        f" ({readable_number(low)} to {readable_number(high)}); n = {weight.n},"
        f" {weight.bad} of them with more"
    )


def describe_unusual(days: float) -> str:
    """Why a scope has no health of its own."""
    return (
        f"{days:.0f} of the last {USUAL_DAYS} days have {LEAST_ENDED} executions that ended;"
        f" {LEAST_USUAL_DAYS} are needed to say what is usual"
    )


def describe_failures(ended: float, failed: float, share: float, bound: float) -> str:
    if not ended:
        return "nothing ended in the last 24 h"
    return (
        f"{failed:.0f} of {ended:.0f} failed in the last 24 h ({readable_share(failed / ended)});"
        f" usual: {readable_share(share)}, up to {readable_share(bound)} on most days"
    )
