"""`runlore demo`: run every step once on a simulated log, and offer the console."""

import sys
import time
from contextlib import ExitStack
from typing import Annotated

import typer

from runlore.cli.demo import offer, steps
from runlore.cli.demo.agents import demo_agents
from runlore.cli.demo.tour import Tour
from runlore.cli.output import Json, emit_json

SPECS = ("failure-risk", "duration")
SERVICES = ("prefect", "serving")

Executions = Annotated[int, typer.Option(min=2_000, help="Number of executions to simulate.")]
Seed = Annotated[int, typer.Option(help="Random seed of the simulated log.")]
Console = Annotated[
    bool | None,
    typer.Option(
        "--console/--no-console",
        help="Keep the pages open at the end, until Ctrl-C.  [default: on a terminal]",
    ),
]


demo_group = typer.Typer()
demo_group.command("agents")(demo_agents)


@demo_group.callback(invoke_without_command=True)
def demo(
    context: typer.Context,
    executions: Executions = 20_000,
    seed: Seed = 7,
    console: Console = None,
    json: Json = False,
) -> None:
    """Run every step once on a simulated log, and offer the console.

    The steps are ingest, train, serve, record, monitor, retrain and test. The services are the real
    ones, and the data stays in RUNLORE_HOME: `runlore up` then shows the same. At the end, on a
    terminal, the console stays open until Ctrl-C; then nothing is left running.

    Example: runlore demo --executions 5000
    """
    from runlore.app import open_app
    from runlore.stack import running

    if context.invoked_subcommand is not None:
        return
    keeps = (sys.stdout.isatty() and not json) if console is None else console
    with open_app() as app:
        chosen = app.settings.model_copy(update={"host": "127.0.0.1"})  # where no key is needed
        names = [spec.name for spec in app.specs if spec.name in SPECS]
    tour = Tour(chosen, quiet=json)
    files, log, end = steps.simulate_log(tour, executions, seed)
    with ExitStack() as lasting:
        with tour.step("Start PostgreSQL, the Prefect server and the prediction service"):
            services = (*SERVICES, "mlflow") if keeps else SERVICES
            stack = lasting.enter_context(running(chosen, services, ports="free"))
            for title, address in stack.addresses.items():
                tour.say(f"   {title}: {address}")
        tour.settings = stack.settings
        steps.walk(tour, files, log, end, names)
        tour.seen["seconds"] = round(time.monotonic() - tour.began, 1)
        if not json:
            steps.print_summary(tour)
        if keeps:
            offer.keep_open(tour, json=json)
    if not keeps:
        _end(tour, json=json)
    if not all(outcome["passed"] for outcome in tour.seen["models"].values()):
        raise typer.Exit(1)


def _end(tour: Tour, *, json: bool) -> None:
    """Say how to see it when nothing runs any more."""
    if json:
        emit_json(tour.seen | {"console": offer.document()})
    else:
        offer.print_way_back(tour)
