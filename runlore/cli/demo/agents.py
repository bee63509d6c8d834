"""`runlore demo agents`: two policies of routing beside each other, with agents that die."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.agents.actions.simulated_work import SimulatedWork
    from runlore.app import App
    from runlore.simulate.agents import SimulatedAgents

Tasks = Annotated[int, typer.Option(min=100, help="Number of tasks of each policy.")]
Agents = Annotated[int, typer.Option(min=6, help="Number of agents; three of them die.")]
Seed = Annotated[int, typer.Option(help="Random seed of skills and outcomes.")]
Plot = Annotated[
    Path | None,
    typer.Option(
        help="Where the picture goes.  [default: demo/agents.png in the home]", show_default=False
    ),
]


def demo_agents(
    tasks: Tasks = 2_000,
    agents: Agents = 20,
    seed: Seed = 7,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Let simulated agents do tasks, by the fixed score and by what they have shown.

    Their skills are known, so what each policy loses against the best agent is known, too. After
    40 % of the tasks three agents die: one fails at all, one hangs, one is gone. Queue, leases and
    routing are the real ones; tasks and agents stay in RUNLORE_HOME, for the console.

    Example: runlore demo agents --tasks 500
    """
    from runlore.agents.simulated_plots import DPI, draw_regret
    from runlore.app import open_app
    from runlore.simulate.agents import simulate_agents

    simulated = simulate_agents(agents, seed)
    with open_app() as app:
        works = _run(app, simulated, tasks, seed)
        path = plot or app.settings.home / "demo" / "agents.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_regret(works, simulated).savefig(path, dpi=DPI)
    if json:
        emit_json({"policies": [_row(one) for one in works], "plot": str(path)})
        return
    emit_table("Lost against always choosing the best living agent", [_row(one) for one in works])
    echo(f"The picture: {path}")
    echo("See agents and tasks: runlore console, then Agents")


def _run(app: "App", simulated: "SimulatedAgents", tasks: int, seed: int) -> "list[SimulatedWork]":
    from runlore.agents.actions.routing import POLICIES
    from runlore.agents.actions.simulated_work import simulate_work
    from runlore.cli.ingest.running import progress_bar
    from runlore.kernel import instants

    works = []
    for policy in POLICIES:
        with progress_bar(f"tasks by {policy}") as progress:
            works.append(
                simulate_work(app.store, simulated, policy, tasks, seed, instants.now, progress)
            )
    return works


def _row(work: "SimulatedWork") -> dict[str, object]:
    return {
        "policy": work.policy,
        "regret": round(float(work.regret[-1]), 1),
        "at random": round(float(work.random[-1]), 1),
        "share": round(work.share, 3),
        "completed": work.counts.completed,
        "failed for good": work.counts.failed,
        "retries": work.counts.retries,
    }
