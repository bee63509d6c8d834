"""`runlore advise recommend`, `mitigate`, `follow`, `dismiss` and `record`."""

from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.anomalies import Actor
from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.advice.recommendation_views import AdviceAnswer, AdviceEntry
    from runlore.advice.rules.recommendations.searching import Subject
    from runlore.store.engine import Store

Name = Annotated[str | None, typer.Argument(metavar="[ACTOR]", help="A user or an agent.")]
KindOption = Annotated[str | None, typer.Option("--kind", help="Instead: of a kind.")]
ScopeOption = Annotated[str | None, typer.Option("--scope", help="Instead: on a host.")]
All = Annotated[bool, typer.Option("--all", help="Every actor, kind and host with enough runs.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="ISO", help="Use only what was known then.  [default: now]"),
]
Number = Annotated[int, typer.Argument(metavar="ID", help="As `advise recommend` shows it.")]
Reason = Annotated[str, typer.Option(help="Why, in one line.")]


def recommend(
    name: Name = None,
    kind: KindOption = None,
    scope: ScopeOption = None,
    everyone: All = False,
    actor: Actor = "cli",
    json: Json = False,
) -> None:
    """Recommend another hour, weekday, host, input, size, retry or order.

    It is searched in the earlier half of the runs and shown only if the later half confirms it,
    among runs that are alike. What holds is kept; follow or dismiss it.

    Example: runlore advise recommend ann
    """
    from dataclasses import asdict

    from runlore.advice.actions import recommending, track_record
    from runlore.advice.recommendation_views import show_subject
    from runlore.app import open_app
    from runlore.kernel import instants

    at = instants.now()
    with open_app() as app:
        if everyone:
            _recommend_all(app.store, actor, json=json)
            return
        made = recommending.recommend(app.store, _subject(name, kind, scope), actor, at)
        view = show_subject(made, track_record.track_record(app.store, at))
    if json:
        emit_json(asdict(view))
    else:
        _show(view)


def mitigate(
    name: Annotated[str, typer.Argument(metavar="ACTOR", help="Who plans to run it.")],
    kind: Annotated[str, typer.Argument(help="What is planned.")],
    scope: Annotated[str, typer.Option(help="On which host.")] = "",
    start: Annotated[str | None, typer.Option(metavar="ISO", help="When.  [default: now]")] = None,
    value: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=VALUE", help="May be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """Say how likely a planned execution is to fail, and what would help.

    Example: runlore advise mitigate ann backup --scope web-3 --input cache=true
    """
    from dataclasses import asdict

    from runlore.advice.actions.mitigation import PlannedRun, find_mitigation
    from runlore.advice.recommendation_views import show_mitigation
    from runlore.app import open_app
    from runlore.kernel import instants

    at = instants.now()
    submitted = at if start is None else instants.parse(start, "start")
    plan = PlannedRun(name, kind, scope, submitted, _inputs(value or []))
    with open_app() as app:
        view = show_mitigation(find_mitigation(app.store, plan, at))
    if json:
        emit_json(asdict(view))
        return
    echo(view.text)
    _show_entries(view.advice)


def follow(number: Number, reason: Reason = "", actor: Actor = "cli", json: Json = False) -> None:
    """Follow advice. A decision stays.

    Example: runlore advise follow 3 --reason "web-2 has room"
    """
    _decide("follow", number, actor, reason, json=json)


def dismiss(number: Number, reason: Reason = "", actor: Actor = "cli", json: Json = False) -> None:
    """Dismiss advice. It is not given again.

    Example: runlore advise dismiss 3 --reason "web-2 will be retired"
    """
    _decide("dismiss", number, actor, reason, json=json)


def record(as_of: AsOf = None, json: Json = False) -> None:
    """Show what came of advice: followed or not, failures before and after, what was withdrawn.

    Example: runlore advise record
    """
    from dataclasses import asdict

    from runlore.advice.actions.track_record import track_record
    from runlore.advice.recommendation_views import record_text
    from runlore.app import open_app
    from runlore.kernel import instants

    at = instants.now() if as_of is None else instants.parse(as_of, "as_of")
    with open_app() as app:
        rows = track_record(app.store, at)
    if json:
        emit_json({"record": [{**asdict(one), "text": record_text(one)} for one in rows]})
        return
    if not rows:
        echo("No advice was given yet; `runlore advise recommend ACTOR` searches for some.")
        return
    table: list[dict[str, object]] = [
        {"change": one.lever, "measure": one.measure, "what came of it": record_text(one)}
        for one in rows
    ]
    emit_table("What came of advice", table)


def _decide(decision: str, number: int, actor: str, reason: str, *, json: bool) -> None:
    from runlore.advice.actions import recommending
    from runlore.app import open_app
    from runlore.kernel import instants

    word: recommending.PersonDecision = "follow" if decision == "follow" else "dismiss"
    with open_app() as app:
        recommending.decide(app.store, number, word, actor, reason, instants.now())
    if json:
        emit_json({"id": number, "decision": decision})
    else:
        echo(f"Advice {number}: {decision}.")


def _recommend_all(store: "Store", actor: str, *, json: bool) -> None:
    from runlore.advice.actions import recommending, track_record
    from runlore.kernel import instants

    at = instants.now()

    def tick(done: int, of: int) -> None:
        if not json and done % 25 == 0:
            echo(f"{done} of {of}")

    scored, withdrawn = track_record.score_advice(store, at)
    subjects, advised = recommending.recommend_all(store, actor, at, tick)
    if json:
        figures = {"subjects": subjects, "advised": advised}
        emit_json({**figures, "scored": scored, "withdrawn": withdrawn})
    else:
        echo(f"{advised} of {subjects} have advice. {scored} scored, {withdrawn} withdrawn.")


def _subject(name: str | None, kind: str | None, scope: str | None) -> "tuple[Subject, str]":
    from runlore.kernel.errors import BadInput

    given: list[tuple[Subject, str]] = []
    if name is not None:
        given.append(("actor", name))
    if kind is not None:
        given.append(("kind", kind))
    if scope is not None:
        given.append(("scope", scope))
    if len(given) != 1 or not given[0][1]:
        raise BadInput("actor: name an actor, or give one of --kind, --scope and --all", "actor")
    return given[0]


def _inputs(given: list[str]) -> dict[str, object]:
    """Values as JSON has them; what is no JSON is text."""
    import json

    from runlore.kernel.errors import BadInput

    made: dict[str, object] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise BadInput(f"input: {text[:80]!r} is not NAME=VALUE", "input")
        try:
            made[name] = json.loads(value)
        except ValueError:
            made[name] = value
    return made


def _show(view: "AdviceAnswer") -> None:
    _show_entries(view.advice)
    if not view.advice:
        echo(f"No advice: {view.reason}.")
    if view.looked_at:
        echo(
            f"Searched {view.looked_at:%Y-%m-%d} in {view.runs:,} runs,"
            f" {view.compared} comparisons; again from {view.next_look:,} runs on."
        )


def _show_entries(rows: "tuple[AdviceEntry, ...]") -> None:
    for one in rows:
        echo(f"{one.id}: {one.text} ({one.state})")
        echo(f"   {one.assumption}; {one.track_record}")
