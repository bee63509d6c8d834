"""A test's design and decision rule, fixed before the first unit comes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from runlore.experiments.rules.assignment import Allocation, GroupShare
from runlore.experiments.rules.outcome_metric import Metric
from runlore.experiments.rules.sequence import NARROWEST_AT
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput

CONTROL = "control"
LEAST_SHARE = 1e-6  # A variant's smallest share of the units: without units it cannot be judged

LEAST_ALPHA = 1e-9

HORIZONS = ("fixed", "anytime")
CORRECTIONS = ("none", "bonferroni", "holm", "benjamini-hochberg")

Horizon = Literal["fixed", "anytime"]
Correction = Literal["none", "bonferroni", "holm", "benjamini-hochberg"]


@dataclass(frozen=True)
class Variant:
    name: str
    weight: float = 1.0


@dataclass(frozen=True)
class DecisionRule:
    """When a test may be decided, and how sure it must be.

    horizon: "fixed" is decided once, at the first analysis that finds `least_units` in every
    variant and `least_time_s` gone by; the caller keeps that analysis and ends the test.
    "anytime" may be looked at and decided as often as one likes from there on.
    correction: over all variants and all primary metrics.
    """

    horizon: Horizon = "anytime"
    alpha: float = 0.05
    least_units: int = 100
    least_time_s: float = DAY_S
    correction: Correction = "holm"
    narrowest_at_units: int = NARROWEST_AT

    def __post_init__(self) -> None:
        if self.horizon not in HORIZONS:
            raise BadInput(f"horizon: {self.horizon!r} is none of {', '.join(HORIZONS)}", "horizon")
        if self.correction not in CORRECTIONS:
            raise BadInput(f"correction: {self.correction!r} is none of {', '.join(CORRECTIONS)}")
        if not LEAST_ALPHA <= self.alpha <= 0.5:
            raise BadInput(f"alpha: {self.alpha} is not from {LEAST_ALPHA:g} to 0.5", "alpha")
        if self.least_units < 2 or not self.least_time_s >= 0 or self.narrowest_at_units < 1:
            raise BadInput(
                "rule: least_units from 2, least_time_s from 0, narrowest_at_units from 1"
            )


@dataclass(frozen=True)
class Design:
    """variants: two or more with the control, which `design` adds when none is named.

    exposure: the share of eligible units that take part. slot: the test's part of its exclusion
    group.
    """

    name: str
    variants: tuple[Variant, ...]
    metrics: tuple[Metric, ...]
    control: str = CONTROL
    salt: str = ""
    rule: DecisionRule = DecisionRule()
    exposure: float = 1.0
    slot: GroupShare | None = None

    def __post_init__(self) -> None:
        names = [variant.name for variant in self.variants]
        if not self.name:
            raise BadInput("test: the name is empty", "name")
        if len(set(names)) < max(len(names), 2) or not all(names):
            raise BadInput(
                f"test {self.name!r}: needs two variants or more, each with its own name"
            )
        if self.control not in names:
            raise BadInput(f"test {self.name!r}: control {self.control!r} is none of {names}")
        metrics = [metric.name for metric in self.metrics]
        if len(set(metrics)) < len(metrics):
            raise BadInput(f"test {self.name!r}: two metrics have one name, {metrics}")
        if not self.primary:
            raise BadInput(f"test {self.name!r}: needs a primary metric, which decides")
        self.allocation  # noqa: B018  refuses weights, exposure and slot that are none
        least = min(self.shares, key=lambda variant: self.shares[variant])
        if self.shares[least] < LEAST_SHARE:
            raise BadInput(
                f"test {self.name!r}: {least!r} would get {self.shares[least]:.2g} of the units; "
                f"the least is {LEAST_SHARE:g}",
                "weight",
            )

    @property
    def primary(self) -> tuple[Metric, ...]:
        return tuple(metric for metric in self.metrics if metric.role == "primary")

    @property
    def treatments(self) -> tuple[str, ...]:
        return tuple(variant.name for variant in self.variants if variant.name != self.control)

    @property
    def shares(self) -> dict[str, float]:
        """Map each variant to its share of the units that take part."""
        total = sum(variant.weight for variant in self.variants)
        return {variant.name: variant.weight / total for variant in self.variants}

    @property
    def allocation(self) -> Allocation:
        weights = tuple((variant.name, variant.weight) for variant in self.variants)
        return Allocation(self.salt or self.name, weights, self.exposure, self.slot)

    def exposed_to(self, share: float) -> "Design":
        """The same test for more units; those that take part already keep their variant."""
        if share < self.exposure:
            raise BadInput(
                f"exposure: {share} is below {self.exposure}; units would leave", "exposure"
            )
        return replace(self, exposure=share)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Design":
        """What `as_json` wrote."""
        slot = data.get("slot")
        return cls(
            name=data["name"],
            variants=tuple(Variant(**variant) for variant in data["variants"]),
            metrics=tuple(Metric(**metric) for metric in data["metrics"]),
            control=data["control"],
            salt=data["salt"],
            rule=DecisionRule(**data["rule"]),
            exposure=data["exposure"],
            slot=GroupShare(**slot) if slot else None,
        )


def design(
    name: str,
    variants: tuple[Variant, ...],
    metrics: tuple[Metric, ...],
    *,
    control: str | None = None,
    rule: DecisionRule | None = None,
) -> Design:
    """A design with a control: the one named, else a variant of that name, else one added.

    An added control weighs as much as the others do on average.

    >>> success = Metric("success", "proportion", "higher")
    >>> design("risk-or-rule", (Variant("model"),), (success,)).treatments
    ('model',)
    """
    chosen = control or CONTROL
    if not variants:
        raise BadInput(f"test {name!r}: names no variant", "variants")
    if control is None and CONTROL not in {variant.name for variant in variants}:
        weight = sum(variant.weight for variant in variants) / len(variants)
        variants = (Variant(CONTROL, weight), *variants)
    return Design(name, variants, metrics, control=chosen, rule=rule or DecisionRule())
