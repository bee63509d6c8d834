"""Recommend to a project what has worked in others, and keep what came of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from runlore.kernel.errors import NotFound, Refused
from runlore.planning.actions.projects import ProjectMap
from runlore.planning.queries.input_strata import read_strata
from runlore.planning.queries.recommendation_ledger import (
    LedgerRecommendation,
    NewRecommendation,
    OutcomeCount,
    count_outcomes,
    insert_decision,
    insert_recommendations,
    is_recommendation,
    read_recommendations,
)
from runlore.planning.rules.recommendations.choosing import (
    EVERYONE,
    MOST_VALUES,
    EffectSearch,
    HeldEffect,
    find_effects,
    reference_groups,
)
from runlore.records.measured_afterwards import origin
from runlore.store.engine import Store

if TYPE_CHECKING:
    import pandas as pd

LOOKED_BACK = timedelta(days=400)
WATCHED = timedelta(days=90)  # before and after a decision
MOST_LISTED = 1_000
DONE = 0.9  # of a project's runs: it does so already
LARGEST_ID = 2**63 - 1
Decision = Literal["follow", "dismiss"]


@dataclass(frozen=True, eq=False)
class LogEffects:
    """table: runs by value and stratum. search: what held, of how many comparisons."""

    table: "pd.DataFrame"
    search: EffectSearch


@dataclass(frozen=True, eq=False)
class ProjectAdvice:
    """recommendations: those on the ledger of this project that hold now. reason: why none."""

    project: str
    category: str | None
    looked_at: int
    recommendations: tuple[LedgerRecommendation, ...]
    reason: str


@dataclass(frozen=True)
class GroupOutcome:
    """Projects that followed, or did not: their runs before and after. Plain counts."""

    followed: bool
    recommendations: int
    runs_before: int
    failed_before: int
    runs_after: int
    failed_after: int
    with_value_before: int
    with_value_after: int


class EffectCache:
    """Effects of the maps of projects that are kept; one search at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: WeakKeyDictionary[ProjectMap, LogEffects] = WeakKeyDictionary()

    def get(self, store: Store, projects: ProjectMap) -> LogEffects:
        with self._lock:
            kept = self._kept.get(projects)
            if kept is None:
                kept = self._kept[projects] = read_effects(store, projects)
            return kept


def read_effects(store: Store, projects: ProjectMap) -> LogEffects:
    """Compare the values of all inputs within projects. Inputs measured afterwards are left out."""
    at = projects.read_at
    table = read_strata(store, at, at - LOOKED_BACK, MOST_VALUES)
    table = table[[origin(name) is None for name in table["name"]]]
    names = projects.profiles.projects
    categories = {
        one.name: [names[member] for member in one.members] for one in projects.categories
    }
    return LogEffects(table, find_effects(table, reference_groups(categories)))


def recommend(
    store: Store,
    projects: ProjectMap,
    project: str,
    actor: str,
    at: datetime,
    effects: LogEffects | None = None,
) -> ProjectAdvice:
    """Put on the ledger what holds for a project, and give what it has of that.

    effects: of these projects, as found before; None: they are found now.

    Raises NotFound for a project without executions.
    """
    category = projects.category_of(projects.position(project))
    if category is None:
        reason = "too little is known of the project to say which others are like it"
        return ProjectAdvice(project, None, 0, (), reason)
    effects = effects or read_effects(store, projects)
    groups = {category.name, EVERYONE}
    made = [
        new
        for held in effects.search.held
        if held.comparison.category in groups
        for new in _advice(effects, held, project)
    ]
    insert_recommendations(store, made, actor, at)
    keys = {(one.kind, one.input, one.value, one.action, one.measure) for one in made}
    listed = read_recommendations(store, at, project, MOST_LISTED)
    holding = tuple(
        one
        for one in listed
        if (one.kind, one.input, one.value, one.action, one.measure) in keys
        and one.decision != "dismiss"
    )
    looked_at = effects.search.looked_at
    reason = "" if holding else _why_none(looked_at, len(effects.search.held))
    return ProjectAdvice(project, category.name, looked_at, holding, reason)


def list_recommendations(
    store: Store, as_of: datetime, project: str | None = None
) -> list[LedgerRecommendation]:
    """All of the ledger, the newest first, with what was decided."""
    return read_recommendations(store, as_of, project, MOST_LISTED)


def decide(
    store: Store, number: int, decision: Decision, actor: str, reason: str, at: datetime
) -> None:
    """Raises NotFound for an unknown number, Refused where somebody decided before."""
    is_number = 0 < number <= LARGEST_ID
    why = {"at": at, "actor": actor, "reason": reason}
    if is_number and insert_decision(store, number, decision, why):
        return
    if is_number and is_recommendation(store, number):
        raise Refused(f"recommendation {number} was decided before; a decision stays")
    raise NotFound(f"there is no recommendation {number}; `GET /recommendations` lists them")


def outcomes(store: Store, as_of: datetime) -> tuple[GroupOutcome, GroupOutcome]:
    """Of those who followed, and of the others: 90 days before and after."""
    counts = count_outcomes(store, as_of, WATCHED)
    followed = [one for one in counts if one.decision == "follow"]
    others = [one for one in counts if one.decision != "follow"]
    return _group(followed, is_followed=True), _group(others, is_followed=False)


def _group(counts: Sequence[OutcomeCount], *, is_followed: bool) -> GroupOutcome:
    def total(name: str, *, is_after: bool) -> int:
        return sum(getattr(one, name) for one in counts if one.is_after == is_after)

    return GroupOutcome(
        is_followed,
        len({one.id for one in counts}),
        total("runs", is_after=False),
        total("failed", is_after=False),
        total("runs", is_after=True),
        total("failed", is_after=True),
        total("with_value", is_after=False),
        total("with_value", is_after=True),
    )


def _advice(effects: LogEffects, held: HeldEffect, project: str) -> Iterator[NewRecommendation]:
    """What the project does not do already. Of two values, the better one; else avoid the worse."""
    comparison = held.comparison
    table = effects.table
    own = table[
        (table["scope"] == project)
        & (table["kind"] == comparison.kind)
        & (table["name"] == comparison.name)
    ]
    runs = float(own["rows"].sum())
    if runs == 0:
        return
    share = float(own.loc[own["label"] == comparison.value, "rows"].sum()) / runs
    value, sign = comparison.value, 1.0
    if not held.is_better and len(comparison.others) == 1:
        value, share, sign = comparison.others[0], 1 - share, -1.0
    action = "use" if held.is_better or sign < 0 else "avoid"
    if (share >= DONE) if action == "use" else (share == 0):
        return
    yield NewRecommendation(
        project=project,
        kind=comparison.kind,
        input=comparison.name,
        value=value,
        action=action,
        measure=comparison.measure,
        evidence=_evidence(held, share, sign),
    )


def _evidence(held: HeldEffect, share: float, sign: float) -> dict[str, Any]:
    """effect, low, high: with the value minus without it."""
    low, high = sorted((sign * held.low, sign * held.high))
    base = held.base
    if base is not None and sign < 0:
        base += held.effect.effect
    return {
        "category": held.comparison.category,
        "effect": sign * held.effect.effect,
        "low": low,
        "high": high,
        "base": base,
        "projects": len(held.projects),
        "looked_at": held.looked_at,
        "p": held.effect.p,
        "share": share,
    }


def _why_none(looked_at: int, held: int) -> str:
    if not looked_at:
        return "no input has two values in enough projects to compare"
    if not held:
        return f"of {looked_at} comparisons none leaves out chance, corrected for their number"
    return f"of {looked_at} comparisons {held} hold, none of which would change this project"
