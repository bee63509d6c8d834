"""`runlore privacy federate`: learn across personas with noise."""

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.plan.estimates import AsOf

if TYPE_CHECKING:
    from runlore.app import App
    from runlore.engagement.federated_views import FederatedTrainingView
    from runlore.privacy.rules.federated.policy import Averaging, Family

Rounds = Annotated[int, typer.Option(help="1 to 20; more rounds share the same budget.")]
Epsilon = Annotated[float, typer.Option(help="Of the whole training, for each persona.")]
Delta = Annotated[float, typer.Option(help="Of the whole training, for each persona.")]
ModelFamily = Annotated[
    str, typer.Option("--family", help="linear (engagement rate) or logistic (success).")
]
Robust = Annotated[
    bool, typer.Option("--robust", help="Average by a trimmed mean, against hostile updates.")
]
Resume = Annotated[
    int | None, typer.Option(metavar="ID", help="Go on with a training that was cut off.")
]
Shown = Annotated[bool, typer.Option("--list", help="List the trainings, and train nothing.")]


def federate(
    rounds: Rounds = 3,
    epsilon: Epsilon = 0.5,
    delta: Delta = 1e-5,
    family: ModelFamily = "linear",
    robust: Robust = False,
    resume: Resume = None,
    as_of: AsOf = None,
    listed: Shown = False,
    json: Json = False,
) -> None:
    """Train a model of engagement on all personas' posts, with noise that hides each persona.

    Every persona is charged once, whether it stays or drops out. Opted-out personas are left out.
    The model is registered if it beats the mean of all personas, with noise allowed for.

    Example: runlore privacy federate --rounds 3 --epsilon 0.5
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.engagement import federated_views
    from runlore.kernel import instants

    with open_app() as app:
        if listed:
            at = instants.parse(as_of, "as_of") if as_of else instants.now()
            _show_list(federated_views.list_trainings(app.store, at), as_json=json)
            return
        options = (rounds, epsilon, delta, family, robust)
        training = _request(app, options, as_of) if resume is None else resume
        _run(app, training)
        view = federated_views.show_training(app.store, training)
    if json:
        emit_json(asdict(view))
    else:
        _show(view)
    if view.status != "done":
        raise typer.Exit(1)


def _request(app: "App", options: tuple[int, float, float, str, bool], as_of: str | None) -> int:
    from getpass import getuser

    from runlore.engagement.actions import federated
    from runlore.kernel import instants
    from runlore.privacy.rules.federated.policy import FederatedPolicy

    rounds, epsilon, delta, family, robust = options
    averaging: Averaging = "trimmed_mean" if robust else "mean"
    policy = FederatedPolicy(
        epsilon, delta, rounds, family=cast("Family", family), averaging=averaging
    )
    now = instants.now()
    at = instants.parse(as_of, "as_of") if as_of else now
    return federated.request_training(app.store, policy, getuser(), at, now).id


def _run(app: "App", training: int) -> None:
    from runlore.cli.flow_run import flow_run

    with flow_run(app.settings):
        from flows import federated
        from tasks.edge import lent

        with lent(app):
            state: Any = federated.federate(training, return_state=True)
            state.result(raise_on_failure=False)


def _show(view: "FederatedTrainingView") -> None:
    version = f", version {view.version}" if view.version else ""
    echo(f"{view.spec}: {view.status}{version}")
    if view.reason:
        echo(f"   {view.reason}")
    if view.personas is not None:
        echo(f"   about {view.personas:,.0f} personas, epsilon {view.epsilon:g} each")


def _show_list(views: "list[FederatedTrainingView]", *, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        emit_json({"trainings": [asdict(view) for view in views]})
        return
    rows = [
        {
            "id": view.id,
            "spec": view.spec,
            "status": view.status,
            "epsilon": view.epsilon,
            "rounds": view.rounds,
            "version": view.version,
        }
        for view in views
    ]
    emit_table("Federated trainings", rows)
