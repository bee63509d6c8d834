"""Recommendations as people and programs read them."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from runlore.kernel.readable import readable_share
from runlore.planning.actions.recommendations import GroupOutcome, ProjectAdvice
from runlore.planning.queries.recommendation_ledger import LedgerRecommendation


@dataclass(frozen=True)
class RecommendationView:
    """effect, low, high: with the value minus without. Failures: shares; duration: as a factor - 1.

    The interval allows for all `looked_at` comparisons. base: the failure rate without the value.
    share: of the project's runs that had the value when it was issued.
    """

    id: int
    project: str
    text: str
    kind: str
    input: str
    value: str
    action: str
    measure: str
    effect: float
    low: float
    high: float
    base: float | None
    projects: int
    looked_at: int
    share: float
    issued_at: datetime
    decision: str | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


@dataclass(frozen=True)
class AdviceView:
    """reason: why there is none."""

    project: str
    category: str | None
    looked_at: int
    recommendations: tuple[RecommendationView, ...]
    reason: str


def show_recommendation(one: LedgerRecommendation) -> RecommendationView:
    evidence = one.evidence
    is_rate = one.measure == "failures"

    def size(name: str) -> float:
        value = float(evidence[name])
        return value if is_rate else float(np.expm1(value))

    effect, low, high = size("effect"), size("low"), size("high")
    return RecommendationView(
        id=one.id,
        project=one.project,
        text=_text(one, effect, low, high),
        kind=one.kind,
        input=one.input,
        value=one.value,
        action=one.action,
        measure=one.measure,
        effect=effect,
        low=low,
        high=high,
        base=evidence["base"],
        projects=evidence["projects"],
        looked_at=evidence["looked_at"],
        share=evidence["share"],
        issued_at=one.issued_at,
        decision=one.decision,
        decided_at=one.decided_at,
        decided_by=one.decided_by,
        reason=one.reason,
    )


def show_advice(made: ProjectAdvice) -> AdviceView:
    return AdviceView(
        made.project,
        made.category,
        made.looked_at,
        tuple(show_recommendation(one) for one in made.recommendations),
        made.reason,
    )


def _text(one: LedgerRecommendation, effect: float, low: float, high: float) -> str:
    evidence = one.evidence
    verb = "run" if one.action == "use" else "avoid"
    what = f"{one.kind} with {one.input}={one.value}"
    begin = f"projects like this one {verb} {what}"
    near, far = sorted((abs(low), abs(high)))
    if one.measure == "failures":
        base = float(evidence["base"])
        rates = f"{base:.1%} → {base + effect:.1%}"
        if one.action == "avoid":
            rates = f"{base + effect:.1%} → {base:.1%}"
        change = f"failures {rates}, interval {near * 100:.1f} to {far * 100:.1f} points"
    else:
        less = "less" if effect < 0 else "more"
        change = f"{readable_share(round(abs(effect), 2))} {less} time, interval"
        change += f" {readable_share(round(near, 2))} to {readable_share(round(far, 2))}"
    return f"{begin}: {change}, {evidence['projects']} projects"


def outcome_text(group: GroupOutcome) -> str:
    who = "followed" if group.followed else "not followed"

    def rate(failed: int, runs: int) -> str:
        return f"{failed} of {runs:,} failed" if runs else "no runs"

    return (
        f"{who}: {group.recommendations} recommendations; before"
        f" {rate(group.failed_before, group.runs_before)}, after"
        f" {rate(group.failed_after, group.runs_after)}"
    )
