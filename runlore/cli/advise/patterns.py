"""`runlore advise patterns`: what an actor, a kind or a scope usually does."""

from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.plan.estimates import AsOf

if TYPE_CHECKING:
    from runlore.advice.actions.patterns import PatternSubject
    from runlore.advice.pattern_views import PatternsView


def patterns(
    actor: Annotated[str | None, typer.Argument(metavar="ACTOR", help="Who.")] = None,
    kind: Annotated[str | None, typer.Option(help="A kind of work instead of an actor.")] = None,
    scope: Annotated[str | None, typer.Option(help="A scope, such as a host, instead.")] = None,
    zone: Annotated[
        str, typer.Option(metavar="ZONE", help="Whose clocks are meant, such as Europe/Berlin.")
    ] = "UTC",
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Show what somebody usually does, and when: beyond what everybody does, and beyond chance.

    A pattern has how often it was so, how often it would be by chance, and a q: the share of false
    ones among patterns with such a q or a smaller one. Only patterns with a q of 5 % are shown.

    Example: runlore advise patterns ann --zone Europe/Berlin
    Example: runlore advise patterns --scope web-3
    """
    from dataclasses import asdict

    from runlore.advice.actions.patterns import patterns_of
    from runlore.advice.pattern_views import show_patterns
    from runlore.app import open_app
    from runlore.kernel import instants

    subject = _subject(actor, kind, scope, zone)
    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app:
        view = show_patterns(patterns_of(app.store, subject, at))
    if json:
        emit_json(asdict(view))
    else:
        _print(view)


def _subject(actor: str | None, kind: str | None, scope: str | None, zone: str) -> "PatternSubject":
    from runlore.advice.actions.patterns import subject_of
    from runlore.kernel.errors import BadInput

    if actor is not None and kind is None and scope is None:
        return subject_of("actor", actor, zone)
    if kind is not None and actor is None and scope is None:
        return subject_of("kind", kind, zone)
    if scope is not None and actor is None and kind is None:
        return subject_of("scope", scope, zone)
    raise BadInput("actor: name one actor, or one --kind, or one --scope", "actor")


def _print(view: "PatternsView") -> None:
    cut = ", the newest" if view.is_cut else ""
    echo(f"{view.part} {view.name}: {view.executions:,} executions{cut}, times in {view.zone}")
    if view.patterns:
        rows = [
            {"pattern": one.text, "n": one.n, "support": f"{one.support} {one.unit}", "q": one.q}
            for one in view.patterns
        ]
        emit_table(
            f"{len(rows)} patterns beyond chance, of {view.tested:,} that were looked for"
            f" ({view.searched:,} alternatives)",
            rows,
        )
    else:
        echo(f"No patterns: {view.reason}.")
    for one in view.outliers:
        echo(f"Unlike its others: {one.kind} {one.id}, {one.submitted:%Y-%m-%d %H:%M}, {one.text}")
    if view.risks:
        risk = view.risks[0]
        echo(
            f"{risk.failed:,} of {risk.ended:,} failed, {risk.rate:.1%}"
            f" ({risk.low:.1%} to {risk.high:.1%}); {view.open_count:,} are open"
        )
