"""`runlore agents dispatch` and `card`: agents that are sent their tasks."""

import contextlib
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.agents.registry import AgentId, agent_dict, parse_id
from runlore.cli.output import Json, echo, emit_json

if TYPE_CHECKING:
    from runlore.agents.delivery.outside import OutsideLimits
    from runlore.store.engine import Store

Slots = Annotated[int, typer.Option(min=1, max=200, help="Tasks that are sent at a time.")]
Timeout = Annotated[float, typer.Option(min=1, help="Seconds that an attempt may take.")]
UntilIdle = Annotated[bool, typer.Option("--until-idle", help="End when no task can begin.")]


def dispatch(
    slots: Slots = 16, timeout: Timeout = 600.0, until_idle: UntilIdle = False, json: Json = False
) -> None:
    """Send tasks to agents by A2A and MCP, until Ctrl-C. Several may run at once.

    Example: runlore agents dispatch --slots 16
    """
    from dataclasses import asdict

    from runlore.agents.actions.dispatching import DispatchPolicy, dispatcher
    from runlore.agents.delivery.outside import outside_limits
    from runlore.app import open_app
    from runlore.cli.stack import ended_by_signals

    with open_app() as app, ended_by_signals():
        limits = outside_limits(app.settings.agent_addresses)
        worker = dispatcher(app.store, DispatchPolicy(limits, timeout), slots)
        if not until_idle:
            echo("Tasks go to agents by A2A and MCP; Ctrl-C ends it.", err=json)
            visits = threading.Thread(
                target=_visit, args=(app.store, limits, worker.end), daemon=True, name="visits"
            )
            visits.start()
        try:
            done = worker.run(until_idle=until_idle)
        except KeyboardInterrupt:
            done = worker.done
    if json:
        emit_json(asdict(done))
    else:
        echo(f"{done.completed} tasks completed, {done.failed} failed, {done.lost} lost.")


def card(agent_id: AgentId, json: Json = False) -> None:
    """Read the card of an agent of others again, and show what changed.

    Example: runlore agents card 1b0c…
    """
    from runlore.agents.actions.outside_cards import read_card_again
    from runlore.agents.delivery.outside import outside_limits
    from runlore.app import open_app

    with open_app() as app:
        limits = outside_limits(app.settings.agent_addresses)
        read = read_card_again(app.store, parse_id(agent_id), limits)
    if json:
        emit_json({"agent": agent_dict(read.agent), "changes": read.changes})
    else:
        echo("\n".join(read.changes) or "Nothing changed.")


def _visit(store: "Store", limits: "OutsideLimits", end: threading.Event) -> None:
    from runlore.agents.actions.dispatching import VISIT_S, visit_agents
    from runlore.kernel.errors import Unavailable

    while not end.is_set():
        with contextlib.suppress(Unavailable):  # the next one may reach the database
            visit_agents(store, limits)
        end.wait(VISIT_S)
