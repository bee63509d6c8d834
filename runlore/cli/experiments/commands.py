"""`runlore ab`: run A/B tests that decide by a rule fixed in advance."""

from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.experiments import output, plan_files
from runlore.cli.output import Json, echo, emit_json

if TYPE_CHECKING:
    from datetime import datetime

    from runlore.experiments.actions.plan import Plan
    from runlore.settings import Settings
    from runlore.store.engine import Store

experiments_group = typer.Typer(
    help="Run A/B tests: compare variants on their outcomes.", no_args_is_help=True
)

CHUNK_LINES = 20_000
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the test.")]
By = Annotated[str | None, typer.Option("--as", help="Your name.  [default: your login]")]
Reason = Annotated[str, typer.Option(help="Reason; it is recorded.")]


@experiments_group.command()
def create(
    plan: Annotated[
        Path | None, typer.Argument(metavar="[PLAN.json]", help="A plan file; see docs/ab.md.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of a simple test without a plan file.")
    ] = None,
    variant: Annotated[
        list[str] | None, typer.Option(help="NAME or NAME=WEIGHT of a variant; repeat for more.")
    ] = None,
    event: Annotated[
        str, typer.Option(help="A unit succeeds if it has such an event.")
    ] = "conversion",
    least_units: Annotated[
        int, typer.Option(min=2, help="Minimum units of each variant before a decision.")
    ] = 100,
    least_hours: Annotated[
        float, typer.Option(min=0, help="Minimum hours before a decision.")
    ] = 24.0,
    window_hours: Annotated[
        float, typer.Option(help="A unit's events count for so many hours; then it is judged.")
    ] = 24.0,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a test that has not started.")
    ] = False,
    by: By = None,
    json: Json = False,
) -> None:
    """Create a test from a plan file or from options.

    A control is added if none is named. The same plan twice is one test.

    Example: runlore ab create plan.json

    Example: runlore ab create --name buttons --variant red --variant green --event click
    """
    from runlore.experiments.actions import lifecycle

    rule = {"least_units": least_units, "least_time_h": least_hours}
    simple = {"name": name, "rule": rule, "window_s": window_hours * 3600}
    chosen = _plan(plan) if plan else _simple(simple, variant or [], event)
    with _opened() as (_, store, at):
        who = lifecycle.Attribution(by or getuser(), at)
        test, is_new = lifecycle.create(store, chosen, who, may_replace=replace)
    output.show_test(test, "created" if is_new else "exists already", json=json)


