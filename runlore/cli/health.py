"""`runlore signals health`: how likely the next day has no more failures than usual, and why."""

from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.signals import At

if TYPE_CHECKING:
    from runlore.signals.health_views import LearnedHealthView, SystemHealthView

HealthScope = Annotated[
    str | None, typer.Option("--scope", help="Show the parts of this scope.  [default: overall]")
]


def health(scope: HealthScope = None, at: At = None, json: Json = False) -> None:
    """Show how healthy everything and each scope is, made of parts with their evidence.

    Health is the probability that the next 24 hours have no more failures than usual. A part
    weighs what it said about later failures in the past. The exit code is 0, also if unknown.

    Example: runlore signals health --scope prod
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.signals.actions.health import read_health
    from runlore.signals.health_views import health_document, show_health

    as_of = instants.now() if at is None else instants.parse(at, "at")
    with open_app() as app:
        view = show_health(read_health(app.store, as_of, scope))
    if json:
        emit_json(health_document(view))
    else:
        _show(view, scope)


def _show(view: "SystemHealthView", scope: str | None) -> None:
    from runlore.signals.health_views import conclude_health, list_parts, tabulate_scopes

    shown = view.scopes[0] if scope else view.overall
    echo(conclude_health(shown))
    for line in list_parts(shown):
        echo(line)
    _say_learned(view.scopes_learned if scope else view.overall_learned)
    if view.scopes and not scope:
        emit_table(f"{len(view.scopes)} scopes, the least healthy first", tabulate_scopes(view))


def _say_learned(learned: "LearnedHealthView") -> None:
    from runlore.kernel.readable import readable_share

    if learned.base_rate is None:
        return
    gain = "" if learned.gain is None else f"; {learned.gain:+.1%} over the base rate on later days"
    echo(
        f"learned from {learned.rows:,} days of scopes, {readable_share(learned.base_rate)} of them"
        f" with more failures than usual{gain}"
    )
