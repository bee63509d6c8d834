"""`runlore plan allocate`: which task runs where and when."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.anomalies import Actor
from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.plan.pools import read_file

if TYPE_CHECKING:
    from datetime import datetime

    from runlore.planning.actions.allocation import AllocationRequest
    from runlore.planning.allocation_views import PlanView
    from runlore.planning.rules.allocation.problem import Placement

Tasks = Annotated[
    Path, typer.Option(metavar="FILE.json", help="A list of tasks, or an object with `tasks`.")
]
Pools = Annotated[
    Path | None,
    typer.Option(metavar="FILE.json", help="Pools to plan with.  [default: those declared]"),
]
Limit = Annotated[str, typer.Option(metavar="TIME", help="How long to search, as 30s or 5m.")]
Quantile = Annotated[
    float, typer.Option(help="Which quantile of estimates is planned with, 0.05 to 0.95.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write the plan too: .csv, .ics (calendar), .sh (Slurm) or .json."
    ),
]
Late = Annotated[float, typer.Option(help="What an hour past its due date counts, × priority.")]
Wait = Annotated[float, typer.Option(help="What an hour until its end counts, × priority.")]
Finish = Annotated[float, typer.Option(help="What an hour until all is done counts.")]
Cost = Annotated[float, typer.Option(help="What a unit of cost counts.")]
AsOf = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Plan from this instant on.  [default: now]"),
]
Keep = Annotated[bool, typer.Option("--keep/--no-keep", help="Keep the plan in the store.")]
SHOWN = 40


def allocate(
    tasks: Tasks,
    pools: Pools = None,
    limit: Limit = "10s",
    quantile: Quantile = 0.5,
    late: Late = 10.0,
    wait: Wait = 1.0,
    finish: Finish = 0.0,
    cost: Cost = 1.0,
    out: Out = None,
    actor: Actor = "cli",
    as_of: AsOf = None,
    keep: Keep = True,
    json: Json = False,
) -> None:
    """Plan which task runs in which pool, and when.

    A task has an id and a kind or duration_s; it may have after, release, due, deadline, priority,
    skills, slots. A solver searches until the limit; Ctrl-C gives the best so far. Plans of first
    come, first served and of a greedy rule stand beside it. The exit code is 1 if some tasks have
    no place or end past their deadline.

    Example: runlore plan allocate --tasks tasks.json --pools pools.json --limit 30s --out plan.ics
    """
    from runlore.kernel import instants
    from runlore.planning.actions.allocation import AllocationRequest
    from runlore.planning.allocation_views import plan_as_json
    from runlore.planning.plan_exports import check_format
    from runlore.planning.rules.allocation.problem import Weights
    from runlore.planning.rules.allocation.task_to_place import read_tasks

    file_format = None if out is None else check_format(out.suffix.removeprefix("."))
    request = AllocationRequest(
        read_tasks(_read_json(tasks)),
        None if pools is None else read_file(pools),
        Weights(late, wait, finish, cost),
        _seconds(limit),
        quantile,
    )
    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    view, number = _plan(request, at, actor if keep else None, is_quiet=json)
    if out is not None and file_format is not None:
        _write(view, out, file_format)
    if json:
        emit_json({"id": number, **plan_as_json(view)})
    else:
        _show(view, number, out)
    raise typer.Exit(int(view.status == "infeasible"))


def _plan(
    request: "AllocationRequest", at: "datetime", keeper: str | None, *, is_quiet: bool
) -> "tuple[PlanView, int | None]":
    """The plan, and its number if somebody keeps it."""
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.planning.actions import allocation
    from runlore.planning.actions.plans import keep_plan
    from runlore.planning.allocation_views import plan_as_json, show_plan

    with open_app() as app:
        made = allocation.allocate(app.store, request, at, progress=None if is_quiet else _tell)
        view = show_plan(made)
        if keeper is None:
            return view, None
        return view, keep_plan(app.store, plan_as_json(view), keeper, instants.now())


def _read_json(file: Path) -> Any:  # noqa: ANN401  (whatever JSON holds)
    import json

    from runlore.kernel.errors import BadInput

    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"--tasks: {file} cannot be read: {error.strerror}", "tasks") from error
    except ValueError as error:
        raise BadInput(f"--tasks: {file} is not JSON: {error}", "tasks") from error


def _seconds(text: str) -> float:
    """
    >>> _seconds("30s"), _seconds("2m"), _seconds("1.5")
    (30.0, 120.0, 1.5)
    """
    from runlore.kernel.errors import BadInput

    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    try:
        return float(number) * unit
    except ValueError as error:
        raise BadInput(f"--limit: {text[:20]!r} is no time such as 30s or 5m", "limit") from error


def _tell(best: "Placement") -> None:
    echo(f"  objective {best.objective:.2f}", err=True)


def _write(view: "PlanView", out: Path, file_format: str) -> None:
    from runlore.kernel.errors import BadInput
    from runlore.planning.plan_exports import export_plan

    try:
        out.write_bytes(export_plan(view, file_format).encode())
    except OSError as error:
        raise BadInput(f"--out: {out} cannot be written: {error.strerror}", "out") from error


def _show(view: "PlanView", number: int | None, out: Path | None) -> None:
    from runlore.planning.allocation_views import explain_plan, tabulate_figures, tabulate_task

    for line in explain_plan(view):
        echo(line)
    emit_table("", [tabulate_figures(name, one) for name, one in view.figures.items()])
    emit_table("", [tabulate_task(task) for task in view.tasks[:SHOWN]])
    if len(view.tasks) > SHOWN:
        echo(f"{len(view.tasks) - SHOWN} more tasks: see --json or --out")
    if number is not None:
        echo(f"Plan {number} is kept.")
    if out is not None:
        echo(f"Written to {out}.")
