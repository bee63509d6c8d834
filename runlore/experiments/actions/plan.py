"""The plan of an A/B test as people write it, and the design that follows from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from runlore.experiments.queries import ledger_units
from runlore.experiments.queries.ledger_units import LedgerSource
from runlore.experiments.queries.statistics import EventMeasure, Take
from runlore.experiments.rules.assignment import GroupShare
from runlore.experiments.rules.design import (
    CONTROL,
    LEAST_ALPHA,
    LEAST_SHARE,
    DecisionRule,
    Design,
    Variant,
    design,
)
from runlore.experiments.rules.missing import DECIDING
from runlore.experiments.rules.outcome_metric import LEAST_QUANTILE, Metric
from runlore.experiments.rules.sequence import NARROWEST_AT
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import BadInput

MOST_VARIANTS, MOST_METRICS = 20, 30
EXAMPLE: dict[str, Any] = {
    "name": "risk-or-rule",
    "variants": [{"name": "rule"}, {"name": "model"}],
    "control": "rule",
    "metrics": [
        {"name": "success", "event": "conversion"},
        {
            "name": "latency",
            "kind": "mean",
            "event": "latency_ms",
            "take": "mean",
            "better": "lower",
            "role": "guardrail",
            "tolerated_loss": 0.1,
        },
    ],
    "rule": {"least_units": 1000, "least_time_h": 48},
    "window_s": 86_400,
}

Word = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f/]+$")
]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]  # PostgreSQL stores no NUL

Share = Annotated[float, Field(ge=LEAST_SHARE, le=1)]


class StrictModel(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PlannedVariant(StrictModel):
    name: Word
    weight: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    description: Text = Field(default="", max_length=1000)


class PlannedMetric(StrictModel):
    """What a unit's events come to, and what that is for.

    take: any (1 when there is one with a value above 0), count, sum, mean, last, most, least.
    per: a ratio's denominator, such as impressions of a click-through rate.
    has_covariate: the same from before the unit had its variant sharpens the comparison (CUPED).
    cap: of a mean or a ratio; a unit's value beyond ±cap counts as ±cap (winsorising).
    """

    name: Word
    event: Word
    kind: Literal["proportion", "mean", "ratio", "quantile"] = "proportion"
    take: Take = "any"
    per: Word | None = None
    per_take: Literal["count", "sum"] = "count"
    better: Literal["higher", "lower"] = "higher"
    role: Literal["primary", "secondary", "guardrail", "signal"] = "primary"
    tolerated_loss: Annotated[float, Field(ge=0, le=1e12)] = 0.0
    loss_is: Literal["relative", "absolute"] = "relative"
    quantile: Annotated[float, Field(ge=LEAST_QUANTILE, le=1 - LEAST_QUANTILE)] = 0.5
    has_covariate: bool = False
    cap: Annotated[float, Field(gt=0, le=1e30)] | None = None

    def metric(self) -> Metric:
        if (self.per is None) == (self.kind == "ratio"):
            raise BadInput(f"metric {self.name!r}: per belongs to a ratio, and only there", "per")
        if self.cap is not None and self.kind not in ("mean", "ratio"):
            raise BadInput(
                f"cap: metric {self.name!r} is a {self.kind}; only a mean or a ratio has one", "cap"
            )
        names = ("name", "kind", "better", "role", "tolerated_loss", "loss_is", "quantile")
        values = {name: getattr(self, name) for name in names}
        return Metric(**values, has_covariate=self.has_covariate)

    def measure(self) -> EventMeasure:
        return EventMeasure(self.event, self.take, self.per, self.per_take, self.cap)


class PlannedRule(StrictModel):
    """When the test may be decided, and how sure it must be.

    anytime: whenever one looks, once the minimum is there. fixed: once, at the minimum.
    """

    horizon: Literal["anytime", "fixed"] = "anytime"
    alpha: Annotated[float, Field(ge=LEAST_ALPHA, le=0.5)] = 0.05
    least_units: Annotated[int, Field(ge=2, le=10**9)] = 100
    least_time_h: Annotated[float, Field(ge=0, le=24 * 366)] = 24.0
    correction: Literal["none", "bonferroni", "holm", "benjamini-hochberg"] = "holm"
    narrowest_at_units: Annotated[int, Field(ge=1, le=10**9)] = NARROWEST_AT

    def rule(self) -> DecisionRule:
        values = self.model_dump(exclude={"least_time_h"})
        return DecisionRule(**values, least_time_s=self.least_time_h * HOUR_S)


class PlannedGroup(StrictModel):
    """Tests of one group share no unit: each has a part of its own."""

    name: Word
    share: Share


class PlannedLedger(StrictModel):
    """Units and outcomes come from the ledger. Variants are arms, or versions."""

    spec: Word
    unit: Literal["execution", "actor", "kind", "scope"] = "execution"
    variant: Literal["arm", "version"] = "arm"


class Plan(StrictModel):
    """units: "runlore" deals variants out, "given" takes those that units come with, "ledger"
    reads who was answered by which arm. A control is added when none is named. window_s: events
    count for so long after a unit got its variant, and it is judged when that is over. A metric
    that decides needs it when it takes any, count or sum, or is a ratio.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: Word
    description: Text = Field(default="", max_length=2000)
    variants: Annotated[tuple[PlannedVariant, ...], Field(min_length=1, max_length=MOST_VARIANTS)]
    control: Word | None = None
    metrics: Annotated[tuple[PlannedMetric, ...], Field(min_length=1, max_length=MOST_METRICS)]
    rule: PlannedRule = PlannedRule()
    exposure: Share = 1.0
    group: PlannedGroup | None = None
    salt: Text = Field(default="", max_length=100)
    window_s: Annotated[float, Field(gt=0, le=1e9)] | None = None
    units: Literal["runlore", "given", "ledger"] = "runlore"
    ledger: PlannedLedger | None = None

    def design(self, slot: GroupShare | None) -> Design:
        """slot: its part of the exclusion group. Raises BadInput, which names the field."""
        self._check()
        self.check_window()
        variants = tuple(Variant(variant.name, variant.weight) for variant in self.variants)
        with _blamed("metrics"):
            metrics = tuple(metric.metric() for metric in self.metrics)
        with _blamed("variants"):
            made = design(self.name, variants, metrics, control=self.control, rule=self.rule.rule())
        return replace(made, salt=self.salt, exposure=self.exposure, slot=slot)

    @property
    def measures(self) -> dict[str, EventMeasure]:
        """Map each metric to the events that it is made of."""
        return {metric.name: metric.measure() for metric in self.metrics}

    @property
    def source(self) -> LedgerSource | None:
        return None if self.ledger is None else LedgerSource(**self.ledger.model_dump())

    @property
    def events(self) -> list[str]:
        """All kinds of events that its metrics are made of."""
        return sorted({e for m in self.metrics for e in (m.event, m.per) if e is not None})

    @property
    def undecidable(self) -> dict[str, str]:
        """Map each metric that decides, and lacks a window that it needs, to what is wrong.

        Such a metric takes a unit without events for a 0, also a unit whose events are to come. So
        of two variants with the same outcomes the one whose events take longer looks worse, however
        many units there are.
        """
        if self.window_s is not None:
            return {}
        return {
            metric.name: (
                f"window_s: {metric.name!r} counts a unit whose events are still to come as 0, "
                "so a slower variant looks worse; set how many seconds a unit's events count, "
                "such as 86400"
            )
            for metric in self.metrics
            if metric.role in DECIDING and metric.measure().needs_window
        }

    def check_window(self) -> None:
        """Raise BadInput where a metric that decides needs a window and the plan has none."""
        for reason in self.undecidable.values():
            raise BadInput(reason, "window_s")

    def _check(self) -> None:
        self._check_names()
        if (self.units == "ledger") != (self.ledger is not None):
            raise BadInput("ledger: belongs to units of the ledger, and only there", "ledger")
        if self.units != "runlore" and (self.exposure < 1 or self.group):
            raise BadInput(
                f"exposure and group: units {self.units!r} get their variants elsewhere", "exposure"
            )
        if self.units != "runlore":
            self._check_source()

    def _check_names(self) -> None:
        names = [variant.name for variant in self.variants]
        if self.control is not None and self.control not in names:
            raise BadInput(f"control: {self.control!r} is none of {', '.join(names)}", "control")
        metrics = [metric.name for metric in self.metrics]
        if len(set(metrics)) < len(metrics) or "primary" not in {m.role for m in self.metrics}:
            raise BadInput(
                "metrics: each needs a name of its own, and one must be primary", "metrics"
            )

    def _check_source(self) -> None:
        if self.control is None and CONTROL not in {variant.name for variant in self.variants}:
            raise BadInput(f"control: name it, units {self.units!r} have no other", "control")
        unknown = sorted(set(self.events) - set(ledger_units.EVENTS))
        if self.units == "ledger" and unknown:
            known = ", ".join(ledger_units.EVENTS)
            raise BadInput(f"event: {unknown[0]!r} is not on the ledger; it has {known}", "event")


@contextmanager
def _blamed(field: str) -> Iterator[None]:
    """What is wrong without a field of its own is wrong in this one."""
    try:
        yield
    except BadInput as error:
        raise BadInput(str(error), error.field or field) from error