@experiments_group.command()
def size(
    effect: Annotated[float, typer.Option(help="Difference to detect, such as 0.02.")],
    baseline: Annotated[float | None, typer.Option(help="Proportion of the control.")] = None,
    kind: Annotated[str, typer.Option(help="proportion or mean.")] = "proportion",
    spread: Annotated[
        float | None, typer.Option(help="For a mean: its standard deviation.")
    ] = None,
    skewness: Annotated[
        float, typer.Option(help="For a mean: its skewness over units; capped, if it is capped.")
    ] = 0.0,
    power: Annotated[float, typer.Option(help="Probability of detecting the difference.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="Error rate of the test.")] = 0.05,
    variants: Annotated[
        int, typer.Option(min=2, help="Number of variants, including the control.")
    ] = 2,
    window_hours: Annotated[
        float, typer.Option(min=0, help="The plan's window_s, in hours.")
    ] = 0.0,
    per_day: Annotated[
        float | None, typer.Option(help="Units that come per day, in all variants.")
    ] = None,
    json: Json = False,
) -> None:
    """Calculate how many units a test needs.

    Example: runlore ab size --baseline 0.1 --effect 0.02

    Example: runlore ab size --kind mean --spread 12.5 --skewness 3 --effect 1 --variants 3

    Example: runlore ab size --baseline 0.1 --effect 0.02 --window-hours 24 --per-day 2000
    """
    from runlore.experiments.rules.size import DetectableEffect, of_means, of_proportions
    from runlore.kernel.errors import BadInput

    goal = DetectableEffect(effect, power, alpha, variants)
    if kind == "proportion":
        needed = of_proportions(_needed("baseline", baseline, kind), goal)
    elif kind == "mean":
        needed = of_means(_needed("spread", spread, kind), goal, skewness)
    else:
        raise BadInput(f"kind: {kind!r} is neither proportion nor mean", "kind")
    output.show_size(needed, variants, (per_day, window_hours), json=json)


@experiments_group.command()
def start(name: Name, by: By = None, reason: Reason = "", json: Json = False) -> None:
    """Start a test.

    Units get variants from now on, and the design cannot change any more.

    Example: runlore ab start buttons
    """
    from runlore.experiments.actions import lifecycle

    with _opened() as (_, store, at):
        test = lifecycle.start(store, name, lifecycle.Attribution(by or getuser(), at, reason))
    output.show_test(test, "runs", json=json)


@experiments_group.command()
def expose(
    name: Name,
    percent: Annotated[
        float, typer.Argument(min=0, max=100, help="Share of units in percent; it can only rise.")
    ],
    by: By = None,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Raise the share of units that take part.

    Units that take part already keep their variant.

    Example: runlore ab expose buttons 50 --reason "no harm at 10 %"
    """
    from runlore.experiments.actions import lifecycle

    with _opened() as (_, store, at):
        test = lifecycle.expose(
            store, name, percent / 100, lifecycle.Attribution(by or getuser(), at, reason)
        )
    output.show_test(test, f"is shown to {percent:g} % of units", json=json)


@experiments_group.command()
def stop(name: Name, reason: Reason, by: By = None, json: Json = False) -> None:
    """End a test without a winner.

    Example: runlore ab stop buttons --reason "the green one is unreadable"
    """
    from runlore.experiments.actions import lifecycle

    with _opened() as (_, store, at):
        test = lifecycle.stop(store, name, lifecycle.Attribution(by or getuser(), at, reason))
    output.show_test(test, "is over", json=json)


@experiments_group.command()
def assign(
    name: Name,
    units: Annotated[list[str], typer.Argument(metavar="UNIT...", help="Users, tasks, …")],
    json: Json = False,
) -> None:
    """Show which variant units get.

    New units are assigned and recorded.

    Example: runlore ab assign buttons user-17 user-18
    """
    from runlore.experiments.actions import lifecycle
    from runlore.kernel.json_values import as_json

    with _opened() as (_, store, at):
        dealt = lifecycle.assign(store, name, units, at)
    if json:
        emit_json({"assignments": as_json(dealt)})
        return
    for assignment in dealt:
        outside = "" if assignment.is_in_test else " (not in the test)"
        echo(f"{assignment.unit}: {assignment.variant}{outside}")


@experiments_group.command()
def record(
    name: Name,
    events: Annotated[typer.FileBinaryRead, typer.Argument(help="JSON lines; - reads stdin.")],
    json: Json = False,
) -> None:
    """Record what units did.

    The file has one JSON object per line with id, unit, event, value and at. Repeated events count
    once. The exit code is 1 if an event was rejected.

    Example: runlore ab record buttons events.jsonl
    """
    from itertools import islice

    from runlore.experiments.actions import unit_intake

    done = []
    with _opened() as (_, store, at), _named():
        while lines := list(islice((line for line in events if line.strip()), CHUNK_LINES)):
            done.append(unit_intake.record(store, name, b"[" + b",".join(lines) + b"]", at))
    if output.show_intake(done, json=json):
        raise typer.Exit(1)


@experiments_group.command()
def units(
    name: Name,
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(metavar="FILE", help="JSON lines or CSV; - reads stdin."),
    ],
    json: Json = False,
) -> None:
    """Record units that your own system has assigned.

    This is for plans with units "given". The file has JSON lines with unit, variant and at, or is a
    *.csv table with these columns. Repeated units count once. The exit code is 1 if a unit was
    rejected.

    Example: runlore ab units buttons units.csv
    """
    from itertools import islice

    from runlore.experiments.actions import unit_intake

    lines = plan_files.lines(file)
    done = []
    with _opened() as (_, store, at), _named():
        while chunk := list(islice(lines, CHUNK_LINES)):
            done.append(unit_intake.take(store, name, b"[" + b",".join(chunk) + b"]", at))
    if output.show_sightings(done, json=json):
        raise typer.Exit(1)


@experiments_group.command()
def status(name: Name, json: Json = False) -> None:
    """Show how a test stands and what a decision waits for.

    This does not count as an analysis.

    Example: runlore ab status buttons
    """
    from runlore.experiments.actions import analysis

    with _opened() as (_, store, at):
        standing = analysis.status(store, name, at)
    output.show_status(standing, json=json)


@experiments_group.command()
def analyze(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Name of the test.  [default: all running tests]"),
    ] = None,
    by: By = None,
    json: Json = False,
) -> None:
    """Analyse a test, and end it if its rule decides.

    The analysis is stored with its evidence.

    Example: runlore ab analyze buttons
    """
    from runlore.experiments.actions import analysis, lifecycle

    with _opened() as (_, store, at):
        who = lifecycle.Attribution(by or getuser(), at)
        if name is None:
            looks = analysis.analyse_running(store, who)
        else:
            looks = {name: analysis.analyse(store, name, who)}
    output.show_looks(looks, json=json)


@experiments_group.command("list")
def list_tests(json: Json = False) -> None:
    """List all tests, newest first.

    Example: runlore ab list
    """
    from runlore.experiments.actions import lifecycle

    with _opened() as (_, store, _at):
        tests = lifecycle.every(store)
    output.show_tests(tests, json=json)


@experiments_group.command()
def export(name: Name, json: Json = False) -> None:
    """Export a test with its analyses and figures.

    Tables and figures (PNG, SVG) go to the reports folder.

    Example: runlore ab export buttons
    """
    from runlore.experiments.views import report

    with _opened() as (settings, store, at):
        paths = report.export(store, name, settings.reports, at)
    if json:
        emit_json({"files": [str(path) for path in paths]})
    else:
        for path in paths:
            echo(path)


def _needed(option: str, value: float | None, kind: str) -> float:
    from runlore.kernel.errors import BadInput

    if value is None:
        raise BadInput(f"{option}: a {kind} needs --{option}", option)
    return value


def _plan(path: Path) -> "Plan":
    from runlore.experiments.actions.plan import Plan
    from runlore.kernel.errors import BadInput

    try:
        text = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    with _named():
        return Plan.model_validate_json(text)


def _simple(fixed: dict[str, Any], variants: list[str], event: str) -> "Plan":
    from runlore.experiments.actions.plan import Plan

    parts = [variant.partition("=") for variant in variants]
    with _named():
        return Plan.model_validate(
            {
                **fixed,
                "variants": [{"name": n, **({"weight": w} if w else {})} for n, _, w in parts],
                "metrics": [{"name": event, "event": event}],
            }
        )


@contextmanager
def _named() -> Iterator[None]:
    """Turn a validation error into one line that names the field."""
    from pydantic import ValidationError

    from runlore.kernel.errors import BadInput

    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "document"
        raise BadInput(f"{field}: {first['msg']}", field) from error


@contextmanager
def _opened() -> Iterator[tuple["Settings", "Store", "datetime"]]:
    from runlore.app import open_app
    from runlore.kernel import instants

    with open_app() as app:
        yield app.settings, app.store, instants.now()
