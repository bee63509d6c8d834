"""`runlore plan estimate`: what work will take, before it is done."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json
from runlore.cli.serving.works import Inputs

if TYPE_CHECKING:
    from runlore.planning.actions.estimates import PlannedTask

Kind = Annotated[str | None, typer.Option(help="What sort of work it is.")]
Actor = Annotated[str | None, typer.Option(help="Who asks for the work.")]
Scope = Annotated[str | None, typer.Option(help="On or for what, such as a project.")]
Measure = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What to estimate: duration_s, or the name of a number in outcomes, such as cost."
        "  [default: duration_s]",
    ),
]
Tasks = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.json",
        help="Tasks of a project instead of --kind: a JSON list of id, kind, inputs and after (ids"
        " of the tasks to wait for); - is standard input.",
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Use only what was known at this instant.  [default: now]"),
]


def estimate(
    kind: Kind = None,
    inputs: Inputs = None,
    actor: Actor = None,
    scope: Scope = None,
    measure: Measure = None,
    tasks: Tasks = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Estimate what a task, or a project of tasks, will take from finished tasks of its kind.

    Several small models answer together, each weighing as much as its past errors allow. The answer
    has an interval, says whether it is promised to be within 15 %, and on what it rests. The kind
    needs 15 finished tasks that succeeded.

    Example: runlore plan estimate --kind build --input nodes=4 --measure cost
    Example: runlore plan estimate --tasks project.json
    """
    from runlore.cli.serving.works import read_inputs
    from runlore.kernel import instants
    from runlore.kernel.errors import BadInput
    from runlore.planning.actions.estimates import DURATION, PlannedTask

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    if tasks is not None:
        if kind is not None or inputs:
            raise BadInput(
                "tasks: the file names kinds and inputs; leave --kind and --input out", "tasks"
            )
        _estimate_project(tasks, {"actor": actor, "scope": scope, "measure": measure}, at, json)
        return
    if kind is None:
        raise BadInput("kind: is missing; pass --kind NAME, or --tasks FILE.json", "kind")
    task = PlannedTask(kind, measure or DURATION, actor, scope, read_inputs(inputs))
    _estimate_one(task, at, json)


def _estimate_one(task: "PlannedTask", at: datetime, json: Json) -> None:
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.planning.actions.estimates import EstimatorCache, estimate_task
    from runlore.planning.views import explain_estimate, show_estimate

    with open_app() as app:
        view = show_estimate(estimate_task(app.store, task, at, EstimatorCache(app.champion_of)))
    if json:
        emit_json(asdict(view))
        return
    for line in explain_estimate(view):
        echo(line)


def _estimate_project(
    file: str, options: Mapping[str, str | None], at: datetime, json: Json
) -> None:
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.planning.actions.estimates import EstimatorCache
    from runlore.planning.actions.project_estimates import estimate_project
    from runlore.planning.actions.task_files import parse_tasks
    from runlore.planning.project_estimate_views import explain_project, show_project

    chosen = {name: value for name, value in options.items() if value is not None}
    listed = parse_tasks(_text(file)).model_copy(update=chosen)
    with open_app() as app:
        cache = EstimatorCache(app.champion_of)
        view = show_project(estimate_project(app.store, listed.planned(), at, cache))
    if json:
        emit_json(asdict(view))
        return
    for line in explain_project(view):
        echo(line)


def _text(file: str) -> str:
    import sys
    from pathlib import Path

    from runlore.kernel.errors import BadInput

    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"tasks: {file}: {error.strerror}", "tasks") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"tasks: {file} is not UTF-8 text; save it as JSON", "tasks") from error
