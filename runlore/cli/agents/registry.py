"""`runlore agents register`, `list`, `state` and `remove`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.agents.queries.registry import AgentRow

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="What people call it; none: as on its card.")
]
Card = Annotated[
    str | None, typer.Option(metavar="URL", help="The A2A card of an agent of others.")
]
AgentId = Annotated[str, typer.Argument(metavar="ID", help="As `agents list` shows it.")]
Type = Annotated[
    str,
    typer.Option("--type", help="generator, reviewer, optimizer, coordinator, analyzer or custom."),
]
Capability = Annotated[
    list[str] | None, typer.Option(help="What it can do; may be repeated.", show_default=False)
]
Slots = Annotated[int, typer.Option(help="Tasks that it can do at a time.")]
A2a = Annotated[
    str | None, typer.Option(metavar="URL", help="Send it tasks by A2A at this address.")
]
Mcp = Annotated[
    str | None, typer.Option(metavar="URL", help="Send it tasks as calls of an MCP server's tool.")
]
Tool = Annotated[str | None, typer.Option(help="The tool of the MCP server.")]
TokenVariable = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Variable with its secret: RUNLORE_AGENT_TOKEN_…"),
]
Version = Annotated[str, typer.Option(help="MAJOR.MINOR.PATCH of the agent.")]
OfType = Annotated[str | None, typer.Option("--type", help="Only agents of this type.")]
State = Annotated[str, typer.Argument(metavar="STATE", help="active, draining or maintenance.")]
Reason = Annotated[str, typer.Option(help="Why, in one line.")]


def register(
    name: Name = None,
    type_: Type = "custom",
    capability: Capability = None,
    slots: Slots = 10,
    version: Version = "1.0.0",
    card: Card = None,
    a2a: A2a = None,
    mcp: Mcp = None,
    tool: Tool = None,
    token_variable: TokenVariable = None,
    json: Json = False,
) -> None:
    """Register an agent.

    It asks for its tasks. With --card, --a2a or --mcp, `runlore agents dispatch` sends them to it.

    Example: runlore agents register ann --type generator --capability text --slots 5
    """
    from runlore.agents.actions.outside_cards import profile_by_card
    from runlore.agents.actions.registering import register_agent
    from runlore.agents.delivery.outside import outside_limits
    from runlore.agents.rules.registration import AgentProfile
    from runlore.app import open_app
    from runlore.kernel.errors import BadInput

    given = {"name": name, "token_variable": token_variable, "capabilities": capability}
    own: dict[str, Any] = {key: value for key, value in given.items() if value}
    own |= {"type": type_, "max_concurrent_tasks": slots}
    with open_app() as app:
        if card:
            limits = outside_limits(app.settings.agent_addresses)
            profile = profile_by_card(card, own, limits)
        elif name:
            way = "a2a" if a2a else "mcp" if mcp else "pull"
            reach = {"way": way, "address": a2a or mcp, "tool": tool, "version": version}
            profile = AgentProfile(**own | reach)
        else:
            raise BadInput("NAME: give the agent a name, or its --card", "agent_name")
        row = register_agent(app.store, profile)
    if json:
        emit_json(agent_dict(row))
    else:
        echo(f"Agent {row.name} is registered: {row.id}")


def list_(
    type_: OfType = None, capability: Capability = None, limit: int = 100, json: Json = False
) -> None:
    """List agents with their load and how their tasks ended.

    Example: runlore agents list --capability text
    """
    from runlore.agents.actions.registering import list_agents
    from runlore.agents.queries.registry import AgentFilter
    from runlore.app import open_app

    wanted = AgentFilter(type=type_, capabilities=tuple(capability or ()), limit=limit)
    with open_app() as app:
        page = list_agents(app.store, wanted)
    if json:
        emit_json(
            {"agents": [agent_dict(row) for row in page.agents], "next_after": page.next_after}
        )
    elif page.agents:
        emit_table(f"{len(page.agents)} agents", [_line(row) for row in page.agents])
    else:
        echo("No agent: `runlore agents register NAME` registers one.")


def state(agent_id: AgentId, new: State, reason: Reason = "", json: Json = False) -> None:
    """Drain an agent, take it into maintenance, or bring it back.

    draining: it finishes what it has. maintenance: it gets nothing.

    Example: runlore agents state 1b0c… draining --reason "new version"
    """
    from typing import cast

    from runlore.agents.actions.registering import set_agent_state
    from runlore.agents.rules.registration import AgentState
    from runlore.app import open_app

    with open_app() as app:
        row = set_agent_state(app.store, parse_id(agent_id), cast(AgentState, new), reason)
    if json:
        emit_json(agent_dict(row))
    else:
        echo(f"Agent {row.name} is {row.state}.")


def remove(agent_id: AgentId, json: Json = False) -> None:
    """Remove an agent. Its tasks go back to the queue when their leases end.

    Example: runlore agents remove 1b0c…
    """
    from runlore.agents.actions.registering import remove_agent
    from runlore.app import open_app

    with open_app() as app:
        remove_agent(app.store, parse_id(agent_id))
    if json:
        emit_json({"id": agent_id, "is_removed": True})
    else:
        echo("The agent is removed.")


def parse_id(text: str, what: str = "ID") -> UUID:
    from runlore.kernel.errors import BadInput

    try:
        return UUID(text)
    except ValueError as error:
        raise BadInput(f"{what}: {text[:40]!r} is no id (UUID)", "id") from error


def agent_dict(row: "AgentRow") -> dict[str, Any]:
    from runlore.agents.actions.registering import agent_status

    return asdict(row) | {"status": agent_status(row)}


def _line(row: "AgentRow") -> dict[str, object]:
    from runlore.agents.actions.registering import agent_status

    ended = row.tasks_completed + row.tasks_failed
    return {
        "id": str(row.id),
        "agent": row.name,
        "type": row.type,
        "status": agent_status(row),
        "load": f"{row.in_hand}/{row.max_concurrent_tasks}",
        "succeeded": f"{row.tasks_completed / ended:.0%} of {ended}" if ended else "no task ended",
        "mean time": "" if row.mean_duration_s is None else f"{row.mean_duration_s:.1f} s",
    }
