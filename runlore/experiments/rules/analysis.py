"""Analyse a test: a pure function of its design and its units' statistics."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from runlore.experiments.rules import fixed_horizon, sample_ratio
from runlore.experiments.rules.comparison import (
    VariantComparison,
    adjusted,
    compare,
    skewed_mean,
    withhold,
)
from runlore.experiments.rules.design import Design
from runlore.experiments.rules.missing import DECIDING, OutcomeCoverage, missing
from runlore.experiments.rules.outcome_metric import Metric, Statistics
from runlore.experiments.rules.sample_ratio import SampleRatio, UnitSplit
from runlore.experiments.rules.skewness import SkewedMean
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import BadInput
from runlore.kernel.moments import Moments

Answer = Literal["not yet", "winner", "no winner", "invalid"]


@dataclass(frozen=True)
class Observed:
    """assigned: units that got this variant. metrics: by name, of units whose value is known.

    known: by name, of metrics that a unit without events has no value of.
    """

    assigned: int
    metrics: Mapping[str, Statistics]
    known: Mapping[str, OutcomeCoverage] = field(default_factory=dict)


@dataclass(frozen=True)
class Analysis:
    """answer: "not yet" may change, "invalid" must be looked into.

    is_final: the design's rule has spoken; the caller keeps this analysis and ends the test.
    winner: the control's name when every variant is worse. chi_square: under a fixed horizon, for
    each proportion the p-value of "all variants are the same", uncorrected; decides nothing.
    missing: outcomes that one variant has less often than the control, or more often.
    """

    answer: Answer
    winner: str | None
    is_final: bool
    comparisons: tuple[VariantComparison, ...]
    sample_ratio: SampleRatio
    chi_square: Mapping[str, float]
    reasons: tuple[str, ...]
    missing: tuple[str, ...] = ()


def analyse_metrics(
    design: Design,
    observed: Mapping[str, Observed],
    elapsed_s: float,
    undecidable: Mapping[str, str] = MappingProxyType({}),
) -> Analysis:
    """observed: of every variant by name. elapsed_s: since the test started.

    undecidable: metric -> why nothing may be concluded from it; with one the test is not decided.
    Under a fixed horizon shares and losses are judged by checks for one look only at the look that
    decides; at those before it by checks that hold at every look.
    Raises BadInput when a variant or a metric is missing, or statistics are of another kind.
    """
    _check(design, observed)
    waiting = (*undecidable.values(), *_waiting(design, observed, elapsed_s))
    ratio = _ratio(design, observed, decides=not waiting)
    faults = _faults(design, observed)
    lost = missing(design, {name: arm.known for name, arm in observed.items()})
    compared = () if faults else _comparisons(design, observed, decides=not waiting)
    comparisons = tuple(_withheld(comparison, undecidable) for comparison in compared)
    doubts = faults or _doubts(ratio, lost)
    answer, winner, reasons = _verdict(design, comparisons, doubts, waiting)
    is_fixed_over = design.rule.horizon == "fixed" and not waiting and answer != "invalid"
    return Analysis(
        answer=answer,
        winner=winner,
        is_final=answer == "winner" or is_fixed_over,
        comparisons=comparisons,
        sample_ratio=ratio,
        chi_square={} if faults or undecidable else _chi_square(design, observed),
        reasons=reasons,
        missing=lost,
    )


def _withheld(comparison: VariantComparison, undecidable: Mapping[str, str]) -> VariantComparison:
    reason = undecidable.get(comparison.metric)
    if reason is None:
        return comparison
    return replace(withhold(comparison, reason), adjusted_p=1.0, answer="no difference shown")


def _check(design: Design, observed: Mapping[str, Observed]) -> None:
    names = {variant.name for variant in design.variants}
    if set(observed) != names:
        raise BadInput(
            f"test {design.name!r}: observed {sorted(observed)}, but its variants are "
            f"{sorted(names)}"
        )
    for name, arm in observed.items():
        for metric in design.metrics:
            if metric.name not in arm.metrics:
                raise BadInput(f"test {design.name!r}: {name!r} has no metric {metric.name!r}")
            metric.check(arm.metrics[metric.name])


def _ratio(design: Design, observed: Mapping[str, Observed], *, decides: bool) -> SampleRatio:
    units = {name: arm.assigned for name, arm in observed.items()}
    split = UnitSplit(units, design.shares)
    if design.rule.horizon == "fixed" and decides:
        return sample_ratio.check_once(split)
    return sample_ratio.watch([split])


def _faults(design: Design, observed: Mapping[str, Observed]) -> tuple[str, ...]:
    faults = []
    for name, arm in observed.items():
        for metric in design.metrics:
            statistics = arm.metrics[metric.name]
            if not statistics.is_finite:
                faults.append(f"{metric.name} of {name!r} holds values that are no numbers")
            elif statistics.n > arm.assigned:
                faults.append(
                    f"{metric.name} of {name!r} counts {statistics.n:,} units, but it was assigned "
                    f"{arm.assigned:,}: some are counted twice"
                )
    return tuple(faults)


def _doubts(ratio: SampleRatio, lost: tuple[str, ...]) -> tuple[str, ...]:
    """Why variants may not be compared, whatever they show."""
    if ratio.is_mismatch:
        return (ratio.reason, *lost)
    return lost


def _waiting(design: Design, observed: Mapping[str, Observed], elapsed_s: float) -> tuple[str, ...]:
    least, rule = min(_primary_units(design, observed)), design.rule
    reasons = []
    if least < rule.least_units:
        reasons.append(
            f"the smallest variant has {least:,} units; a decision needs {rule.least_units:,}"
        )
    if not elapsed_s >= rule.least_time_s:
        reasons.append(
            f"it has run {elapsed_s / HOUR_S:.1f} h; "
            f"a decision needs {rule.least_time_s / HOUR_S:.1f}"
        )
    if rule.horizon == "fixed" and not _faults(design, observed):
        reasons += [skewed.reason for skewed in _skewed(design, observed)]
    return tuple(reasons)


def _skewed(design: Design, observed: Mapping[str, Observed]) -> Iterator[SkewedMean]:
    """What the metrics that decide wait for; a fixed horizon has one look, which must not be lost.

    Of several variants of one metric the one that needs most.
    """
    control = observed[design.control].metrics
    for metric in design.metrics:
        pairs = [
            (control[metric.name], observed[name].metrics[metric.name])
            for name in design.treatments
            if metric.role in DECIDING
        ]
        skewed = [one for pair in pairs if (one := skewed_mean(metric, pair)) is not None]
        if skewed:
            yield max(skewed, key=lambda one: one.needed)


def _primary_units(design: Design, observed: Mapping[str, Observed]) -> list[int]:
    return [arm.metrics[m.name].n for arm in observed.values() for m in design.primary]


def _comparisons(
    design: Design, observed: Mapping[str, Observed], *, decides: bool
) -> tuple[VariantComparison, ...]:
    """The primary metrics are one family, the others another."""
    others = [metric for metric in design.metrics if metric.role != "primary"]
    return tuple(
        comparison
        for metrics in (design.primary, others)
        for comparison in _family(design, observed, metrics, decides=decides)
    )


def _family(
    design: Design, observed: Mapping[str, Observed], metrics: Sequence[Metric], *, decides: bool
) -> list[VariantComparison]:
    together = max(len(metrics) * len(design.treatments), 1)
    control = observed[design.control].metrics
    comparisons = [
        compare(
            metric,
            name,
            (control[metric.name], observed[name].metrics[metric.name]),
            design.rule,
            together,
            decides=decides,
        )
        for metric in metrics
        for name in design.treatments
    ]
    return adjusted(comparisons, metrics, design.rule)


def _chi_square(design: Design, observed: Mapping[str, Observed]) -> dict[str, float]:
    p_values: dict[str, float] = {}
    if design.rule.horizon == "anytime":
        return p_values
    for metric in design.metrics:
        statistics = [observed[variant.name].metrics[metric.name] for variant in design.variants]
        moments = [one for one in statistics if isinstance(one, Moments)]
        if metric.kind == "proportion":
            p_values[metric.name] = fixed_horizon.chi_square(moments)
    return p_values


def _verdict(
    design: Design,
    comparisons: tuple[VariantComparison, ...],
    doubts: tuple[str, ...],
    waiting: tuple[str, ...],
) -> tuple[Answer, str | None, tuple[str, ...]]:
    if doubts:
        return "invalid", None, doubts
    if waiting:
        return "not yet", None, waiting
    standings = {name: _standing(design, comparisons, name) for name in design.treatments}
    reasons = tuple(reason for _, reason in standings.values())
    better = [name for name, (standing, _) in standings.items() if standing == "better"]
    if better:
        return "winner", _best(design, comparisons, better), reasons
    if all(standing == "worse" for standing, _ in standings.values()):
        return "winner", design.control, reasons
    return "no winner" if design.rule.horizon == "fixed" else "not yet", None, reasons


def _standing(
    design: Design, comparisons: tuple[VariantComparison, ...], name: str
) -> tuple[Literal["better", "worse", "open"], str]:
    """Better in a primary metric, worse in none, with every guardrail shown to be kept."""
    roles = {metric.name: metric.role for metric in design.metrics}
    mine = [comparison for comparison in comparisons if comparison.variant == name]
    primary = [comparison for comparison in mine if roles[comparison.metric] == "primary"]
    worse = [comparison for comparison in primary if comparison.answer == "worse"]
    better = [comparison for comparison in primary if comparison.answer == "better"]
    guards = [
        comparison
        for comparison in mine
        if roles[comparison.metric] == "guardrail" and comparison.loss != "kept"
    ]
    summary = "; ".join(_summary(comparison) for comparison in [*primary, *guards])
    if any(comparison.loss == "broken" for comparison in guards) or (worse and not better):
        return "worse", f"{name} is worse: {summary}"
    if worse:
        return "open", f"{name} is better in one metric and worse in another: {summary}"
    if better and not guards:
        return "better", f"{name} is better: {summary}"
    if better:
        return "open", f"{name} is better, but its guardrails are not shown to be kept: {summary}"
    return "open", f"{name}: {summary}"


def _best(design: Design, comparisons: tuple[VariantComparison, ...], names: Sequence[str]) -> str:
    """Of several winners the one with the largest gain in the first primary metric."""
    first = design.primary[0]
    gains = {
        comparison.variant: -first.sign * comparison.difference
        for comparison in comparisons
        if comparison.metric == first.name and comparison.variant in names
    }
    return max(gains, key=lambda name: gains[name])


def _summary(comparison: VariantComparison) -> str:
    if comparison.withheld:
        return comparison.withheld
    return (
        f"{comparison.metric} {comparison.control_value:.4g} → {comparison.variant_value:.4g}, "
        f"difference {comparison.difference:+.3g} "
        f"({comparison.interval.low:+.3g} to {comparison.interval.high:+.3g}), "
        f"p = {comparison.adjusted_p:.2g}"
    )
