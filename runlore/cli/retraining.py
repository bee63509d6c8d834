"""`runlore retrain`: ask for a training, and see what was asked for and what became of it."""

from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.retraining.queries import Retraining
    from runlore.settings import Settings

group = typer.Typer(help="Ask for a training of a spec, and see what became of it.")

Spec = Annotated[str, typer.Argument(metavar="SPEC", help="Name of a model spec.")]
Reason = Annotated[str, typer.Option(help="Why; it stays on record.")]
By = Annotated[str | None, typer.Option("--as", help="Who you are.  [default: your login]")]


@group.command("request")
def request(
    spec: Spec,
    reason: Reason,
    by: By = None,
    here: Annotated[
        bool, typer.Option("--here", help="Train now, in this process, and wait for it.")
    ] = False,
    json: Json = False,
) -> None:
    """Ask for a training of a spec, which Prefect then starts; with --here it runs at once.

    Cooldown and budget do not bind you, but the same facts never teach twice. The exit code is 1
    when the request is refused, or, with --here, when it did not end with a new version.

    Example: runlore retrain request failure-risk --reason "a new release went out"
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.retraining.actions import requests

    wish = requests.Wish("person", by or getuser(), reason)
    with open_app() as app:
        wanted = app.spec(spec)
        asked = requests.request(app.store, app.registry, wanted, wish, instants.now())
        found = asked.retraining
        if here and found.state in ("wanted", "announced"):
            _train(app.settings, found.id)
            found = requests.show(app.store, found.id)
    if json:
        emit_json(as_json(found) | {"is_new": asked.is_new})
    else:
        known = "" if asked.is_new else ", asked for before"
        echo(f"retraining {found.id} of {spec}: {found.state}{known}: {found.reason}")
        if found.state == "wanted":
            echo("Prefect begins it within 5 minutes while `runlore up` runs; --here: now")
    if found.state in ("refused", "failed"):
        raise typer.Exit(1)


@group.command("list")
def list_retrainings(
    spec: Annotated[str | None, typer.Argument(metavar="[SPEC]", help="Of this one only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest ones.")] = 20,
    json: Json = False,
) -> None:
    """List what was asked for, the newest first, with what became of it.

    Example: runlore retrain list failure-risk --limit 5
    """
    from runlore.app import open_app
    from runlore.retraining.actions import requests

    with open_app() as app:
        found = requests.history(app.store, spec, limit)
    if json:
        emit_json([as_json(each) for each in found])
    elif found:
        emit_table("Retrainings, the newest first", [_row(each) for each in found])
    else:
        echo("No training was asked for yet.")


@group.command()
def show(
    retraining_id: Annotated[int, typer.Argument(metavar="ID", min=1, help="From the list.")],
    json: Json = False,
) -> None:
    """Show a request with its evidence and every step.

    Example: runlore retrain show 3
    """
    from runlore.app import open_app
    from runlore.retraining.actions import requests

    with open_app() as app:
        found = requests.show(app.store, retraining_id)
    if json:
        emit_json(as_json(found))
        return
    wanted = found.wanted
    echo(f"{wanted.spec}: asked for by {wanted.trigger} ({wanted.actor}): {wanted.reason}")
    echo(f"facts up to {wanted.until_seq}, {wanted.new_labels:,} outcomes new")
    for step in found.steps:
        echo(f"{step.at:%Y-%m-%d %H:%M:%S}  {step.state}: {step.reason}")


def as_json(found: "Retraining") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(found) | {"state": found.state, "reason": found.reason}


def _train(settings: "Settings", number: int) -> None:
    from runlore.cli.flow_run import flow_run

    with flow_run(settings):
        from flows.retrain import retrain

        retrain(number, return_state=True)


def _row(each: "Retraining") -> dict[str, object]:
    return {
        "id": each.id,
        "spec": each.wanted.spec,
        "asked": f"{each.wanted.at:%Y-%m-%d %H:%M}",
        "by": f"{each.wanted.trigger} ({each.wanted.actor})",
        "state": each.state,
        "why": each.reason if len(each.reason) < 100 else each.reason[:99] + "…",
    }
