"""Estimates: a form for a task, its estimate drawn, the promise and the reasons."""

from typing import Any

import numpy as np

from bentos.console.estimates.task_form import planned_task, task_fields
from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.kernel.readable import scaled_quantity
from runlore.planning.actions.estimates import (
    DURATION,
    PlannedTask,
    TaskEstimate,
    estimate_task,
    learned_kind,
)
from runlore.planning.queries.finished_tasks import read_kinds
from runlore.planning.views import EstimateView, show_estimate

PATH = "/console/estimates"
TEMPLATE = "estimates/estimates.html"
MOST_KINDS = 100
LEVELS = tuple(np.linspace(0.02, 0.98, 49).round(2).tolist())


def show_estimates(request: PageRequest) -> Shown:
    """Without a kind, the form asks for one."""
    kind, measure = request.query.get("kind", ""), request.query.get("measure") or DURATION
    values: dict[str, Any] = {
        "kinds": read_kinds(request.store, request.at, MOST_KINDS),
        "kind": kind,
        "measure": measure,
        "fields": (),
        "view": None,
        "reason": "",
        "chart": None,
    }
    if not kind:
        return Shown(TEMPLATE, values)
    cache = request.estimators
    try:
        learned = learned_kind(request.store, PlannedTask(kind, measure), request.at, cache)
        fields = task_fields(learned, request.query)
        task = planned_task(kind, measure, fields)
        made = estimate_task(request.store, task, request.at, cache)
    except (BadInput, NotFound, Refused) as error:
        return Shown(TEMPLATE, {**values, "reason": str(error)})
    view = show_estimate(made)
    return Shown(TEMPLATE, {**values, "fields": fields, "view": view, "chart": _chart(made, view)})


def _chart(made: TaskEstimate, view: EstimateView) -> Chart:
    """The distribution: how likely the task takes no more than an amount."""
    found = made.learned.estimator.estimate(made.task.description, LEVELS).quantiles
    size, unit = scaled_quantity(view.value, view.unit)
    ends = ("0.1", "0.9")
    whole = ChartSeries(
        "probability", [value / size for value in found.values()], list(found), style="curve"
    )
    between = ChartSeries(
        "80 % of such tasks lie between",
        [view.quantiles[end] / size for end in ends],
        [float(end) for end in ends],
        style="points",
        colour=2,
    )
    middle = ChartSeries("middle", [view.quantiles["0.5"] / size], [0.5], style="points", colour=3)
    name = f"{view.measure} ({unit})" if unit else view.measure
    return Chart(
        "How likely does it take no more?",
        name,
        "probability",
        (whole, between, middle),
        is_percent=True,
        y_range=(0.0, 1.0),
    )


PAGE = ConsolePage(
    "Estimates", 79, PATH, (PageRoute("GET", PATH, show_estimates),), group="Planning"
)
