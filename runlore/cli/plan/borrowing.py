"""`runlore plan borrow`: what work takes in a project that has done little of it."""

from typing import Annotated

import typer

from runlore.cli.output import Json, echo, emit_json
from runlore.cli.plan.estimates import AsOf
from runlore.cli.plan.projects import Project


def borrow(
    project: Project,
    kind: Annotated[str, typer.Option(help="What sort of work it is.")],
    measure: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="duration_s, failed, or the name of a number in outcomes."
        ),
    ] = "duration_s",
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Estimate what work takes in a project that has done little of it.

    Its own tasks and those of other projects count together, as far as that made errors smaller
    when past projects were new. Where it did not, only its own tasks count. Without one of its own,
    the mean of other projects is a guess.

    Example: runlore plan borrow web --kind build
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.planning.actions import transfer
    from runlore.planning.transfer_views import explain_borrowed, show_borrowed

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app:
        view = show_borrowed(transfer.borrow(app.store, project, kind, measure, at))
    if json:
        emit_json(asdict(view))
        return
    for line in explain_borrowed(view):
        echo(line)
