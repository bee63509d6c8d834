"""Plans: the newest as a Gantt chart, or another, with what is promised and what is not."""

from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from bentos.console.plans.gantt import draw_gantt, state_of
from runlore.planning.actions.plans import find_plan, list_plans
from runlore.planning.allocation_views import plan_from_json
from runlore.planning.queries.plans import PlanRow

PATH = "/console/plans"
ROWS, LISTED = 200, 20


def show_newest(request: PageRequest) -> Shown:
    rows = list_plans(request.store, request.at, LISTED)
    if not rows:
        return Shown("plans/plans.html", {"plan": None, "rows": []})
    return _shown(find_plan(request.store, rows[0].id), rows)


def show_one(request: PageRequest) -> Shown:
    row = find_plan(request.store, request.number("id"))
    return _shown(row, list_plans(request.store, request.at, LISTED))


def _shown(row: PlanRow, rows: list[PlanRow]) -> Shown:
    plan = plan_from_json(row.plan)
    values = {
        "number": row.id,
        "actor": row.actor,
        "plan": plan,
        "gantt": draw_gantt(plan.tasks, plan.made_at),
        "tasks": [(task, state_of(task)) for task in plan.tasks[:ROWS]],
        "rows": rows,
        "path": PATH,
    }
    return Shown("plans/plans.html", values)


PAGE = ConsolePage(
    "Plans",
    80,
    PATH,
    (PageRoute("GET", PATH, show_newest), PageRoute("GET", f"{PATH}/{{id}}", show_one)),
    group="Planning",
)
