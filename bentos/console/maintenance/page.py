"""Maintenance: the visits to come, who is at risk, and how scopes fail with age."""

from collections.abc import Sequence
from itertools import groupby

from bentos.api.maintenance_cache import maintenance_cache_of
from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import text_filter
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.advice.actions.failure_log import FailureDefinition
from runlore.advice.actions.maintenance import VisitTerms
from runlore.advice.actions.scope_maintenance import ScopeMaintenance
from runlore.advice.maintenance_cache import MaintenanceQuery
from runlore.advice.maintenance_views import explain_maintenance
from runlore.advice.rules.maintenance.visit_costs import MaintenanceCosts
from runlore.advice.survival_curves import SurvivalCurves
from runlore.advice.visit_views import due_visits
from runlore.kernel.errors import BadInput

PATH = "/console/maintenance"
ROWS, DRAWN = 100, 20
USUAL = {"visit_cost": "1", "failure_cost": "10", "crews": "1", "horizon": "30"}


def show_page(request: PageRequest) -> Shown:
    chosen = {name: text_filter(request.query, name) or text for name, text in USUAL.items()}
    numbers = {name: _number(name, text) for name, text in chosen.items()}
    terms = VisitTerms(
        MaintenanceCosts(numbers["visit_cost"], numbers["failure_cost"]),
        numbers["horizon"],
        int(numbers["crews"]),
    )
    query = MaintenanceQuery(request.product.series_specs, FailureDefinition(), terms)
    made = maintenance_cache_of(request.product).get(request.store, query, request.at)
    view, curves = made.view, made.curves
    visits = [row for row in view.scopes if row.visit_at is not None]
    others = [row for row in view.scopes if row.visit_at is None]
    values = {
        "view": view,
        "due": due_visits(request.store, request.at),
        "lines": explain_maintenance(view)[1:],
        "chosen": chosen,
        "days": _by_day(visits),
        "visits": len(visits),
        "others": others[:ROWS],
        "is_cut": len(others) > ROWS,
        "charts": [*_risks(view.scopes), *_curves(curves)],
    }
    return Shown("maintenance/maintenance.html", values)


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadInput(f"{name}: {text[:40]!r} is not a number", name) from error


def _by_day(visits: Sequence[ScopeMaintenance]) -> list[tuple[str, list[ScopeMaintenance]]]:
    days = groupby(visits, key=lambda row: f"{row.visit_at:%a %Y-%m-%d}")
    return [(day, list(rows)) for day, rows in days]


def _risks(rows: Sequence[ScopeMaintenance]) -> list[Chart]:
    """Of the scopes at most risk."""
    known = sorted(
        ((row.risk_week, row.scope) for row in rows if row.risk_week is not None), reverse=True
    )[:DRAWN]
    if not known:
        return []
    risks = [risk for risk, _ in known]
    names = [f"{at + 1}: {name[:36]}" for at, (_, name) in enumerate(known)]  # each a bar
    series = ChartSeries("risk", names, risks, style="bars")
    title = "What fails within a week?"
    return [Chart(title, "scope", "risk", (series,), is_percent=True, is_lying=True)]


def _curves(curves: SurvivalCurves | None) -> list[Chart]:
    if curves is None:
        return []
    days, seen = curves.days.tolist(), curves.seen_days.tolist()
    alive = (
        ChartSeries(
            "seen, 95 %",
            seen,
            curves.seen.tolist(),
            curves.low.tolist(),
            curves.high.tolist(),
            style="curve",
            colour=2,
        ),
        ChartSeries("model", days, curves.model.tolist(), style="curve"),
        ChartSeries("constant hazard", days, curves.constant.tolist(), style="dashes", colour=6),
    )
    middle = ((curves.days[1:] + curves.days[:-1]) / 2).tolist()
    hazards = (
        ChartSeries("model", middle, curves.model_hazard.tolist(), style="curve"),
        ChartSeries(
            "constant hazard", middle, curves.constant_hazard.tolist(), style="dashes", colour=6
        ),
    )
    age = "days since the last failure or visit"
    return [
        Chart("How many live how long?", age, "share without a failure", alive, is_percent=True),
        Chart("Does age matter?", age, "failures a day of those alive", hazards),
    ]


PAGE = ConsolePage("Maintenance", 92, PATH, (PageRoute("GET", PATH, show_page),), group="Advice")
