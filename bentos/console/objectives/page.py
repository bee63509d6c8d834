"""Service objectives: a list with what is left of each budget, and one with its history."""

from collections.abc import Sequence

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.kernel.readable import readable_duration
from runlore.signals.actions.objectives import find_objective, read_objective, read_objectives
from runlore.signals.objective_views import (
    BudgetStep,
    ObjectiveView,
    budget_history,
    precise_share,
    show_objective,
)

PATH = "/console/objectives"
COLOURS = 6  # of the console
BADGES = {"kept": "good", "ticket": "warn", "page": "bad", "spent": "bad", "no events": ""}
SHOWN = {"precise": precise_share, "badges": BADGES}


def list_objectives(request: PageRequest) -> Shown:
    rows = read_objectives(request.store, request.product.objectives, request.at)
    views = [show_objective(row) for row in rows]
    values = SHOWN | {
        "rows": [(view, f"{PATH}/{view.name}") for view in views],
        "burning": sum(view.state in {"page", "ticket", "spent"} for view in views),
        "chart": _left_chart(views),
    }
    return Shown("objectives/objectives.html", values)


def show_one(request: PageRequest) -> Shown:
    spec = find_objective(request.product.objectives, request.path["name"])
    status = read_objective(request.store, spec, request.at)
    steps = budget_history(status)
    values = SHOWN | {"view": show_objective(status), "charts": _charts(steps)}
    return Shown("objectives/objective.html", values)


def _left_chart(views: Sequence[ObjectiveView]) -> Chart | None:
    known = [view for view in views if view.left is not None]
    if not known:
        return None
    left = [max(view.left or 0.0, 0.0) for view in known]
    bars = ChartSeries("left", [view.name for view in known], left, style="bars")
    title, y = "How much of each error budget is left?", "share of the budget that is left"
    return Chart(title, "objective", y, (bars,), is_percent=True, y_range=(0, 1), is_lying=True)


def _charts(steps: Sequence[BudgetStep]) -> list[Chart]:
    if not steps or steps[-1].left is None:
        return []
    times = [step.at for step in steps]
    left = ChartSeries("budget left", times, [step.left for step in steps])
    burns = [
        ChartSeries(
            readable_duration(window_s),
            times,
            [step.burns[window_s] for step in steps],
            colour=1 + place % COLOURS,
        )
        for place, window_s in enumerate(steps[-1].burns)
    ]
    budget = Chart(
        "How was the budget spent?", "time (UTC)", "share that is left", (left,), is_percent=True
    )
    if not burns:
        return [budget]
    caption = "1 spends the whole budget in exactly one period."
    rates = Chart(
        "How fast does it burn?", "time (UTC)", "burn rate by window", tuple(burns), caption
    )
    return [budget, rates]


PAGE = ConsolePage(
    "Objectives",
    69,
    PATH,
    (
        PageRoute("GET", PATH, list_objectives),
        PageRoute("GET", f"{PATH}/{{name}}", show_one),
    ),
    group="Signals",
)
