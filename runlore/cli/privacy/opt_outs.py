"""`runlore privacy opt-out`, `opt-in` and `opt-outs`."""

from typing import Annotated

import typer

from runlore.cli.anomalies import Actor
from runlore.cli.output import Json, echo, emit_json, emit_table

Persona = Annotated[str, typer.Argument(metavar="PERSONA", help="An actor of executions.")]
Reason = Annotated[str, typer.Option(help="Why, in one line.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="ISO", help="Those that held then.  [default: now]"),
]
MOST = 10_000


def opt_out(
    persona: Persona, reason: Reason = "", actor: Actor = "cli", json: Json = False
) -> None:
    """Leave a persona out of all that is learned or told across personas, from now on.

    Example: runlore privacy opt-out ann --reason "asked by mail"
    """
    _change(persona, reason, actor, is_out=True, json=json)


def opt_in(persona: Persona, reason: Reason = "", actor: Actor = "cli", json: Json = False) -> None:
    """Take a persona in again.

    Example: runlore privacy opt-in ann
    """
    _change(persona, reason, actor, is_out=False, json=json)


def list_opt_outs(as_of: AsOf = None, json: Json = False) -> None:
    """List the personas that are out.

    Example: runlore privacy opt-outs
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.privacy.queries import opt_outs

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app, app.store.connect() as connection:
        listed = opt_outs.list_opt_outs(connection, at, MOST)
    if json:
        emit_json({"opt_outs": [vars(one) for one in listed]})
    elif listed:
        names = ("persona", "since (UTC)", "by", "because")
        rows = [(one.persona, one.known_at, one.actor, one.reason) for one in listed]
        emit_table(f"{len(listed)} opt-outs", [dict(zip(names, row, strict=True)) for row in rows])
    else:
        echo("Nobody has opted out.")


def _change(persona: str, reason: str, actor: str, *, is_out: bool, json: bool) -> None:
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.privacy.actions.opt_outs import set_opt_out
    from runlore.privacy.queries.opt_outs import OptOut

    with open_app() as app:
        change = OptOut(instants.now(), persona, is_out, actor, reason)
        made = set_opt_out(app.store, change)
    if json:
        emit_json(vars(made))
        return
    stands = "out" if made.is_out else "in"
    echo(f"{made.persona} {'is now' if made.has_changed else 'was already'} {stands}.")
    if not made.is_known:
        echo(f"note: the log has no execution of {made.persona!r}")
