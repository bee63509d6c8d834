"""Calendars of the last minutes, for one service."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from runlore.advice.actions.failure_log import FailureDefinition
from runlore.advice.actions.maintenance import VisitTerms, plan_maintenance
from runlore.advice.maintenance_views import MaintenanceView, show_maintenance
from runlore.advice.survival_curves import SurvivalCurves, survival_curves
from runlore.kernel.renewed_cache import RenewedCache
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store

MOST_CACHED = 20


@dataclass(frozen=True)
class MaintenanceQuery:
    specs: Sequence[SeriesSpec]
    defined: FailureDefinition
    terms: VisitTerms


@dataclass(frozen=True, eq=False)
class MaintenanceAnswer:
    """curves: None: too few failures are known."""

    view: MaintenanceView
    curves: SurvivalCurves | None

    def of_scope(self, scope: str | None) -> MaintenanceView:
        """scope: only this one; None: all."""
        if scope is None:
            return self.view
        rows = tuple(row for row in self.view.scopes if row.scope == scope)
        return replace(self.view, scopes=rows)


class MaintenanceCache:
    """A calendar is made again after 10 minutes, in the background; it says how old it is."""

    def __init__(self) -> None:
        self._answers: RenewedCache[tuple[Store, MaintenanceQuery], MaintenanceAnswer] = (
            RenewedCache(lambda key, at: answer_maintenance(*key, at), MOST_CACHED)
        )

    def get(self, store: Store, query: MaintenanceQuery, at: datetime) -> MaintenanceAnswer:
        """Raises what `plan_maintenance` raises."""
        return self._answers.get((store, query), at)


def answer_maintenance(store: Store, query: MaintenanceQuery, as_of: datetime) -> MaintenanceAnswer:
    plan = plan_maintenance(store, query.specs, query.defined, query.terms, as_of)
    return MaintenanceAnswer(show_maintenance(plan), survival_curves(plan))
