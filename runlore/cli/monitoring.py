"""`runlore monitor`: check the newest window of executions for drift."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.monitoring.actions.drift_history import WindowRecord
    from runlore.monitoring.actions.monitoring import MonitorOutcome
    from runlore.monitoring.queries.drift_results import ComparedWindow
    from runlore.monitoring.rules.verdict import ColumnVerdict, WindowVerdict
    from runlore.store.engine import Store

DAY_S = 86_400.0
SHOWN = 15
NAMED = 3

Spec = Annotated[str, typer.Argument(metavar="SPEC", help="Name of a spec.")]
WindowDays = Annotated[
    float | None,
    typer.Option(min=0.01, help="Length of the window.  [default: from the spec's policy]"),
]
At = Annotated[str | None, typer.Option(metavar="ISO", help="End of the window.  [default: now]")]
History = Annotated[
    bool, typer.Option("--history", help="Show earlier windows instead of evaluating one.")
]
Last = Annotated[int, typer.Option(min=1, help="Number of windows that --history shows.")]


def monitor(
    spec: Spec,
    window_days: WindowDays = None,
    at: At = None,
    history: History = False,
    last: Last = 20,
    json: Json = False,
) -> None:
    """Check the newest executions for drift.

    All rows of the last complete window are compared with the champion's training data: every
    feature, the predictions and the labels. Windows are whole days (UTC), or whole hours if the
    length is not a multiple of a day. If the log ends earlier, its last window is used. The exit
    code is 0 if the window could be evaluated, drifted or not, and 1 if not: no champion, or not
    enough rows.

    Example: runlore monitor failure-risk --window-days 7; runlore monitor failure-risk --history
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.monitoring.actions import monitoring

    window_s = None if window_days is None else window_days * DAY_S
    with open_app() as app:
        model_spec = app.spec(spec)
        if history:
            _show_history(app.store, spec, last, json=json)
            return
        end = instants.now() if at is None else instants.parse(at, "at")
        reports = app.settings.reports
        outcome = monitoring.monitor(app.store, app.registry, model_spec, end, reports, window_s)
    if json:
        emit_json(as_json(outcome))
    else:
        show(outcome)
    if outcome.verdict.answer == "not enough data":
        raise typer.Exit(1)


def _show_history(store: "Store", spec: str, last: int, *, json: bool) -> None:
    from runlore.monitoring.actions import drift_history

    windows = drift_history.history(store, spec, last)
    if json:
        emit_json({"spec": spec, "windows": [_record_as_json(record) for record in windows]})
    elif windows:
        emit_table(f"Windows of {spec}, newest first", [_record_row(record) for record in windows])
    else:
        echo(f"no window of {spec} has been evaluated yet; run `runlore monitor {spec}`")


def as_json(outcome: "MonitorOutcome") -> dict[str, Any]:
    from dataclasses import asdict

    from runlore.monitoring.views import conclude

    decision = outcome.decision
    return {
        **_window_fields(outcome.window, outcome.verdict),
        **asdict(conclude(outcome)),
        "note": outcome.note,
        "report": outcome.report,
        "plot": outcome.plot,
        "is_new": outcome.is_new,
        "anomaly": outcome.anomaly,
        "replaced": [_earlier(record) for record in outcome.replaced],
        "decision": {
            "action": decision.action,
            "is_alarm": decision.is_alarm,
            "reasons": list(decision.reasons),
        },
    }


def _record_as_json(record: "WindowRecord") -> dict[str, Any]:
    return {
        **_window_fields(record.window, record.verdict),
        "at": record.at.isoformat(),
        "report": record.report,
        "before": [_earlier(earlier) for earlier in record.before],
    }


def _earlier(record: "WindowRecord") -> dict[str, Any]:
    """A verdict by the facts that were known when it was reached."""
    return {
        "window_to": record.window.window_to.isoformat(),
        "answer": record.verdict.answer,
        "at": record.at.isoformat(),
        "rows_current": record.verdict.rows_current,
        "report": record.report,
    }


