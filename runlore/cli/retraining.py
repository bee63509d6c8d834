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
    from runlore.retraining.views import conclude

    wish = requests.RetrainingCause("person", by or getuser(), reason)
    with open_app() as app:
        model_spec = app.spec(spec)
        answer = requests.request(app.store, app.registry, model_spec, wish, instants.now())
        retraining = answer.retraining
        if here and retraining.state in ("wanted", "announced"):
            _train(app.settings, retraining.id)
            retraining = requests.show(app.store, retraining.id)
    if json:
        emit_json(as_json(retraining) | {"is_new": answer.is_new})
    else:
        echo(conclude(retraining))
        if not answer.is_new:
            echo("It was requested before; this is the same request.")
    if retraining.state in ("refused", "failed"):
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
        name = None if spec is None else app.spec_named(spec).name
        retrainings = requests.history(app.store, name, limit)
    if json:
        emit_json({"retrainings": [as_json(retraining) for retraining in retrainings]})
    elif retrainings:
        emit_table("Retrainings, newest first", [_row(retraining) for retraining in retrainings])
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
    from runlore.retraining.views import conclude

    with open_app() as app:
        retraining = requests.show(app.store, retraining_id)
    if json:
        emit_json(as_json(retraining))
        return
    request = retraining.wanted
    echo(conclude(retraining))
    echo(f"{request.spec}: requested by {request.trigger} ({request.actor}): {request.reason}")
    echo(f"facts up to {request.until_seq}, {request.new_labels:,} new outcomes")
    for step in retraining.steps:
        echo(f"{step.at:%Y-%m-%d %H:%M:%S}  {step.state}: {step.reason}")


def as_json(retraining: "Retraining") -> dict[str, Any]:
    from dataclasses import asdict

    from runlore.retraining.views import conclude

    state = {"state": retraining.state, "reason": retraining.reason}
    return asdict(retraining) | state | asdict(conclude(retraining))


def _train(settings: "Settings", number: int) -> None:
    from runlore.cli.flow_run import flow_run

    with flow_run(settings):
        from flows.retrain import retrain

        retrain(number, return_state=True)


def _row(retraining: "Retraining") -> dict[str, object]:
    return {
        "id": retraining.id,
        "spec": retraining.wanted.spec,
        "requested": f"{retraining.wanted.at:%Y-%m-%d %H:%M}",
        "by": f"{retraining.wanted.trigger} ({retraining.wanted.actor})",
        "state": retraining.state,
        "reason": retraining.reason
        if len(retraining.reason) < 100
        else retraining.reason[:99] + "…",
    }
