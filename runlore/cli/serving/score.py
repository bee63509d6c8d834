"""`runlore score`: predict for many executions at once."""

from typing import Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json

Spec = Annotated[str, typer.Argument(help="Name of a spec with a champion.")]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="INSTANT", help="Executions submitted since (ISO 8601).  [default: one day ago]"
    ),
]


def score(spec: Spec, since: Since = None, json: Json = False) -> None:
    """Predict for the latest executions and record the answers.

    The champion answers. Executions that this version has scored before are skipped.

    Example: runlore score duration
    """
    from runlore.app import open_app
    from runlore.cli.flow_run import flow_run
    from runlore.kernel.errors import NoChampion

    with open_app() as app:
        name = app.spec(
            spec
        ).name  # an unknown one, and no champion, are said before a server starts
        if app.registry.champion(name) is None:
            raise NoChampion(name)
        with flow_run(app.settings):
            from flows import serving
            from flows.runner import result_of

            state: Any = serving.score(spec, since, return_state=True)
            scored = result_of(state)
    if scored is None:
        raise NoChampion(spec)
    if json:
        emit_json({"spec": spec, "scored": scored})
    else:
        echo(f"{spec}: {scored:,} new predictions on the ledger")
