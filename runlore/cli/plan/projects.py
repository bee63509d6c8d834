"""`runlore plan similar` and `runlore plan projects`: which projects are alike."""

from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.plan.estimates import AsOf

if TYPE_CHECKING:
    from runlore.planning.project_views import SimilarProject

Project = Annotated[str, typer.Argument(metavar="PROJECT", help="A scope of the log.")]


def similar(
    project: Project,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many to list.")] = 10,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """List the projects that are most like one.

    Likeness is a number from 0 to 100 % for each part: kinds, inputs and words (what they do);
    durations, failures and costs (how it goes). What too little is known of is unknown.

    Example: runlore plan similar web
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.planning.actions.projects import find_similar, map_projects
    from runlore.planning.project_views import show_similar

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app:
        view = show_similar(find_similar(map_projects(app.store, at), project, limit))
    if json:
        emit_json(asdict(view))
        return
    category = f", category {view.category}" if view.category else ""
    title = f"Most like {project} ({view.executions:,} executions{category}), of {view.compared:,}"
    if view.similar:
        emit_table(title, [_row(one) for one in view.similar])
    else:
        echo(f"{project} is the only project of the log.")


def projects(as_of: AsOf = None, json: Json = False) -> None:
    """List the categories of projects, and what sets them apart.

    Example: runlore plan projects
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.planning.actions.projects import map_projects
    from runlore.planning.project_views import show_map

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app:
        view = show_map(map_projects(app.store, at))
    if json:
        emit_json(asdict(view))
    elif not view.projects:
        echo("The log has no projects: no execution has a scope.")
    elif not view.categories:
        echo(f"{len(view.projects):,} projects; too little is known of them for categories.")
    else:
        rows: list[dict[str, object]] = [
            {"category": one.name, "projects": len(one.projects), "such as": one.projects[:5]}
            for one in view.categories
        ]
        emit_table(f"{len(view.projects):,} projects", rows)


def _row(one: "SimilarProject") -> dict[str, object]:
    from runlore.planning.project_views import likeness_text

    parts = {part.part: likeness_text(part.likeness) for part in one.parts}
    return {"project": one.project, "likeness": likeness_text(one.likeness), **parts}
