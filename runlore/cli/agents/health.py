"""`runlore agents health` and `runlore agents probe`."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from runlore.cli.agents.registry import parse_id
from runlore.cli.output import Json, echo, emit_json, emit_table

probe = typer.Typer(no_args_is_help=True, help="Declare tasks with a known answer.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")]
MaybeAgent = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="As `agents list` shows it; none: all.")
]
Type = Annotated[str, typer.Option("--type", help="The type of task that it is.")]
Capability = Annotated[
    list[str] | None,
    typer.Option(help="Only for agents that have it; may be repeated.", show_default=False),
]
Rule = Annotated[
    str,
    typer.Option(help="The right answer, as JSON: equals, includes, fields, contains."),
]
MaxS = Annotated[float, typer.Option("--max-s", help="Seconds within which it is answered.")]
EveryS = Annotated[float, typer.Option("--every-s", help="Seconds between two, of one agent.")]
ProbeId = Annotated[str, typer.Argument(metavar="ID", help="As `probe list` shows it.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Use only what was known then.")]


@probe.command()
def add(
    name: Name,
    type_: Type,
    rule: Rule,
    input_: Annotated[str, typer.Option("--input", help="The task's input, as JSON.")] = "{}",
    capability: Capability = None,
    max_s: MaxS = 10.0,
    every_s: EveryS = 60.0,
    json: Json = False,
) -> None:
    """Declare a probe: a task with a known answer, sent to each able agent again and again.

    Example: runlore agents probe add adds --type sum --rule '{"includes": {"sum": 4}}'
    """
    from runlore.agents.actions.probing import add_probe
    from runlore.agents.rules.probe import NewProbe
    from runlore.app import open_app

    values = _object(rule, "rule"), capability or (), _object(input_, "input"), max_s, every_s
    with open_app() as app:
        row = add_probe(app.store, NewProbe(name, type_, *values))
    if json:
        emit_json(asdict(row))
    else:
        echo(f"Probe {row.name}: a running service sends it to able agents every {every_s:g} s.")


@probe.command(name="list")
def list_(json: Json = False) -> None:
    """List probes.

    Example: runlore agents probe list
    """
    from runlore.agents.actions.probing import list_probes
    from runlore.app import open_app

    with open_app() as app:
        rows = list_probes(app.store)
    if json:
        emit_json({"probes": [asdict(row) for row in rows]})
    elif rows:
        emit_table(
            f"{len(rows)} probes",
            [
                {
                    "id": str(row.id),
                    "probe": row.name,
                    "type": row.task_type,
                    "for": ", ".join(row.required_capabilities) or "all",
                    "within": f"{row.max_s:g} s",
                    "every": f"{row.every_s:g} s",
                }
                for row in rows
            ],
        )
    else:
        echo("No probe: `runlore agents probe add NAME` declares one.")


@probe.command()
def remove(probe_id: ProbeId, json: Json = False) -> None:
    """Remove a probe.

    Example: runlore agents probe remove 1b0c…
    """
    from runlore.agents.actions.probing import remove_probe
    from runlore.app import open_app

    with open_app() as app:
        remove_probe(app.store, parse_id(probe_id))
    if json:
        emit_json({"id": probe_id, "is_removed": True})
    else:
        echo("The probe is removed.")


def health(agent_id: MaybeAgent = None, as_of: AsOf = None, json: Json = False) -> None:
    """Show whether agents work: quarantines and fallen skills; of one agent, the evidence.

    Example: runlore agents health
    """
    from runlore.agents.actions.probing import read_health
    from runlore.app import open_app
    from runlore.kernel import instants

    at = instants.now() if as_of is None else instants.parse(as_of, "as_of")
    with open_app() as app:
        if agent_id is None:
            _show_overview(app.store, json=json)
            return
        found = read_health(app.store, parse_id(agent_id), at)
    if json:
        emit_json(asdict(found))
        return
    state = "is in quarantine" if found.is_quarantined else "gets tasks"
    since = f" since {found.since:%Y-%m-%d %H:%M:%S} UTC: {found.reason}" if found.since else ""
    echo(f"Agent {found.name} {state}{since}")
    if found.evidence:
        emit_table("Evidence, the newest first", [_line(vars(one)) for one in found.evidence])


def _show_overview(store: Any, *, json: bool) -> None:  # noqa: ANN401  (imported where it is used)
    from runlore.agents.actions.probing import read_overview

    found = read_overview(store)
    if json:
        emit_json(asdict(found))
        return
    for agent in found.quarantined:
        echo(f"{agent.name} ({agent.id}) is in quarantine: {agent.quarantine_reason}")
    for skill in found.fallen:
        echo(
            f"{skill.name} ({skill.agent_id}) fails more tasks of type {skill.task_type}"
            " than before"
        )
    if not (found.quarantined or found.fallen):
        echo("No agent is in quarantine, and no skill has fallen.")


def _line(row: dict[str, Any]) -> dict[str, object]:
    return {
        "at": f"{row['at']:%m-%d %H:%M:%S}",
        "what": row["kind"],
        "weight": f"{row['weight']:+.2f}",
        "score": f"{row['score']:.2f}",
        "detail": row["detail"],
    }


def _object(text: str, name: str) -> dict[str, Any]:
    import json

    from runlore.kernel.errors import BadInput

    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadInput(f"--{name}: is no JSON: {error}", name) from error
    if not isinstance(value, dict):
        raise BadInput(f"--{name}: give a JSON object, such as '{{\"a\": 1}}'", name)
    return value
