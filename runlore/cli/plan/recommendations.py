"""`runlore plan recommend`, `recommendations` and `decide`: what has worked in other projects."""

from typing import Annotated, Literal

import typer

from runlore.cli.anomalies import Actor
from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.plan.projects import Project


def recommend(project: Project, actor: Actor = "cli", json: Json = False) -> None:
    """Recommend to a project what has worked in projects like it.

    Values of inputs are compared within each project. What is shown holds after correction for all
    comparisons made. Each recommendation is kept; follow or dismiss it with `runlore plan decide`.

    Example: runlore plan recommend web
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.planning.actions import recommendations
    from runlore.planning.actions.projects import map_projects
    from runlore.planning.recommendation_views import show_advice

    at = instants.now()
    with open_app() as app:
        projects = map_projects(app.store, at)
        view = show_advice(recommendations.recommend(app.store, projects, project, actor, at))
    if json:
        emit_json(asdict(view))
        return
    for one in view.recommendations:
        echo(f"{one.id}: {one.text} ({one.decision or 'open'})")
    if not view.recommendations:
        echo(f"No recommendation: {view.reason}.")


def list_recommendations(
    project: Annotated[str | None, typer.Option(help="Only those to this project.")] = None,
    json: Json = False,
) -> None:
    """List all recommendations with what was decided, and what came of them.

    Example: runlore plan recommendations --project web
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.planning.actions import recommendations
    from runlore.planning.recommendation_views import outcome_text, show_recommendation

    at = instants.now()
    with open_app() as app:
        rows = recommendations.list_recommendations(app.store, at, project)
        groups = recommendations.outcomes(app.store, at)
    views = [show_recommendation(one) for one in rows]
    if json:
        shown = [asdict(one) for one in views]
        emit_json({"recommendations": shown, "outcomes": [asdict(one) for one in groups]})
        return
    if not views:
        echo("No recommendation was made yet; `runlore plan recommend PROJECT` makes them.")
        return
    table: list[dict[str, object]] = [
        {"id": one.id, "project": one.project, "what": one.text, "decision": one.decision or "open"}
        for one in views
    ]
    emit_table(f"{len(views)} recommendations", table)
    for group in groups:
        if group.recommendations:
            echo(outcome_text(group))


def decide(
    number: Annotated[int, typer.Argument(metavar="ID", help="As `plan recommendations` shows.")],
    decision: Annotated[Literal["follow", "dismiss"], typer.Argument(help="follow or dismiss")],
    reason: Annotated[str, typer.Option(help="Why, in one line.")] = "",
    actor: Actor = "cli",
    json: Json = False,
) -> None:
    """Follow or dismiss a recommendation. A decision stays.

    Example: runlore plan decide 3 follow --reason "the cache is worth a try"
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.planning.actions import recommendations

    with open_app() as app:
        recommendations.decide(app.store, number, decision, actor, reason, instants.now())
    if json:
        emit_json({"id": number, "decision": decision})
    else:
        echo(f"Recommendation {number}: {decision}.")
