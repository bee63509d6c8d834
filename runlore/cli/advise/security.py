"""`runlore advise security`: attacks that rules find in logins, commands and changes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.advice.rules.security.rule import RuleSet

Level = Literal["informational", "low", "medium", "high", "critical"]
RulesFolder = Annotated[
    Path | None,
    typer.Option(
        "--rules", metavar="DIR", help="More rules, in Sigma format.  [default: as in the settings]"
    ),
]

group = typer.Typer(help="Find attacks in logins, commands and changes.")


@group.callback(invoke_without_command=True)
def security(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option(metavar="ISO", help="From here on.  [default: 7 days ago]")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="ISO", help="Use what was known then.  [default: now]")
    ] = None,
    level: Annotated[Level, typer.Option(help="The least level to show.")] = "low",
    cause: Annotated[str | None, typer.Option(help="Only this address, user or host.")] = None,
    rules: RulesFolder = None,
    json: Json = False,
) -> None:
    """Find attacks in logins, commands and changes.

    Rules in Sigma format are evaluated over executions that were submitted since then. What they
    find about one address, user or host is one alert. The exit code is 1 if there are any.

    Example: runlore advise security --since 2026-11-01T00:00:00Z --level high
    """
    if context.invoked_subcommand is None:
        count = _show((since, as_of, level, cause), rules, as_json=json)
        raise typer.Exit(int(count > 0))


def _show(
    asked: tuple[str | None, str | None, Level, str | None], folder: Path | None, *, as_json: bool
) -> int:
    """Print the alerts; returns how many there are."""
    from dataclasses import asdict

    from runlore.advice.actions.security import DEFAULT_SINCE, SecurityQuery, find_incidents
    from runlore.advice.actions.security_rule_files import load_rules
    from runlore.advice.security_views import show_incident, tabulate
    from runlore.app import open_app
    from runlore.kernel import instants

    since, as_of, level, cause = asked
    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    begin = at - DEFAULT_SINCE if since is None else instants.parse(since, "since")
    with open_app() as app:
        known = load_rules(folder or app.settings.sigma_rules)
        query = SecurityQuery(begin, at, app.settings.alarms_a_week, level, cause)
        found = find_incidents(app.store, known, query)
    views = [show_incident(one) for one in found.incidents]
    if as_json:
        shown = {"since": begin, "as_of": at, "events": found.events, "is_cut": found.is_cut}
        shown |= {"alerts": [asdict(view) for view in views]}
        emit_json(shown | {"refused_rules": [asdict(one) for one in known.refused]})
        return len(views)
    _warn(known)
    if views:
        emit_table(f"{len(views)} alerts", [tabulate(view) for view in views])
    echo(f"{found.events:,} events checked by {len(known.rules)} rules since {begin:%Y-%m-%d}")
    if found.is_cut:
        echo("there are more alerts; ask for a later --since or a higher --level")
    return len(views)


@group.command("rules")
def list_rules(rules: RulesFolder = None, json: Json = False) -> None:
    """List the rules, and those that are refused with reason and fix.

    The exit code is 1 if a rule is refused.

    Example: runlore advise security rules --rules ./my-rules
    """
    from runlore.advice.actions.security_rule_files import load_rules
    from runlore.app import open_app

    with open_app(delivers=False) as app:
        known = load_rules(rules or app.settings.sigma_rules)
    if json:
        listed = [
            {
                "name": one.name,
                "title": one.title,
                "level": one.level,
                "file": one.file,
                "alerts": one.alerts,
                "cause": one.cause,
                "tags": one.tags,
            }
            for one in known.rules
        ]
        refused = [vars(one) for one in known.refused]
        emit_json({"rules": listed, "refused": refused})
    else:
        table: list[dict[str, object]] = [
            {"name": one.name, "level": one.level, "finds": one.title, "file": one.file}
            for one in known.rules
            if one.alerts
        ]
        emit_table(f"{len(table)} rules that raise alerts", table)
        _warn(known)
    raise typer.Exit(int(bool(known.refused)))


def _warn(known: "RuleSet") -> None:
    for one in known.refused:
        echo(f"refused: {one.file}: {one.reason}; {one.fix}", err=True)
