"""The nightly plan as tasks: make it, then show it in Prefect and MLflow."""

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.app import App
from runlore.kernel import instants
from runlore.kernel.conclusion import Conclusion
from runlore.planning.actions import nightly_plan
from runlore.planning.actions.plans import find_plan, keep_plan
from runlore.planning.actions.pools import find_pools
from runlore.planning.allocation_views import (
    PlanView,
    plan_as_json,
    plan_from_json,
    show_plan,
    tabulate_figures,
    tabulate_task,
)
from runlore.planning.plan_exports import FORMATS, export_plan
from runlore.planning.plan_plots import DPI, draw_load
from tasks import artifacts
from tasks.edge import task_app
from tasks.retry import RETRIES

if TYPE_CHECKING:
    from runlore.registry.tables import Row

NAME = "nightly-plan"
SHOWN = 100


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="plan open work", timeout_seconds=1800)
def plan_open_work(at: str | None, limit_s: float) -> int | None:
    """Returns the number of the plan; None: nothing could be planned, and the log says why."""
    with task_app() as app:
        instant = instants.parse(at, "at") if at else instants.now()
        night = nightly_plan.plan_open_work(app.store, instant, limit_s)
        for kind, reason in night.left_out.items():
            get_run_logger().warning("left out: %s", f"{kind}: {reason}" if kind else reason)
        if night.made is None:
            get_run_logger().info("nothing to plan")
            return None
        view = show_plan(night.made)
        number = keep_plan(app.store, plan_as_json(view), NAME, instants.now())
    get_run_logger().info("plan %d of %d tasks: %s", number, len(view.tasks), view.summary)
    return number


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="show plan {number}", timeout_seconds=600)
def show(number: int) -> str:
    """Write the plan as a page of Prefect and as a run of MLflow; returns the run's id."""
    with task_app() as app:
        view = plan_from_json(find_plan(app.store, number).plan)
        picture = _picture(app, view)
        run_id = _log_run(app, number, view)
    rows: Sequence[Row] = [_row(tabulate_task(one)) for one in view.tasks[:SHOWN]]
    compared: Sequence[Row] = [
        _row(tabulate_figures(name, one)) for name, one in view.figures.items()
    ]
    artifacts.write_page(
        NAME,
        f"Plan {number}",
        Conclusion(view.status, f"{view.summary}."),
        [
            artifacts.picture("Load and capacity", picture),
            artifacts.table(compared),
            artifacts.bullets(f"{one.reason}. To help: {one.remedy}" for one in view.obstacles),
            artifacts.table(rows),
        ],
    )
    return run_id


def _log_run(app: App, number: int, view: PlanView) -> str:
    with app.registry.training_run(NAME) as run:
        run.tags({"mlflow.source.name": NAME, "runlore.plan": number})
        run.parameters({"tasks": len(view.tasks), "plan": number, **view.weights})
        scores = {"objective": view.objective, "bound": view.bound, "gap": view.gap}
        for gain in view.gains:
            scores[f"saved against {gain.over}"] = gain.share
        figures = view.figures["plan"]
        scores |= {"hours late": figures.late_h, "mean wait h": figures.mean_wait_h}
        run.scores(scores | {"cost": figures.cost})
        run.figure("load", draw_load(view, _sizes(app, view.made_at)))
        run.table("tasks", [_row(tabulate_task(one)) for one in view.tasks], "The plan")
        for name in FORMATS:
            run.text(f"plan/plan.{name}", export_plan(view, name))
    run.rename(view.status, f"plan {number}")
    return run.id


def _row(values: Mapping[str, object]) -> "Row":
    return {
        name: f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value or "")
        for name, value in values.items()
    }


def _picture(app: App, view: PlanView) -> bytes:
    out = io.BytesIO()
    draw_load(view, _sizes(app, view.made_at)).savefig(out, format="png", dpi=DPI)
    return out.getvalue()


def _sizes(app: App, at: datetime) -> dict[str, int]:
    return {pool.name: max(int(pool.size), 1) for pool in find_pools(app.store, at)}
