"""`runlore agents run` and `builtin`."""

from typing import Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Such as TrendAnalyzer; none: all that can run here."),
]
OneName = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Show the inputs and outputs of this one.")
]
Slots = Annotated[int, typer.Option(min=1, max=64, help="Tasks that are done at a time.")]
UntilIdle = Annotated[bool, typer.Option("--until-idle", help="End when no task can begin.")]


def run(
    name: Names = None, slots: Slots = 1, until_idle: UntilIdle = False, json: Json = False
) -> None:
    """Let Runlore's own agents, and installed components, do their tasks until Ctrl-C.

    Runlore's own are installed from the marketplace where they are not yet.

    Example: runlore agents run QualityReviewerAI TrendAnalyzer
    """
    from dataclasses import asdict

    from runlore.agents.actions.store_worker import StoreWorker
    from runlore.app import open_app
    from runlore.cli.stack import ended_by_signals
    from runlore.language_model import chat_endpoint
    from runlore.marketplace.actions.running import runnable_agents

    with open_app() as app, ended_by_signals():
        agents = runnable_agents(app.store, name or (), chat_endpoint(app.settings))
        worker = StoreWorker(app.store, [agent for _, agent in agents], slots)
        if not until_idle:
            echo(f"{', '.join(title for title, _ in agents)} work; Ctrl-C ends it.", err=json)
        try:
            done = worker.run(until_idle=until_idle)
        except KeyboardInterrupt:
            done = worker.done
    if json:
        emit_json(asdict(done))
    else:
        echo(f"{done.completed} tasks completed, {done.failed} failed, {done.lost} lost.")


def builtin(name: OneName = None, json: Json = False) -> None:
    """List the agents that come with Runlore, or show what one takes and gives as JSON schema.

    Example: runlore agents builtin TrendAnalyzer --json
    """
    from runlore.agents.builtin.catalogue import BUILTIN_AGENTS, find_builtin

    agents = [find_builtin(name)] if name else list(BUILTIN_AGENTS)
    if json:
        emit_json(
            {
                "agents": [
                    {
                        "agent_name": one.name,
                        "agent_type": one.agent_type,
                        "version": one.version,
                        "capabilities": list(one.capabilities),
                        "description": one.description,
                        "tasks": [kind.schemas() for kind in one.kinds],
                    }
                    for one in agents
                ]
            }
        )
        return
    rows: list[dict[str, object]] = [
        {
            "agent": one.name,
            "type": one.agent_type,
            "task types": ", ".join(kind.name for kind in one.kinds),
            "does": one.description,
        }
        for one in agents
    ]
    emit_table("Agents of Runlore", rows)
    for one in agents if name else ():
        for kind in one.kinds:
            fields = ", ".join(kind.schemas()["input"]["properties"])
            echo(f"{kind.name} takes: {fields}")
