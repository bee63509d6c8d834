"""`runlore monitor`: has the data moved away from what the champion was trained on?"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.drift.verdict import ColumnVerdict
    from runlore.usecases.monitor import MonitorOutcome

DAY_S = 86_400.0
SHOWN = 15

Spec = Annotated[str, typer.Argument(metavar="SPEC", help="The name of a model spec.")]
WindowDays = Annotated[
    float | None,
    typer.Option(min=0.01, help="How far back to look.  [default: what the spec's policy says]"),
]
At = Annotated[str | None, typer.Option(metavar="ISO", help="The window's end.  [default: now]")]


def monitor(spec: Spec, window_days: WindowDays = None, at: At = None, json: Json = False) -> None:
    """Compare the newest executions with those that the champion was trained on.

    Every feature and the prediction are compared on all rows of the window; where the log ends
    before the window, its last one is taken. The exit code is 0 when the window could be judged,
    drifted or not, and 1 when it could not: no champion, or not enough rows.

    Example: runlore monitor failure-risk --window-days 7
    """
    from runlore import registry, settings
    from runlore.records import instant
    from runlore.store.engine import open_store
    from runlore.store.tracking import tracking_url
    from runlore.usecases import alert_delivery, specs
    from runlore.usecases import monitor as usecase

    chosen = settings.read()
    found = specs.find(chosen, spec)
    end = instant.now() if at is None else instant.parse(at, "at")
    window_s = None if window_days is None else window_days * DAY_S
    with open_store(chosen) as store:
        models = registry.connect(chosen, tracking_url(store))
        outcome = usecase.monitor(store, models, found, end, chosen.reports, window_s)
        alert_delivery.right_away(store, chosen.alert_channels)
    if json:
        emit_json(as_json(outcome))
    else:
        show(outcome)
    if outcome.verdict.answer == "not enough data":
        raise typer.Exit(1)


def as_json(outcome: "MonitorOutcome") -> dict[str, Any]:
    verdict, window = outcome.verdict, outcome.window
    return {
        "spec": window.spec,
        "version": window.version,
        "window_from": window.window_from.isoformat(),
        "window_to": window.window_to.isoformat(),
        "answer": verdict.answer,
        "drifted_share": verdict.drifted_share,
        "rows_reference": verdict.rows_reference,
        "rows_current": verdict.rows_current,
        "reasons": list(verdict.reasons),
        "columns": [
            {
                "column": column.name,
                "is_drifted": column.is_drifted,
                "change": column.change,
                **{each.statistic: each.value for each in column.measures},
            }
            for column in verdict.columns
        ],
        "note": outcome.note,
        "report": outcome.report,
        "is_new": outcome.is_new,
        "anomaly": outcome.anomaly,
    }


def show(outcome: "MonitorOutcome") -> None:
    window, verdict = outcome.window, outcome.verdict
    ends = f"{window.window_from:%Y-%m-%d %H:%M} to {window.window_to:%Y-%m-%d %H:%M} UTC"
    rows = f"{verdict.rows_current:,} rows against {verdict.rows_reference:,} of training"
    if verdict.columns:
        shown = verdict.columns[:SHOWN]
        emit_table(f"Columns of {window.spec}, the most drifted first", [_row(c) for c in shown])
        if len(verdict.columns) > SHOWN:
            typer.echo(f"and {len(verdict.columns) - SHOWN} more: see the report")
    typer.echo(f"{window.spec} version {window.version}, {ends}: {rows}")
    if outcome.note:
        typer.echo(outcome.note)
    typer.echo(f"{verdict.answer}: {verdict.reasons[0]}")
    if outcome.anomaly:
        typer.echo(f"anomaly of {window.spec}: {outcome.anomaly}")
    if outcome.report:
        typer.echo(f"report: {outcome.report}")
    if verdict.columns and not outcome.is_new:
        typer.echo("this window had been judged before; nothing was added")


def _row(column: "ColumnVerdict") -> dict[str, object]:
    return {
        "column": column.name,
        "PSI": f"{column.psi.value:.3f}",
        "from": f"{column.psi.threshold:.3f}",
        "drifted": "yes" if column.is_drifted else "no",
        "what changed": column.change,
    }
