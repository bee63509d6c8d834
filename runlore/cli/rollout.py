"""`runlore rollout`: move traffic to a challenger step by step, by evidence."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from datetime import datetime

    from runlore.rollout.actions.steps import RolloutContext, RolloutLook
    from runlore.settings import Settings
    from runlore.specs.model_spec import ModelSpec

group = typer.Typer(
    help="Move traffic to a challenger step by step, by evidence.",
    no_args_is_help=True,
)

Spec = Annotated[str, typer.Argument(metavar="SPEC", help="Name of a spec.")]
Why = Annotated[str, typer.Option("--reason", help="Reason; it is recorded.")]
By = Annotated[str | None, typer.Option("--as", help="Your name.  [default: your login]")]


@group.command()
def start(spec: Spec, reason: Why, by: By = None, json: Json = False) -> None:
    """Start a rollout.

    The challenger gets its first units; then evidence decides. The flow `rollout` evaluates it
    every five minutes; `runlore rollout look` evaluates it now.

    Example: runlore rollout start failure-risk --reason "trained on October"
    """
    from runlore.kernel import instants
    from runlore.rollout.actions import steps
    from runlore.serving.actions.promotion import ChangeReason

    with _opened(spec) as (_, context, model_spec, at):
        state = steps.start(context, model_spec, at, ChangeReason(by or getuser(), reason))
        since_start = max(instants.now(), state.newest.at)
        _show(steps.preview(context.store, model_spec, since_start), json=json)


@group.command()
def status(spec: Spec, json: Json = False) -> None:
    """Show the share, the evidence, and what the next step needs.

    Example: runlore rollout status failure-risk
    """
    from runlore.rollout.actions import steps

    with _opened(spec) as (_, context, model_spec, at):
        _show(steps.preview(context.store, model_spec, at), json=json)


@group.command()
def look(spec: Spec, json: Json = False) -> None:
    """Evaluate the rollout now.

    As in the flow, the decision is to advance, hold, roll back or promote. The exit code is 0 for
    any decision, and 1 if no rollout is in progress.

    Example: runlore rollout look failure-risk
    """
    from runlore.rollout.actions import steps

    with _opened(spec) as (_, context, model_spec, at):
        done = steps.look(context, model_spec, at)
    if done is None:
        echo(
            f"{spec}: no rollout is in progress; start one: runlore rollout start {spec}", err=True
        )
        raise typer.Exit(1)
    _show(done, json=json)


@group.command()
def history(
    spec: Spec,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Plot share and evidence to an .svg or .png file."),
    ] = None,
    json: Json = False,
) -> None:
    """List all decisions of the newest rollout: when, by whom and why.

    Example: runlore rollout history failure-risk --plot ramp.svg
    """
    from runlore.rollout.actions import steps
    from runlore.rollout.views import plots, report

    with _opened(spec) as (_, context, model_spec, at):
        known = steps.preview(context.store, model_spec, at)
        if plot is not None:
            plots.write(context.store, known, plot)
    spans = report.spans(known.state.history)
    if json:
        emit_json({"spec": spec, "decisions": [asdict(span) for span in spans]})
        return
    rows: list[dict[str, object]] = [
        {
            "at": f"{span.first_at:%Y-%m-%d %H:%M}",
            "share": f"{span.step} %",
            "decision": report.words(span) + (" !" if span.is_alert else ""),
            "by": span.actor,
            "reasons": "; ".join(span.reasons),
        }
        for span in spans
    ]
    emit_table(report.headline(known), rows)
    if plot is not None:
        echo(f"plot: {plot}")


@group.command()
def stop(spec: Spec, reason: Why, by: By = None, json: Json = False) -> None:
    """Stop the rollout.

    The champion answers everything again within one second.

    Example: runlore rollout stop failure-risk --reason "the sensor was broken"
    """
    _order(_OrderRequest(spec, "stop", reason, by), json=json)


@group.command()
def step(
    spec: Spec,
    percent: Annotated[
        int, typer.Argument(min=1, max=99, help="A step of the policy, in percent.")
    ],
    reason: Why,
    by: By = None,
    json: Json = False,
) -> None:
    """Set the challenger's share; the rollout continues from there.

    Example: runlore rollout step failure-risk 25 --reason "enough is known of this kind of change"
    """
    _order(_OrderRequest(spec, "step", reason, by, percent), json=json)


@group.command()
def override(
    spec: Spec,
    action: Annotated[Literal["promote", "hold", "resume"], typer.Argument(help="What to do.")],
    reason: Why,
    by: By = None,
    json: Json = False,
) -> None:
    """Promote now, hold until you resume, or resume.

    Promotion disregards the evidence. A rollout on hold is still rolled back if a guardrail breaks.

    Example: runlore rollout override failure-risk hold --reason "over the holidays"
    """
    from runlore.rollout.actions import steps
    from runlore.serving.actions.promotion import ChangeReason

    if action != "resume":
        _order(_OrderRequest(spec, action, reason, by), json=json)
        return
    with _opened(spec) as (_, context, model_spec, at):
        _show(
            steps.resume(context, model_spec, at, ChangeReason(by or getuser(), reason)), json=json
        )


@dataclass(frozen=True)
class _OrderRequest:
    spec: str
    action: Literal["stop", "hold", "step", "promote"]
    reason: str
    by: str | None
    step: int | None = None


def _order(request: _OrderRequest, *, json: bool) -> None:
    from runlore.rollout.actions import steps
    from runlore.rollout.rules.ramp import ManualOrder

    with _opened(request.spec) as (_, context, model_spec, at):
        order = ManualOrder(request.by or getuser(), request.reason, request.action, request.step)
        _show(steps.order(context, model_spec, order, at), json=json)


def _show(look: "RolloutLook", *, json: bool) -> None:
    from runlore.rollout.views import report

    if json:
        emit_json(report.document(look))
        return
    echo(report.conclude(look))
    rows: list[dict[str, object]] = [
        {
            "metric": line.metric,
            "role": line.role,
            "units": f"{line.units[0]:,} / {line.units[1]:,}",
            "champion": report.number(line.values[0]),
            "challenger": report.number(line.values[1]),
            "beyond tolerance": report.interval(line.beyond),
            "verdict": line.answer,
        }
        for line in report.lines(look)
    ]
    if rows:
        emit_table("Evidence so far", rows)
    newest = look.state.newest
    echo(f"last decision, {newest.at:%Y-%m-%d %H:%M} UTC, {newest.actor}: {newest.action}")
    for reason in newest.reasons:
        echo(f"  {reason}")
    waits = [reason for reason in report.missing(look) if reason not in newest.reasons]
    if waits:
        echo("the next step needs:")
    for reason in waits:
        echo(f"  {reason}")


@contextmanager
def _opened(spec: str) -> Iterator[tuple["Settings", "RolloutContext", "ModelSpec", "datetime"]]:
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.rollout.actions.steps import RolloutContext

    with open_app() as app:
        model_spec = app.spec(spec)
        context = RolloutContext(app.store, app.registry, app.settings.home / "serving")
        yield app.settings, context, model_spec, instants.now()
