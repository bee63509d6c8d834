"""Compare one metric of one variant with the control."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from runlore.experiments.rules import fixed_horizon, loss, sequence
from runlore.experiments.rules.design import DecisionRule
from runlore.experiments.rules.estimate import Arm, arms, cautious_arms, contrast
from runlore.experiments.rules.fixed_horizon import TestResult
from runlore.experiments.rules.loss import LossAnswer, Pair
from runlore.experiments.rules.outcome_metric import Metric
from runlore.experiments.rules.quantiles import quantile_interval, quantile_p_value
from runlore.experiments.rules.sequence import NOTHING_KNOWN
from runlore.experiments.rules.sketch import Sketch
from runlore.experiments.rules.skewness import SkewedMean, check_skewness
from runlore.kernel.intervals import Interval
from runlore.kernel.moments import Moments

Answer = Literal["better", "worse", "no difference shown"]

STATSMODELS = {"bonferroni": "bonferroni", "holm": "holm", "benjamini-hochberg": "fdr_bh"}


@dataclass(frozen=True)
class VariantComparison:
    """interval: of variant - control; where a family is corrected, of all of it together.

    units: of control and variant. adjusted_p: after the correction; it decides `answer`.
    effect_size: Cohen's h of a proportion, Cohen's d of a mean; NaN of a quantile. withheld: why
    nothing is said of this difference yet; needs_units: of each variant until something is.
    """

    metric: str
    variant: str
    units: tuple[int, int]
    control_value: float
    variant_value: float
    interval: Interval
    p_value: float
    effect_size: float
    loss: LossAnswer
    adjusted_p: float = 1.0
    answer: Answer = "no difference shown"
    withheld: str = ""
    needs_units: int = 0

    @property
    def difference(self) -> float:
        return self.variant_value - self.control_value

    @property
    def relative(self) -> float:
        """The difference as a share of the control's value."""
        return self.difference / abs(self.control_value) if self.control_value else math.nan


def compare(
    metric: Metric,
    variant: str,
    pair: Pair,
    rule: DecisionRule,
    together: int = 1,
    *,
    decides: bool = True,
) -> VariantComparison:
    """pair: control and variant. together: comparisons of the family, which share alpha.

    decides: under a fixed horizon, whether this is its one look; before it, losses are judged as
    under any horizon.
    """
    for statistics in pair:
        metric.check(statistics)
    control, other = pair
    alpha = rule.alpha / (1 if rule.correction == "none" else together)
    if isinstance(control, Sketch) and isinstance(other, Sketch):
        values = (control.quantile(metric.quantile), other.quantile(metric.quantile))
        result = _test_quantiles(metric, control, other, rule, alpha)
    elif isinstance(control, Moments) and isinstance(other, Moments):
        of_arms = arms(metric, control, other)
        values = (of_arms[0].value, of_arms[1].value)
        result = _test_moments(metric, control, other, rule, alpha)
    comparison = VariantComparison(
        metric=metric.name,
        variant=variant,
        units=(control.n, other.n),
        control_value=values[0],
        variant_value=values[1],
        interval=result.interval,
        p_value=result.p_value,
        effect_size=result.effect_size,
        loss=loss.answer(_excess(metric, pair, rule, decides=decides)),
    )
    skewed = skewed_mean(metric, pair)
    return comparison if skewed is None else withhold(comparison, skewed.reason, skewed.needed)


def skewed_mean(metric: Metric, pair: Pair) -> SkewedMean | None:
    """Return what the comparison waits for, if a mean is too skewed for its units."""
    control, other = pair
    if not (isinstance(control, Moments) and isinstance(other, Moments)):
        return None
    return check_skewness(metric, control, other)


def withhold(comparison: VariantComparison, reason: str, needs_units: int = 0) -> VariantComparison:
    """The comparison with nothing said of the difference: no bounds, no p-value, no loss."""
    return replace(
        comparison,
        interval=NOTHING_KNOWN,
        p_value=1.0,
        loss="open",
        withheld=reason,
        needs_units=needs_units,
    )


def adjusted(
    comparisons: Sequence[VariantComparison], metrics: Sequence[Metric], rule: DecisionRule
) -> list[VariantComparison]:
    """A family of comparisons with its p-values corrected, and what each answers.

    Anytime p-values are reciprocals of e-values, so Benjamini-Hochberg over them is e-BH.
    """
    signs = {metric.name: metric.sign for metric in metrics}
    p_values = [comparison.p_value for comparison in comparisons]
    if rule.correction != "none" and len(p_values) > 1:
        from statsmodels.stats.multitest import multipletests

        method = STATSMODELS[rule.correction]
        p_values = multipletests(p_values, rule.alpha, method)[1].tolist()
    return [
        replace(
            comparison,
            adjusted_p=p,
            answer=_answer(comparison.difference * signs[comparison.metric], p, rule),
        )
        for comparison, p in zip(comparisons, p_values, strict=True)
    ]


def _answer(lost: float, p_value: float, rule: DecisionRule) -> Answer:
    if not p_value <= rule.alpha or not lost:
        return "no difference shown"
    return "worse" if lost > 0 else "better"


def _excess(metric: Metric, pair: Pair, rule: DecisionRule, *, decides: bool) -> Interval:
    if rule.horizon == "fixed" and decides:
        return loss.excess_once(metric, pair, rule.alpha)
    sides = loss.sides(metric, [pair], is_only=True)
    return loss.excess(sides, metric.tolerated_loss, rule.alpha, rule.narrowest_at_units)


def _test_quantiles(
    metric: Metric, control: Sketch, other: Sketch, rule: DecisionRule, alpha: float
) -> TestResult:
    """Anytime-valid under either horizon: for a fixed one it is only wider than it need be."""
    arguments = (control, other, metric.quantile, alpha, rule.narrowest_at_units)
    return TestResult(quantile_p_value(*arguments), quantile_interval(*arguments), math.nan)


def _test_moments(
    metric: Metric, control: Moments, other: Moments, rule: DecisionRule, alpha: float
) -> TestResult:
    is_plain = metric.kind == "proportion" and not metric.has_covariate
    if rule.horizon == "fixed":
        if is_plain:
            return fixed_horizon.two_proportions(control, other, alpha)
        return fixed_horizon.welch(*arms(metric, control, other), alpha)
    apart = contrast(cautious_arms(metric, control, other))
    return TestResult(
        sequence.p_value(apart, alpha, rule.narrowest_at_units),
        sequence.interval(apart, alpha, rule.narrowest_at_units),
        _effect_size(arms(metric, control, other), is_plain=is_plain),
    )


def _effect_size(pair: tuple[Arm, Arm], *, is_plain: bool) -> float:
    control, variant = pair
    if is_plain:
        return fixed_horizon.cohens_h(control.value, variant.value)
    spread = (control.spread + variant.spread) / 2
    return (variant.value - control.value) / math.sqrt(spread) if spread > 0 else math.nan
