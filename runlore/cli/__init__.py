"""The `runlore` command: one module per subject, heavy imports inside the commands."""

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from runlore import __version__, process
from runlore.cli import (
    advise,
    agents,
    anomalies,
    backtest,
    console,
    dismissals,
    engagement,
    health,
    issued_forecasts,
    limits,
    live,
    look,
    marketplace,
    mcp,
    monitoring,
    objectives,
    performance,
    plan,
    privacy,
    quality,
    regressions,
    reports,
    retraining,
    rollout,
    signal_rules,
    signals,
    simulate,
    stack,
    training,
)
from runlore.cli.alerts.commands import alerts_group
from runlore.cli.demo.command import demo_group
from runlore.cli.errors import INTERRUPTED_CODE, Stopped, report
from runlore.cli.experiments.commands import experiments_group
from runlore.cli.ingest.commands import ingest_group
from runlore.cli.output import echo, forget_emitted_json
from runlore.cli.serving import gate, keys, ledger, limit, predict, score, serve, skew, versions
from runlore.cli.serving.answers import URL_VARIABLE
from runlore.home import home_of

HELP = {"--help"}
# These look at a home or need none, and are not listed among its commands.
ASKING = {"gate", "limit", "predict"}  # that may ask a running service
NOT_RECORDED = {"console", "down", "doctor", "login", "look", "simulate", "status"}


class CommandGroup(TyperGroup):
    """Typer takes every KeyboardInterrupt for Ctrl-C; one that has a reason is an error."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  (of the click that is inside typer)
        try:
            return super().invoke(ctx)
        except process.CommandStopped as stopped:
            raise Stopped(str(stopped)) from stopped


app = typer.Typer(
    name="runlore",
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(demo_group, name="demo")
app.command()(look.look)
app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.login)
app.command()(console.console)
app.command()(stack.status)
app.command()(stack.doctor)
app.add_typer(ingest_group, name="ingest")
app.add_typer(keys.group, name="keys")
app.command()(training.train)
app.command()(versions.versions)
app.command()(versions.promote)
app.command()(versions.rollback)
app.command()(versions.arms)
app.command()(versions.audit)
app.add_typer(retraining.group, name="retrain")
app.add_typer(rollout.group, name="rollout")
app.command()(predict.predict)
app.command()(gate.gate)
app.command()(limit.limit)
app.command()(score.score)
app.command()(serve.serve)
app.command()(serve.package)
app.command()(monitoring.monitor)
app.add_typer(alerts_group, name="alerts")
app.command()(quality.quality)
app.command()(performance.performance)
app.command()(reports.report)
app.add_typer(reports.group, name="reports")
app.add_typer(experiments_group, name="ab")
app.command()(live.live)
app.command()(backtest.backtest)
app.command()(signals.forecast)
signals.group.command("export-rules")(signal_rules.export_rules)
signals.group.command("issue")(issued_forecasts.issue)
signals.group.command("skill")(issued_forecasts.skill)
signals.group.command("specs")(issued_forecasts.specs)
signals.group.command("limit")(limits.limit)
signals.group.command("regressions")(regressions.regressions)
signals.group.command()(anomalies.anomalies)
signals.group.command()(anomalies.dismiss)
signals.group.command("dismissals")(dismissals.list_dismissals)
signals.group.command()(dismissals.undismiss)
signals.group.command()(objectives.objectives)
signals.group.command()(health.health)
app.add_typer(signals.group, name="signals")
app.add_typer(plan.group, name="plan")
app.add_typer(advise.group, name="advise")
app.add_typer(engagement.group, name="engagement")
app.add_typer(privacy.group, name="privacy")
app.add_typer(agents.group, name="agents")
app.add_typer(marketplace.group, name="marketplace")
app.command()(mcp.mcp)
app.command("skew")(skew.compare_served_features)
app.add_typer(skew.group, name="features")
app.add_typer(ledger.group, name="ledger")
app.command("simulate")(simulate.write_simulated_log)


def _print_version(is_requested: bool) -> None:
    if is_requested:
        echo(__version__)
        raise typer.Exit


@app.callback()
def before_any_command(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Predict failures and durations of jobs from a log of past executions."""
    name = context.invoked_subcommand
    is_run = name is not None and name not in NOT_RECORDED and not HELP.intersection(sys.argv)
    if name is not None and is_run and not _asks_a_service(name):
        from runlore.stack.commands import recorded

        context.with_resource(recorded(home_of(os.environ), name))


def _asks_a_service(name: str) -> bool:
    """Whether a command only asks a running service: it uses no home, and must be quick."""
    has_url = any(word.partition("=")[0] == "--url" for word in sys.argv)
    return name in ASKING and (has_url or bool(os.environ.get(URL_VARIABLE)))


def main() -> None:
    """Run the command: 0 only when the thing was done, otherwise one clear line and another code.

    Typer's own handling is left out: it would print a wrong command line as text only, and end
    silently at Ctrl-C.
    """
    process.begin()
    process.end_quickly()
    forget_emitted_json()
    try:
        code = app(standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (the edge of the process)
        sys.exit(report(error))
    if code == INTERRUPTED_CODE:
        sys.exit(report(KeyboardInterrupt()))
    sys.exit(code or 0)
