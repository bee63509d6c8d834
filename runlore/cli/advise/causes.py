"""`runlore advise why`: why executions failed."""

from typing import Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.plan.estimates import AsOf

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]", help="A kind, a scope, or the id of a failed execution.  [default: all]"
    ),
]
Kind = Annotated[str | None, typer.Option(help="Only executions of this kind.")]
Scope = Annotated[str | None, typer.Option(help="Only executions of this scope.")]
Execution = Annotated[str | None, typer.Option(help="The id of an execution that failed.")]
Since = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Start of the incident.  [default: found in the last 7 days]"),
]
Until = Annotated[
    str | None, typer.Option(metavar="ISO", help="End of the incident.  [default: as of]")
]


def why(
    name: Name = None,
    kind: Kind = None,
    scope: Scope = None,
    execution: Execution = None,
    since: Since = None,
    until: Until = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Say why failures rose, or that it is not known.

    Compares failed executions with like ones that succeeded, and with the 28 days before. A cause
    is named only if chance, other values and earlier habits do not explain it as well.

    Example: runlore advise why backup --since 2026-11-30T08:00:00Z
    """
    from dataclasses import asdict, replace

    from runlore.advice.actions.causes import CauseQuestion, ask_about, find_causes
    from runlore.advice.cause_views import show_causes, tabulate_metric, tabulate_suspect
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.kernel.errors import BadInput

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    if name is not None and (kind or scope or execution):
        raise BadInput("name: leave it out with --kind, --scope or --execution", "name")
    with open_app() as app:
        question = CauseQuestion(at, kind, scope, execution)
        if name is not None:
            question = ask_about(app.store, name, at)
        question = replace(
            question,
            since=None if since is None else instants.parse(since, "since"),
            until=None if until is None else instants.parse(until, "until"),
        )
        view = show_causes(find_causes(app.store, question))
    if json:
        emit_json(asdict(view))
        return
    echo(f"{view.since:%Y-%m-%d %H:%M} to {view.until:%Y-%m-%d %H:%M} UTC. {view.text}")
    emit_table("", [tabulate_suspect(one) for one in view.suspects])
    if view.metrics:
        emit_table("moved at the same time", [tabulate_metric(one) for one in view.metrics])
