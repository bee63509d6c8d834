"""`runlore quality`: check new data against the data contract."""

from dataclasses import asdict
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
        model_spec = app.spec(spec)
        end = instants.now() if at is None else instants.parse(at, "at")
        if training:
            report = _of_training(contract.check_new(app.store, app.registry, model_spec, end))
        else:
            report = _of_window(
                window_check.quality(app.store, app.registry, model_spec, end, window_s)
            )
    if json:
        emit_json(report)
    else:
        show(report)
    if not report["passed"]:
        raise typer.Exit(1)


def _of_window(outcome: "QualityOutcome") -> dict[str, Any]:
    from runlore.quality.views import conclude

    return {
        "spec": outcome.spec,
        "version": outcome.version,
        "window_from": outcome.first.isoformat(),
        "window_to": outcome.last.isoformat(),
        **asdict(conclude(outcome.spec, outcome.verdict)),
        **outcome.verdict.to_json(),
        "note": outcome.note,
        "anomaly": outcome.anomaly,
    }


def _of_training(checked: "BatchCheck") -> dict[str, Any]:
    from runlore.quality.views import conclude

    return {
        "spec": checked.spec,
        "version": checked.version,
        **asdict(conclude(checked.spec, checked.verdict)),
        **checked.verdict.to_json(),
    }


def show(report: dict[str, Any]) -> None:
    of = f"{report['spec']} version {report['version']}"
    echo(f"{of}: {report['headline']} {report['advice']}")
    if report["findings"]:
        rows = [
            {
                "check": finding["check"],
                "subject": finding["subject"],
                "value": f"{finding['value']:,.4g}",
                "limit": f"{finding['bound']:,.4g}",
                "problem": finding["reason"],
            }
            for finding in report["findings"]
        ]
        emit_table(f"Violations of the contract of {of}", rows)
    if report["note"]:
        echo(report["note"])
    if report.get("anomaly"):
        echo(f"anomaly of {report['spec']}: {report['anomaly']}")
