"""`runlore train`: make models out of the log."""

from typing import Annotated, Any

import typer

from runlore.cli.output import Json, emit_json, emit_table

Specs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SPEC]...", help="Names of model specs.  [default: all of them]"),
]
AtOnce = Annotated[
    bool,
    typer.Option("--at-once", help="Train them side by side, on what RUNLORE_TASK_RUNNER says."),
]


def train(specs: Specs = None, at_once: AtOnce = False, json: Json = False) -> None:
    """Train on all executions so far; register what beats its baseline.

    The first version that passes its gates becomes @champion, later ones @challenger. A spec
    whose best candidate does not pass is refused: the numbers are shown, the exit code is 1.

    Example: runlore train failure-risk
    """
    from runlore import settings
    from runlore.cli.flow_run import flow_run
    from runlore.usecases import specs as catalog

    chosen = settings.read()
    names = specs or [spec.name for spec in catalog.every(chosen)]
    for name in names:
        catalog.find(chosen, name)
    with flow_run(chosen):
        trained = _together(names) if at_once else {name: _one(name) for name in names}
    if json:
        emit_json(trained)
    else:
        emit_table("Trained", [_row(name, found) for name, found in trained.items()])
    if any(found.get("version") is None for found in trained.values()):
        raise typer.Exit(1)


def _one(name: str) -> dict[str, Any]:
    from flows.runner import result_of
    from flows.train import train as flow

    state: Any = flow(name, return_state=True)
    found: dict[str, Any] = result_of(state)
    if state.is_failed():
        typer.echo(f"runlore: {state.message}", err=True)
    return found


def _together(names: list[str]) -> dict[str, dict[str, Any]]:
    from flows.train_many import train_many

    return {name: {"version": version} for name, version in train_many(names).items()}


def _row(name: str, found: dict[str, Any]) -> dict[str, object]:
    scores = {score: f"{value:.4g}" for score, value in found.get("scores", {}).items()}
    return {
        "spec": name,
        "version": found["version"] or "refused",
        "serves as": f"@{found['alias']}" if found.get("alias") else "",
        "scores on the test part": ", ".join(f"{k} {v}" for k, v in scores.items()),
    }
