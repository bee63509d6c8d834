"""`runlore advise visits`: which visits were due, and what came of them."""

from typing import Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

Scope = Annotated[str | None, typer.Option(metavar="NAME", help="Of only this host or device.")]
Renew = Annotated[
    bool, typer.Option("--renew", help="First do what `renew-advice` does for maintenance daily.")
]
AsOf = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Use only what was known at this instant.  [default: now]"),
]
SHOWN = 40


def visits(
    scope: Scope = None, renew: Renew = False, as_of: AsOf = None, json: Json = False
) -> None:
    """Show which visits to hosts and devices were due, and what came of them.

    Each is on the ledger and an alert, by RUNLORE_MAINTENANCE_SPECS. It is settled by the first
    visit or failure of its host or device within the horizon.

    Example: runlore advise visits --renew
    """
    from dataclasses import asdict

    from runlore.advice.actions.due_visits import watch_maintenance
    from runlore.advice.visit_views import due_visits, tabulate_visit
    from runlore.app import open_app
    from runlore.kernel import instants

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app:
        if renew:
            watch_maintenance(app.store, app.maintenance_specs, app.series_specs, at)
        view = due_visits(app.store, at, scope)
    if json:
        emit_json(asdict(view))
        return
    echo(view.text)
    emit_table("", [tabulate_visit(one) for one in view.visits[:SHOWN]])
    if len(view.visits) > SHOWN:
        echo(f"{len(view.visits) - SHOWN} more visits: see --json")
