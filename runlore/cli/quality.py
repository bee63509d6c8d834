"""`runlore quality`: check new data against the data contract."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.monitoring import DAY_S, At, Spec, WindowDays
from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.quality.actions.contract import BatchCheck
    from runlore.quality.actions.window_check import QualityOutcome

__all__ = ["quality"]

Training = Annotated[
    bool, typer.Option("--training", help="Check all data since the champion's training.")
]


def quality(
    spec: Spec,
    window_days: WindowDays = None,
    at: At = None,
    training: Training = False,
    json: Json = False,
) -> None:
    """Check the newest executions against the data contract.

    The contract of the champion covers names and types of inputs, nulls, ranges, units, words,
    volume, duplicates, clocks and outcomes. The exit code is 0 if the data keeps the contract, and
    1 if it does not or there is no contract. --training shows what the next `runlore train` would
    refuse.

    Example: runlore quality failure-risk --window-days 7
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.quality.actions import contract, window_check

    window_s = None if window_days is None else window_days * DAY_S
    with open_app() as app:
        found = app.spec(spec)
        end = instants.now() if at is None else instants.parse(at, "at")
        if training:
            told = _of_training(contract.check_new(app.store, app.registry, found, end))
        else:
            told = _of_window(window_check.quality(app.store, app.registry, found, end, window_s))
    if json:
        emit_json(told)
    else:
        show(told)
    if not told["passed"]:
        raise typer.Exit(1)


def _of_window(outcome: "QualityOutcome") -> dict[str, Any]:
    return {
        "spec": outcome.spec,
        "version": outcome.version,
        "window_from": outcome.first.isoformat(),
        "window_to": outcome.last.isoformat(),
        **outcome.verdict.to_json(),
        "note": outcome.note,
        "anomaly": outcome.anomaly,
    }


def _of_training(checked: "BatchCheck") -> dict[str, Any]:
    return {"spec": checked.spec, "version": checked.version, **checked.verdict.to_json()}


def show(told: dict[str, Any]) -> None:
    if told["findings"]:
        rows = [
            {
                "check": each["check"],
                "subject": each["subject"],
                "value": f"{each['value']:,.4g}",
                "limit": f"{each['bound']:,.4g}",
                "problem": each["reason"],
            }
            for each in told["findings"]
        ]
        emit_table(f"Violations of the contract of {told['spec']} version {told['version']}", rows)
    if told["note"]:
        echo(told["note"])
    answer = "keeps the contract" if told["passed"] else "breaks the contract"
    echo(f"{told['spec']} version {told['version']}: {told['rows']:,} rows, {answer}")
    if told.get("anomaly"):
        echo(f"anomaly of {told['spec']}: {told['anomaly']}")
