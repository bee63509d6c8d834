"""`runlore retrain`: request trainings and follow them."""

from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.retraining.queries import Retraining
    from runlore.settings import Settings

group = typer.Typer(help="Request trainings of a spec and follow them.")

Spec = Annotated[str, typer.Argument(metavar="SPEC", help="Name of a spec.")]
Reason = Annotated[str, typer.Option(help="Reason; it is recorded.")]
By = Annotated[str | None, typer.Option("--as", help="Your name.  [default: your login]")]


@group.command("request")
def request(
    spec: Spec,
    reason: Reason,
    by: By = None,
    here: Annotated[bool, typer.Option("--here", help="Train now, in this process.")] = False,
    json: Json = False,
) -> None:
    """Request a training of a spec. Prefect starts it; --here trains immediately.

    Cooldown and budget do not apply to your request, but the same facts are never learned twice.
    The exit code is 1 if the request is refused or, with --here, if there is no new version.

    Example: runlore retrain request failure-risk --reason "a new release went out"
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.retraining.actions import requests

    wish = requests.RetrainingCause("person", by or getuser(), reason)
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
        known = "" if asked.is_new else ", requested before"
        echo(f"retraining {found.id} of {spec}: {found.state}{known}: {found.reason}")
        if found.state == "wanted":
            echo("Prefect starts it within 5 minutes while `runlore up` runs; --here trains now")
    if found.state in ("refused", "failed"):
        raise typer.Exit(1)


@group.command("list")
def list_retrainings(
    spec: Annotated[str | None, typer.Argument(metavar="[SPEC]", help="Only this spec.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="Maximum number, newest first.")
    ] = 20,
    json: Json = False,
) -> None:
    """List requested trainings with their state, newest first.

    Example: runlore retrain list failure-risk --limit 5
    """
    from runlore.app import open_app
    from runlore.retraining.actions import requests

    with open_app() as app:
        found = requests.history(app.store, spec, limit)
    if json:
        emit_json([as_json(each) for each in found])
    elif found:
        emit_table("Retrainings, newest first", [_row(each) for each in found])
    else:
        echo("No training has been requested yet.")


@group.command()
def show(
    retraining_id: Annotated[int, typer.Argument(metavar="ID", min=1, help="Id from the list.")],
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
    echo(f"{wanted.spec}: requested by {wanted.trigger} ({wanted.actor}): {wanted.reason}")
    echo(f"facts up to {wanted.until_seq}, {wanted.new_labels:,} new outcomes")
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
        "requested": f"{each.wanted.at:%Y-%m-%d %H:%M}",
        "by": f"{each.wanted.trigger} ({each.wanted.actor})",
        "state": each.state,
        "reason": each.reason if len(each.reason) < 100 else each.reason[:99] + "…",
    }