def _window_fields(window: "ComparedWindow", verdict: "WindowVerdict") -> dict[str, Any]:
    return {
        "spec": window.spec,
        "version": window.version,
        "window_from": window.window_from.isoformat(),
        "window_to": window.window_to.isoformat(),
        "answer": verdict.answer,
        "drifted_share": verdict.drifted_share,
        "level": verdict.level,
        "rows_reference": verdict.rows_reference,
        "rows_current": verdict.rows_current,
        "reasons": list(verdict.reasons),
        "columns": [_column(column) for column in verdict.columns],
    }


def _column(column: "ColumnVerdict") -> dict[str, Any]:
    return {
        "column": column.name,
        "kind": column.kind,
        "is_drifted": column.is_drifted,
        "change": column.change,
        "q_value": column.q_value,
        "weight": column.weight,
        **{measure.statistic: measure.value for measure in column.measures},
    }


def _record_row(record: "WindowRecord") -> dict[str, object]:
    verdict, window = record.verdict, record.window
    drifted = [column.name for column in verdict.drifted]
    more = f" and {len(drifted) - NAMED} more" if len(drifted) > NAMED else ""
    return {
        "end (UTC)": f"{window.window_to:%Y-%m-%d %H:%M}",
        "version": window.version,
        "rows": f"{verdict.rows_current:,}",
        "verdict": verdict.answer + _formerly(record),
        "drifted": f"{verdict.drifted_share:.0%}",
        "columns": ", ".join(drifted[:NAMED]) + more,
    }


def _formerly(record: "WindowRecord") -> str:
    """Whether facts that came in later have changed the answer."""
    if not record.before or record.before[-1].verdict.answer == record.verdict.answer:
        return ""
    return f" (was: {record.before[-1].verdict.answer})"


def show(outcome: "MonitorOutcome") -> None:
    from runlore.monitoring.views import conclude

    window, verdict = outcome.window, outcome.verdict
    ends = f"{window.window_from:%Y-%m-%d %H:%M} to {window.window_to:%Y-%m-%d %H:%M} UTC"
    rows = f"{verdict.rows_current:,} rows, compared with {verdict.rows_reference:,} of training"
    echo(f"{window.spec}: {conclude(outcome)}")
    if verdict.columns:
        shown = verdict.columns[:SHOWN]
        emit_table(f"Columns of {window.spec}, largest drift first", [_row(c) for c in shown])
        if len(verdict.columns) > SHOWN:
            echo(f"{len(verdict.columns) - SHOWN} more columns are in the report")
    echo(f"{window.spec} version {window.version}, {ends}: {rows}")
    if outcome.note:
        echo(outcome.note)
    echo(f"{verdict.answer}: {verdict.reasons[0]}")
    if outcome.anomaly:
        echo(f"anomaly of {window.spec}: {outcome.anomaly}")
    echo(f"{outcome.decision.action}: {outcome.decision.reasons[0]}")
    if outcome.report:
        echo(f"report: {outcome.report}")
    if outcome.plot:
        echo(f"plot of the last windows: {outcome.plot}")
    for earlier in outcome.replaced:
        echo(
            f"evaluated anew, because facts came in since: the window until"
            f" {earlier.window.window_to:%Y-%m-%d %H:%M} UTC read {earlier.verdict.answer}"
            f" on {earlier.at:%Y-%m-%d %H:%M}"
        )
    if verdict.columns and not outcome.is_new:
        echo("this window was evaluated before; the facts of now leave its verdict as it was")


def _row(column: "ColumnVerdict") -> dict[str, object]:
    return {
        "column": column.name,
        "PSI": f"{column.psi.value:.3f}",
        "threshold": f"{column.psi.threshold:.3f}",
        "q": f"{column.q_value:.2g}",
        "drifted": "yes" if column.is_drifted else "no",
        "what changed": column.change,
    }
