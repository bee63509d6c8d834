"""`runlore advise maintenance`: which scopes to visit when."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from datetime import datetime

    from runlore.advice.actions.failure_log import FailureDefinition, FailureSource
    from runlore.advice.actions.maintenance import VisitTerms
    from runlore.advice.maintenance_views import MaintenanceView
    from runlore.advice.rules.maintenance.lifetimes import AgeFrom

Crews = Annotated[int, typer.Option(help="Visits at the same time.")]
VisitCost = Annotated[float, typer.Option(help="Of one visit.")]
FailureCost = Annotated[float, typer.Option(help="Of one failure and its repair.")]
Horizon = Annotated[str, typer.Option(metavar="SPAN", help="How far to plan, such as 30d.")]
VisitHours = Annotated[float, typer.Option(help="How long a visit takes.")]
PoolName = Annotated[
    str | None,
    typer.Option(
        "--pool",
        metavar="NAME",
        help="A declared pool whose size and hours are the crews.  [default: Mon-Fri 08-16 UTC]",
    ),
]
Failures = Annotated[
    str,
    typer.Option(
        metavar="WHAT",
        help="What a failure is: kind (executions of the failure kinds), failed (failed executions"
        " too), or auto (those of the kinds; failed ones where there are none).",
    ),
]
FailureKind = Annotated[
    list[str] | None,
    typer.Option(metavar="KIND", help="May be repeated.  [default: failure]"),
]
VisitKind = Annotated[
    list[str] | None,
    typer.Option(metavar="KIND", help="May be repeated.  [default: maintenance]"),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="NAME", help="An input that may matter; may be repeated."),
]
SameHours = Annotated[float, typer.Option(help="Failures so close together are one.")]
AgeStart = Annotated[
    str, typer.Option(metavar="WHAT", help="Ages begin at the first record, or first renewal.")
]
GoneDays = Annotated[
    float | None,
    typer.Option(help="A scope without a record for longer has left.  [default: none has]"),
]
ScopeName = Annotated[str | None, typer.Option("--scope", metavar="NAME", help="Only this one.")]
Ics = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the visits as an iCalendar file, too.")
]
AsOf = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Use only what was known at this instant.  [default: now]"),
]
SHOWN = 40


def maintenance(
    crews: Crews = 1,
    visit_cost: VisitCost = 1.0,
    failure_cost: FailureCost = 10.0,
    horizon: Horizon = "30d",
    visit_hours: VisitHours = 2.0,
    pool: PoolName = None,
    failures: Failures = "auto",
    failure_kind: FailureKind = None,
    visit_kind: VisitKind = None,
    inputs: Inputs = None,
    same_hours: SameHours = 1.0,
    age_from: AgeStart = "first",
    gone_days: GoneDays = None,
    scope: ScopeName = None,
    ics: Ics = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Say which hosts and devices to visit when, so that failures and visits cost least.

    Risk comes from the times between failures and visits, and from signals near their limits. A
    survival model is used only where it beats a constant hazard. The exit code is 1 if too few
    failures are known.

    Example: runlore advise maintenance --crews 2 --visit-cost 200 --failure-cost 3000 --ics v.ics
    """
    from runlore.advice.actions.failure_log import FailureDefinition
    from runlore.kernel import instants

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    defined = FailureDefinition(
        cast("FailureSource", failures),
        tuple(failure_kind or ("failure",)),
        tuple(visit_kind or ("maintenance",)),
        tuple(inputs or ()),
        same_hours,
        cast("AgeFrom", age_from),
        gone_days,
    )
    terms = _terms(visit_cost, failure_cost, horizon, crews, visit_hours, pool)
    view = _plan(defined, terms, at, scope)
    if ics is not None:
        _write(view, ics)
    _show(view, ics, as_json=json)


def _terms(
    visit_cost: float,
    failure_cost: float,
    horizon: str,
    crews: int,
    visit_hours: float,
    pool: str | None,
) -> "VisitTerms":
    from runlore.advice.actions.maintenance import VisitTerms
    from runlore.advice.rules.maintenance.visit_costs import MaintenanceCosts
    from runlore.kernel.durations import DAY_S
    from runlore.planning.rules.capacity.lengths import read_length_s

    days = read_length_s(horizon, "horizon") / DAY_S
    costs = MaintenanceCosts(visit_cost, failure_cost)
    return VisitTerms(costs, days, crews, visit_hours, pool)


def _plan(
    defined: "FailureDefinition", terms: "VisitTerms", at: "datetime", scope: str | None
) -> "MaintenanceView":
    from runlore.advice.actions.maintenance import plan_maintenance
    from runlore.advice.maintenance_views import show_maintenance
    from runlore.app import open_app

    with open_app() as app:
        plan = plan_maintenance(app.store, app.series_specs, defined, terms, at)
    return show_maintenance(plan, scope)


def _write(view: "MaintenanceView", file: Path) -> None:
    from runlore.advice.maintenance_calendar import to_icalendar
    from runlore.kernel.errors import BadInput

    try:
        file.write_bytes(to_icalendar(view).encode())
    except OSError as error:
        raise BadInput(f"--ics: {file} cannot be written: {error.strerror}", "ics") from error


def _show(view: "MaintenanceView", ics: Path | None, *, as_json: bool) -> None:
    from dataclasses import asdict

    from runlore.advice.maintenance_views import (
        explain_maintenance,
        tabulate_policy,
        tabulate_scope,
    )

    if as_json:
        emit_json(asdict(view))
    else:
        for line in explain_maintenance(view):
            echo(line)
        if view.policies:
            emit_table("", [tabulate_policy(one) for one in view.policies])
        emit_table("", [tabulate_scope(one) for one in view.scopes[:SHOWN]])
        if len(view.scopes) > SHOWN:
            echo(f"{len(view.scopes) - SHOWN} more scopes: see --json")
        if ics is not None:
            echo(f"Written to {ics}.")
    if view.model is None:
        raise typer.Exit(1)
