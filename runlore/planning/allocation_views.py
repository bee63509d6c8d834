"""A plan as people and programs read it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from runlore.kernel.json_values import as_json
from runlore.kernel.readable import readable_duration, readable_share
from runlore.planning.actions.allocation import MadePlan
from runlore.planning.rules.allocation.assembling import Obstacle, concrete_pools
from runlore.planning.rules.allocation.opening_time import NEVER
from runlore.planning.rules.allocation.problem import HOUR_S, Floats, Placement, in_weights
from runlore.planning.rules.allocation.task_to_place import TaskToPlace

PROMISED = 0.8  # the chance from which a task's end in time is promised
OURS = "plan"
INSTANTS = ("start", "end", "end_80", "wanted")


@dataclass(frozen=True)
class PlacedTask:
    """end_80: by when it ends with 80 %, where durations are estimated. chance: to end in time.

    wanted: the earlier of due date and deadline. is_promised: in time with 80 % or more; null:
    nothing is wanted.
    """

    id: str
    kind: str
    pool: str
    start: datetime
    end: datetime
    end_80: datetime
    duration_s: float
    slots: int
    is_estimated: bool
    is_running: bool
    wanted: datetime | None
    late_s: int
    chance: float
    is_promised: bool | None
    cost: float
    after: tuple[str, ...]


@dataclass(frozen=True)
class PlanFigures:
    """late_h: past due dates and deadlines, in all. mean_wait_h: from release to end."""

    objective: float
    late_h: float
    late_tasks: int
    mean_wait_h: float
    finish: datetime
    cost: float


@dataclass(frozen=True)
class PlanGain:
    """share: of the other's objective that the plan saves, with the 90 % range over drawn worlds.

    worlds: 1: all durations were given, so there is no range.
    """

    over: str
    share: float
    low: float
    high: float
    worlds: int


@dataclass(frozen=True)
class PlanView:
    """gap: by what share the best possible plan may be better at most. bound: of its objective."""

    made_at: datetime
    status: str
    summary: str
    objective: float
    bound: float
    gap: float
    seconds: float
    was_stopped: bool
    weights: Mapping[str, float]
    tasks: tuple[PlacedTask, ...]
    figures: Mapping[str, PlanFigures]
    gains: tuple[PlanGain, ...]
    obstacles: tuple[Obstacle, ...]
    advice: str


def show_plan(made: MadePlan) -> PlanView:
    result, assembly = made.result, made.assembly
    figures = {OURS: _figures(made, result.best)}
    figures |= {name: _figures(made, plan) for name, plan in made.others.items()}
    gains = tuple(_gain(made, name) for name in made.others)
    status = _status(made)
    return PlanView(
        made_at=assembly.origin,
        status=status,
        summary=_summary(made, status, gains[0]),
        objective=result.best.objective,
        bound=in_weights(result.bound),
        gap=result.gap,
        seconds=round(made.seconds, 3),
        was_stopped=result.was_stopped,
        weights=vars(made.request.weights),
        tasks=_tasks(made),
        figures=figures,
        gains=gains,
        obstacles=made.obstacles,
        advice=made.advice,
    )


def _status(made: MadePlan) -> str:
    if made.obstacles:
        return "infeasible"
    return "optimal" if made.result.gap == 0 else "feasible"


def _summary(made: MadePlan, status: str, gain: PlanGain) -> str:
    if status == "infeasible":
        late = int((made.result.best.end > made.assembly.problem.deadline).sum())
        homeless = len(made.assembly.obstacles)
        said = [f"{late} past their deadline"] if late else []
        said += [f"{homeless} without a place"] if homeless else []
        proof = "it is proven that" if homeless or made.result.is_impossible else "as far as found,"
        return f"not all tasks fit: {', '.join(said)}; {proof} no plan meets all"
    proof = (
        "no plan is better"
        if status == "optimal"
        else (f"the best possible plan is at most {readable_share(made.result.gap)} better")
    )
    return f"{proof}; {readable_share(gain.share)} less than {gain.over}, first served"


def _tasks(made: MadePlan) -> tuple[PlacedTask, ...]:
    pools = concrete_pools(made.assembly, made.result.best)
    rows = [_placed(made, at, pool) for at, pool in enumerate(pools)]
    return tuple(sorted(rows, key=lambda row: (row.start, row.end, row.id)))


def _placed(made: MadePlan, at: int, pool: str) -> PlacedTask:
    assembly, best, problem = made.assembly, made.result.best, made.assembly.problem
    task, duration = assembly.tasks[at], made.durations[made.assembly.tasks[at].id]
    place, wanted = int(best.pool[at]), min(int(problem.due[at]), int(problem.deadline[at]))
    ends = made.simulated.ends[:, at]
    chance = float((ends <= wanted).mean())
    start = assembly.instant(int(best.start[at]))
    end_80 = min(int(np.quantile(ends, 0.8, method="higher")), int(best.end.max()) * 100)
    return PlacedTask(
        id=task.id,
        kind=task.kind,
        pool=pool,
        start=task.start if task.is_running and task.start is not None else start,
        end=assembly.instant(int(best.end[at])),
        end_80=assembly.instant(end_80),
        duration_s=duration.planned_s,
        slots=int(problem.demand[at, place]),
        is_estimated=duration.estimate is not None,
        is_running=task.is_running,
        wanted=_wanted(task),
        late_s=max(int(best.end[at]) - wanted, 0) if wanted < NEVER else 0,
        chance=chance,
        is_promised=chance >= PROMISED if wanted < NEVER else None,
        cost=float(problem.cost[at, place]),
        after=task.after,
    )


def _wanted(task: TaskToPlace) -> datetime | None:
    known = [one for one in (task.due, task.deadline) if one is not None]
    return min(known) if known else None


def _figures(made: MadePlan, plan: Placement) -> PlanFigures:
    problem, rows = made.assembly.problem, np.arange(len(plan.end))
    late = np.maximum(plan.end - np.minimum(problem.due, problem.deadline), 0)
    return PlanFigures(
        objective=plan.objective,
        late_h=float(late.sum() / HOUR_S),
        late_tasks=int((late > 0).sum()),
        mean_wait_h=float((plan.end - problem.release).mean() / HOUR_S),
        finish=made.assembly.instant(int(plan.end.max())),
        cost=float(problem.cost[rows, plan.pool].sum()),
    )


def _gain(made: MadePlan, over: str) -> PlanGain:
    ours, theirs = made.simulated.points[OURS], made.simulated.points[over]
    if len(ours) != len(theirs) or not (theirs > 0).all():
        return PlanGain(over, 0.0, 0.0, 0.0, len(ours))
    shares: Floats = 1 - ours / theirs
    low, high = np.quantile(shares, [0.05, 0.95])
    total = 1 - float(ours.sum() / theirs.sum())
    return PlanGain(over, total, float(low), float(high), len(ours))


def plan_as_json(view: PlanView) -> dict[str, Any]:
    """What is kept of a plan, and answered: `plan_from_json` reads it."""
    values: dict[str, Any] = as_json(asdict(view))
    return values


def plan_from_json(values: Mapping[str, Any]) -> PlanView:
    tasks = [row | {name: _instant(row[name]) for name in INSTANTS} for row in values["tasks"]]
    figures = values["figures"].items()
    return PlanView(
        **dict(values)
        | {
            "made_at": datetime.fromisoformat(values["made_at"]),
            "tasks": tuple(PlacedTask(**row | {"after": tuple(row["after"])}) for row in tasks),
            "figures": {
                name: PlanFigures(**one | {"finish": datetime.fromisoformat(one["finish"])})
                for name, one in figures
            },
            "gains": tuple(PlanGain(**one) for one in values["gains"]),
            "obstacles": tuple(Obstacle(**one) for one in values["obstacles"]),
        }
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def explain_plan(view: PlanView) -> list[str]:
    """Sentences for a terminal."""
    lines = [f"{view.status}: {view.summary}"]
    for gain in view.gains:
        spread = (
            f" (90 %: {readable_share(gain.low)} to {readable_share(gain.high)})"
            if gain.worlds > 1
            else ""
        )
        lines.append(f"  against {gain.over}: {readable_share(gain.share)} saved{spread}")
    lines += [f"  {one.reason}. To help: {one.remedy}" for one in view.obstacles]
    lines += [f"  Or: {view.advice}"] if view.advice else []
    return lines


def tabulate_task(task: PlacedTask) -> dict[str, object]:
    promised = {True: "yes", False: "no", None: ""}[task.is_promised]
    return {
        "task": task.id,
        "pool": task.pool,
        "start (UTC)": task.start,
        "end": task.end,
        "80 % by": task.end_80,
        "wanted": task.wanted,
        "late": readable_duration(task.late_s) if task.late_s else "",
        "promised": promised,
    }


def tabulate_figures(name: str, figures: PlanFigures) -> dict[str, object]:
    return {
        "plan": name,
        "objective": f"{figures.objective:.2f}",
        "late": f"{figures.late_tasks} tasks, {figures.late_h:.1f} h",
        "mean wait": f"{figures.mean_wait_h:.2f} h",
        "finish (UTC)": figures.finish,
        "cost": f"{figures.cost:.2f}",
    }
