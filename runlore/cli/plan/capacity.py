"""`runlore plan capacity`: when pools are full, how long tasks wait, and what other sizes do."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.planning.actions.capacity import CapacityQuery, PoolCapacity

PoolName = Annotated[str | None, typer.Option(metavar="NAME", help="One pool.  [default: all]")]
Until = Annotated[str, typer.Option(metavar="SPAN", help="How far to look ahead, such as 90d.")]
Level = Annotated[float, typer.Option(help="Of intervals, such as 0.8 or 0.9.")]
Objective = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Find the smallest size that meets it, such as '95% start within 10min'.",
    ),
]
WhatIf = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXT",
        help="A scenario beside, such as 'gpu=12,arrivals+20%,durations-10%'; may be repeated.",
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Use only what was known at this instant.  [default: now]"),
]
Plot = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Draw it: a .png, .svg or .pdf file.")
]


def capacity(
    pool: PoolName = None,
    until: Until = "90d",
    objective: Objective = None,
    what_if: WhatIf = None,
    level: Level = 0.9,
    as_of: AsOf = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Say when pools are full, with an interval, and how long tasks wait.

    Demand is forecast from the log's own arrivals and sizes; waits come from a simulated queue of
    its last weeks. The exit code is 1 if nothing can be told of any pool.

    Example: runlore plan capacity --pool gpu --objective "95% start within 10min" --what-if gpu=12
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.planning.actions.capacity import plan_capacity

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    query = _query(pool, until, objective, what_if, level)
    with open_app() as app:
        plans = plan_capacity(app.store, query, at)
    if plot is not None and plans:
        from runlore.planning.capacity_plots import DPI, draw_capacity

        draw_capacity(plans).savefig(plot, dpi=DPI)
    _show(plans, plot, as_json=json)


def _query(
    pool: str | None, until: str, objective: str | None, what_if: list[str] | None, level: float
) -> "CapacityQuery":
    from runlore.kernel.durations import DAY_S
    from runlore.planning.actions.capacity import CapacityQuery
    from runlore.planning.rules.capacity.lengths import read_length_s
    from runlore.planning.rules.capacity.scenario import read_scenario
    from runlore.planning.rules.capacity.waiting import read_objective

    return CapacityQuery(
        pool,
        int(read_length_s(until, "until") // DAY_S),
        level,
        None if objective is None else read_objective(objective),
        tuple(map(read_scenario, what_if or ())),
    )


def _show(plans: "list[PoolCapacity]", plot: Path | None, *, as_json: bool) -> None:
    from dataclasses import asdict

    from runlore.planning.capacity_views import explain_pool, show_pool, tabulate_scenario

    views = [show_pool(one, with_days=as_json) for one in plans]
    if as_json:
        emit_json({"pools": [asdict(view) for view in views]})
    elif not views:
        echo("No pool is declared: `runlore plan pools --set FILE.json` declares them.")
    else:
        for view in views:
            for line in explain_pool(view):
                echo(line)
        rows = [tabulate_scenario(view.pool, one) for view in views for one in view.scenarios]
        if len(rows) > len(views):
            emit_table("Scenarios", rows)
        if plot is not None:
            echo(f"drawn: {plot}")
    if all(view.scenarios[0].full.state == "unknown" for view in views):
        raise typer.Exit(1)
