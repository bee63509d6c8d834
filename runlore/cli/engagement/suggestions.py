"""`runlore engagement suggest`: what to change about posts."""

from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.anomalies import Actor
from runlore.cli.engagement.scores import suggestion_sources
from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.plan.estimates import AsOf

if TYPE_CHECKING:
    from runlore.engagement.suggestion_views import SuggestionsView
    from runlore.store.engine import Store

Context = Annotated[str | None, typer.Argument(metavar="[ID]", help="Of the post in its source.")]
Target = Annotated[
    float | None,
    typer.Option("--target-score", help="A content score, 0 to 100: say what would reach it."),
]
SourceOption = Annotated[str | None, typer.Option("--source", help="Where several have the id.")]
All = Annotated[bool, typer.Option("--all", help="Search every persona that is due.")]


def suggest(
    context: Context = None,
    target_score: Target = None,
    source: SourceOption = None,
    everyone: All = False,
    as_of: AsOf = None,
    actor: Actor = "cli",
    json: Json = False,
) -> None:
    """Suggest another hour, hashtags, length, media or call to action for a draft or a post.

    What the persona's own posts support is kept on the ledger of advice. Where they cannot say, a
    rule of thumb is shown as one. With --as-of nothing is searched or kept.

    Example: runlore engagement suggest post-17 --target-score 80
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.engagement.actions.suggesting import SuggestionRequest, search_post, suggest
    from runlore.engagement.suggestion_views import show_suggestions
    from runlore.kernel import instants
    from runlore.kernel.errors import BadInput

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app:
        if everyone:
            _search_all(app.store, actor, json=json)
            return
        if context is None:
            raise BadInput("id: name a post, or give --all", "id")
        request = SuggestionRequest(context, at, source, target_score)
        if as_of is None:
            search_post(app.store, request, actor)
        sources = suggestion_sources(app, at) if as_of is None else None
        view = show_suggestions(suggest(app.store, request, sources))
    if json:
        emit_json(asdict(view))
    else:
        _show(view)


def record(as_of: AsOf = None, json: Json = False) -> None:
    """Show what came of suggestions, by what they change.

    Example: runlore engagement suggestion-record
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.engagement.actions.suggestion_record import suggestion_record
    from runlore.kernel import instants

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app:
        rows = [asdict(one) for one in suggestion_record(app.store, at)]
    if json:
        emit_json({"record": rows})
    elif rows:
        emit_table("What came of suggestions", rows)
    else:
        echo("No suggestion is on the ledger.")


def _search_all(store: "Store", actor: str, *, json: bool) -> None:
    from runlore.engagement.actions.suggesting import search_all
    from runlore.engagement.actions.suggestion_record import score_suggestions
    from runlore.kernel import instants

    at = instants.now()
    scored, withdrawn = score_suggestions(store, at)

    def tick(done: int, of: int) -> None:
        if not json and done % 25 == 0:
            echo(f"{done} of {of}")

    personas, advised = search_all(store, actor, at, tick)
    made = {"scored": scored, "withdrawn": withdrawn, "personas": personas, "advised": advised}
    if json:
        emit_json(made)
    else:
        echo(f"{scored} scored, {withdrawn} withdrawn; {advised} of {personas} have suggestions")


def _show(view: "SuggestionsView") -> None:
    head = f"{view.context_id} by {view.persona} on {view.platform}: {view.posts:,} final posts"
    if view.expected_rate is not None:
        head += f"; expected {view.expected_rate:.1f} %, score {view.score:.0f} of 100"
        head += " among its own posts" if view.score_among == "own posts" else ""
    echo(head)
    for one in view.suggestions:
        number = f"{one.id}: " if one.id else "-  "
        echo(f"{number}{one.text}; {one.why}{', ' + one.claim if one.claim else ''}")
        if one.track_record:
            echo(f"   {one.track_record}")
    if view.reason:
        echo(f"By data: {view.reason} ({view.compared} comparisons).")
    for text in view.overridden:
        echo(f"Overridden rule of thumb: {text}")
    if view.target:
        target = view.target
        with_them = f" with {', '.join(target.levers)}" if target.levers else ""
        echo(f"Target {target.score:g} takes {target.rate:.1f} %: {target.answer}{with_them}")
