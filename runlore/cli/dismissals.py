"""`runlore signals dismissals` and `runlore signals undismiss`."""

from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.anomalies import Actor
from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.signals.queries.dismissals import KeptDismissal

Number = Annotated[int, typer.Argument(metavar="ID", help="As `signals dismissals` shows it.")]


def list_dismissals(json: Json = False) -> None:
    """List the anomalies that somebody has said are none.

    Example: runlore signals dismissals
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.signals.actions import dismissals

    with open_app() as app:
        listed = dismissals.list_dismissals(app.store, instants.now())
    if json:
        emit_json({"dismissals": [asdict(one) for one in listed]})
    elif listed:
        emit_table(f"{len(listed)} dismissals", [_row(one) for one in listed])
    else:
        echo("Nothing is dismissed.")


def undismiss(number: Number, actor: Actor = "cli", json: Json = False) -> None:
    """Take a dismissal back: such anomalies are reported again.

    Example: runlore signals undismiss 3
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.signals.actions import dismissals

    with open_app() as app:
        dismissals.undo_dismissal(app.store, number, actor, instants.now())
    if json:
        emit_json({"id": number, "is_undone": True})
    else:
        echo(f"Dismissal {number} is taken back.")


def _row(one: "KeptDismissal") -> dict[str, object]:
    from runlore.kernel.readable import readable_number

    series = f"{one.name} of {one.scope}" if one.scope else one.name
    side = "above" if one.direction > 0 else "below"
    return {
        "id": one.id,
        "series": series,
        "point (UTC)": one.at,
        "size": f"{readable_number(one.size)} {side}",
        "by": one.actor,
        "because": one.reason,
    }
