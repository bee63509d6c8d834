"""Figures for a sample of fixed size, beside the comparison that may be looked at at any time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runlore.experiments.rules import fixed_horizon
from runlore.experiments.rules.analysis import Observed
from runlore.experiments.rules.design import Design
from runlore.experiments.rules.estimate import Arm, arms
from runlore.experiments.rules.fixed_horizon import TestResult
from runlore.experiments.rules.outcome_metric import Metric
from runlore.kernel.moments import Moments

POWER = 0.8


@dataclass(frozen=True)
class FixedSizeResult:
    """Right only when looked at once, at a size chosen before.

    method: "two-proportion z" or "Welch t". effect_size: Cohen's h, or d. power: of these units
    for the difference arm. units_needed: of the control, to see it with a power of 80 %; None
    where none was found. chi_square_p: that all variants are the same, for a proportion.
    """

    metric: str
    variant: str
    method: str
    p_value: float
    effect_size: float
    power: float
    units_needed: int | None
    chi_square_p: float | None


def fixed_figures(design: Design, observed: Mapping[str, Observed]) -> tuple[FixedSizeResult, ...]:
    """Of every metric but quantiles, variant by variant."""
    return tuple(
        figures
        for metric in design.metrics
        if metric.kind != "quantile"
        for figures in _of_metric(design, metric, observed)
    )


def _of_metric(
    design: Design, metric: Metric, observed: Mapping[str, Observed]
) -> Sequence[FixedSizeResult]:
    statistics = {name: arm.metrics[metric.name] for name, arm in observed.items()}
    moments = {name: arm for name, arm in statistics.items() if isinstance(arm, Moments)}
    chi_square = None
    if _is_plain(metric):
        chi_square = fixed_horizon.chi_square(list(moments.values()))
    control = moments[design.control]
    return [
        _compared(metric, name, (control, moments[name]), design.rule.alpha, chi_square)
        for name in design.treatments
    ]


def _compared(
    metric: Metric,
    variant: str,
    pair: tuple[Moments, Moments],
    alpha: float,
    chi_square: float | None,
) -> FixedSizeResult:
    if _is_plain(metric):
        method, result = "two-proportion z", fixed_horizon.two_proportions(*pair, alpha)
        values = pair[0].means[0], pair[1].means[0]
        power, needed = _of_proportions(values, pair, alpha)
    else:
        both = arms(metric, *pair)
        method, result = "Welch t", fixed_horizon.welch(*both, alpha)
        power, needed = _of_means(both, result, alpha)
    effect = result.effect_size
    return FixedSizeResult(
        metric.name, variant, method, result.p_value, effect, power, needed, chi_square
    )


def _of_proportions(
    values: tuple[float, float], pair: tuple[Moments, Moments], alpha: float
) -> tuple[float, int | None]:
    if not min(pair[0].n, pair[1].n) or values[0] == values[1]:
        return math.nan, None
    weight = pair[1].n / pair[0].n
    power = fixed_horizon.power_of_proportions(*values, pair[0].n, alpha, weight)
    return power, fixed_horizon.units_for_proportions(*values, alpha, POWER, weight)


def _of_means(both: tuple[Arm, Arm], result: TestResult, alpha: float) -> tuple[float, int | None]:
    """Cohen's d is the difference in standard deviations, which is all that power takes."""
    control, variant = both
    if min(control.n, variant.n) < 2 or not result.effect_size:
        return math.nan, None
    effect, weight = abs(result.effect_size), variant.n / control.n
    if effect > fixed_horizon.SURE:
        return 1.0, fixed_horizon.FEWEST
    power = fixed_horizon.power_of_means(effect, 1.0, control.n, alpha, weight)
    return power, fixed_horizon.units_for_means(effect, 1.0, alpha, POWER, weight)


def _is_plain(metric: Metric) -> bool:
    return metric.kind == "proportion" and not metric.has_covariate
