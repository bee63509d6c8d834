"""`runlore marketplace install`, `installed`, `updates`, `update` and `uninstall`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.agents.registry import AgentId, parse_id
from runlore.cli.marketplace.catalog import Package
from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.marketplace.queries.installations import InstallationRow

CustomName = Annotated[str | None, typer.Option("--name", help="Name of the agent.")]
Accept = Annotated[
    list[str] | None,
    typer.Option(help="Grant this permission or `limit:NAME` in addition; may be repeated."),
]


def install(package: Package, name: CustomName = None, json: Json = False) -> None:
    """Install a package: register its agent, with the permissions that it asks for.

    Nothing is charged, whatever the package's price says.

    Example: runlore marketplace install trend-analyzer --name "Trends of shop 1"
    """
    from runlore.app import open_app
    from runlore.marketplace.actions import installing
    from runlore.marketplace.actions.catalog import package_id_of

    with open_app() as app:
        row = installing.install(app.store, package_id_of(app.store, package), name)
    granted = f" It may: {', '.join(row.permissions)}." if row.permissions else ""
    text = f"{row.package} {row.version} is installed as agent {row.agent_name}: {row.agent_id}."
    _emit(row, f"{text}{granted}", json)


def installed_(json: Json = False) -> None:
    """List installed packages.

    Example: runlore marketplace installed
    """
    from runlore.app import open_app
    from runlore.marketplace.actions.installing import list_installed

    with open_app() as app:
        rows = list_installed(app.store)
    if json:
        emit_json({"installed": [asdict(row) for row in rows]})
    elif rows:
        emit_table(f"{len(rows)} installed packages", [_line(row) for row in rows])
    else:
        echo("Nothing is installed: `runlore marketplace search` shows what there is.")


def updates(agent_id: AgentId, json: Json = False) -> None:
    """Show what an update of an installed agent would change, and whether it is stopped.

    Example: runlore marketplace updates 1b0c…
    """
    from runlore.app import open_app
    from runlore.marketplace.actions.installing import check_update
    from runlore.marketplace.rules.differences import describe_difference

    with open_app() as app:
        found = check_update(app.store, parse_id(agent_id))
    if json:
        emit_json(asdict(found))
        return
    if found.decision is None:
        echo(f"{found.installation.package} {found.installation.version} is up to date.")
        return
    for one in found.versions:
        echo(f"{one.version}: {one.changelog or 'no changelog'}")
    echo(f"Difference: {describe_difference(found.decision.difference)}")
    for reason in found.stopped:
        echo(f"Stopped: {reason}")


def update(agent_id: AgentId, accept: Accept = None, json: Json = False) -> None:
    """Update an installed agent. It stops where the new version asks for more.

    Example: runlore marketplace update 1b0c… --accept net:api.example.org
    """
    from runlore.app import open_app
    from runlore.marketplace.actions import installing

    with open_app() as app:
        row = installing.update(app.store, parse_id(agent_id), accept or ())
    _emit(row, f"Agent {row.agent_name} is {row.package} {row.version}.", json)


def uninstall(agent_id: AgentId, json: Json = False) -> None:
    """Uninstall a package: remove its agent. What its tasks have shown stays on record.

    Example: runlore marketplace uninstall 1b0c…
    """
    from runlore.app import open_app
    from runlore.marketplace.actions import installing

    with open_app() as app:
        row = installing.uninstall(app.store, parse_id(agent_id))
    _emit(row, f"{row.package} is uninstalled; agent {row.agent_name} is removed.", json)


def _emit(row: "InstallationRow", text: str, json: bool) -> None:
    if json:
        emit_json(asdict(row))
    else:
        echo(text)


def _line(row: "InstallationRow") -> dict[str, Any]:
    return {
        "agent id": str(row.agent_id),
        "agent": row.agent_name,
        "package": row.package,
        "version": row.version,
        "newest": row.latest_version,
        "permissions": ", ".join(row.permissions) or "none",
    }
