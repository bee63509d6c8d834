"""`runlore plan estimate`: what work will take, before it is done."""

from typing import Annotated

import typer

from runlore.cli.output import Json, echo, emit_json
from runlore.cli.serving.works import Inputs

Measure = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What to estimate: duration_s, or the name of a number in outcomes, such as cost.",
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Use only what was known at this instant.  [default: now]"),
]


def estimate(
    kind: Annotated[str, typer.Option(help="What sort of work it is.")],
    inputs: Inputs = None,
    actor: Annotated[str | None, typer.Option(help="Who asks for the work.")] = None,
    scope: Annotated[str | None, typer.Option(help="On or for what, such as a project.")] = None,
    measure: Measure = "duration_s",
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Estimate what a task will take, from finished tasks of its kind.

    Several small models answer together, each weighing as much as its past errors allow. The answer
    has an interval, says whether it is promised to be within 15 %, and on what it rests. The kind
    needs 15 finished tasks that succeeded.

    Example: runlore plan estimate --kind build --input nodes=4 --measure cost
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.cli.serving.works import read_inputs
    from runlore.kernel import instants
    from runlore.planning.actions.estimates import PlannedTask, estimate_task
    from runlore.planning.views import explain_estimate, show_estimate

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    task = PlannedTask(kind, measure, actor, scope, read_inputs(inputs))
    with open_app() as app:
        view = show_estimate(estimate_task(app.store, task, at))
    if json:
        emit_json(asdict(view))
        return
    for line in explain_estimate(view):
        echo(line)
