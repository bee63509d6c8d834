"""Health as the terminal, HTTP and pages show it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from runlore.kernel.readable import readable_share
from runlore.signals.actions.health import HealthEvidence, HealthPart, ScopeHealth, SystemHealth
from runlore.signals.rules.health.health import CalibrationGroup, HealthFit
from runlore.signals.rules.health.health_text import TITLES

MOST_ROWS = 20


@dataclass(frozen=True)
class HealthPartView:
    """state: 0 is usual, 1 stands out. odds, low, high: of a bad day, for each step of the state.

    n: past days on which it stood out; bad: of the days after them. weight: 0: says nothing.
    """

    part: str
    title: str
    state: float
    weight: float
    odds: float | None
    low: float | None
    high: float | None
    n: int
    bad: int
    says: str
    evidence: tuple[HealthEvidence, ...]


@dataclass(frozen=True)
class ScopeHealthView:
    scope: str
    status: str
    health: float | None
    low: float | None
    high: float | None
    reason: str
    parts: tuple[HealthPartView, ...]


@dataclass(frozen=True)
class LearnedHealthView:
    """From how many days of scopes, and what was gained over the base rate on later ones."""

    rows: int
    days: int
    bad: int
    base_rate: float | None
    gain: float | None
    calibration: tuple[CalibrationGroup, ...]


@dataclass(frozen=True)
class SystemHealthView:
    as_of: datetime
    overall: ScopeHealthView
    scopes: tuple[ScopeHealthView, ...]
    overall_learned: LearnedHealthView
    scopes_learned: LearnedHealthView


def show_health(found: SystemHealth) -> SystemHealthView:
    return SystemHealthView(
        found.as_of,
        show_scope(found.overall),
        tuple(map(show_scope, found.scopes)),
        _learned(found.overall_fit),
        _learned(found.scopes_fit),
    )


def show_scope(one: ScopeHealth) -> ScopeHealthView:
    parts = tuple(map(_part, one.parts))
    return ScopeHealthView(one.scope, one.status, one.health, one.low, one.high, one.reason, parts)


def conclude_health(one: ScopeHealthView) -> str:
    """The figure in a sentence.

    >>> conclude_health(ScopeHealthView("web", "predicted", 0.62, 0.5, 0.73, "", ()))
    'web: 62 % (50 to 73 %) that the next 24 h have no more failures than usual'
    """
    name = one.scope or "everything"
    if one.health is None or one.low is None or one.high is None:
        return f"{name}: unknown: {one.reason}"
    low = readable_share(one.low).removesuffix(" %")
    figure = f"{readable_share(one.health)} ({low} to {readable_share(one.high)})"
    ending = f"; the base rate: {one.reason}" if one.status == "base rate" else ""
    return f"{name}: {figure} that the next 24 h have no more failures than usual{ending}"


def list_parts(one: ScopeHealthView) -> list[str]:
    """Lines: each part, what it said in the past, and beneath it what it is about now."""
    lines = []
    for part in one.parts:
        now = "stands out" if part.state >= 1 else "usual"
        lines.append(f"  {part.title}: {now}; {part.says}")
        lines += [f"    {each.what}" for each in part.evidence]
    return lines


def tabulate_scopes(view: SystemHealthView) -> list[dict[str, object]]:
    return [
        {
            "scope": one.scope,
            "health": "unknown" if one.health is None else readable_share(one.health),
            "90 % interval": _interval(one),
            "stands out": ", ".join(part.title for part in one.parts if part.state >= 1),
        }
        for one in view.scopes[:MOST_ROWS]
    ]


def health_document(view: SystemHealthView) -> dict[str, Any]:
    return asdict(view)


def _interval(one: ScopeHealthView) -> str:
    if one.low is None or one.high is None:
        return ""
    return f"{readable_share(one.low)} to {readable_share(one.high)}"


def _part(part: HealthPart) -> HealthPartView:
    weight = part.weight
    return HealthPartView(
        part.name,
        TITLES[part.name],
        part.state,
        weight.weight,
        weight.odds,
        weight.low,
        weight.high,
        weight.n,
        weight.bad,
        part.says,
        part.evidence,
    )


def _learned(fit: HealthFit) -> LearnedHealthView:
    return LearnedHealthView(fit.rows, fit.days, fit.bad, fit.base_rate, fit.gain, fit.calibration)
