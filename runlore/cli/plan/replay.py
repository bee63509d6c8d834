"""`runlore plan replay`: what waits would have been under other scheduling policies."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.planning.replay_views import ReplayView

Slots = Annotated[
    float, typer.Option(metavar="N", help="Slots of the pool, such as processors or runners.")
]
SizeInput = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Input with the slots of a job.  [default: one each]"),
]
LimitInput = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Input with the requested time in seconds."),
]
WhatIf = Annotated[
    list[float] | None,
    typer.Option(metavar="N", help="Replay on so many slots, too; once for each."),
]
Since = Annotated[
    str | None, typer.Option(metavar="ISO", help="Only jobs submitted from this instant on.")
]
Until = Annotated[
    str | None, typer.Option(metavar="ISO", help="Only jobs submitted before this instant.")
]
AsOf = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Use only what was known at this instant.  [default: now]"),
]
Plot = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Draw waits by week: a .png, .svg or .pdf file."),
]


def replay(
    slots: Slots,
    kind: Annotated[str | None, typer.Option(help="Only jobs of this kind.")] = None,
    size_input: SizeInput = None,
    limit_input: LimitInput = None,
    what_if: WhatIf = None,
    since: Since = None,
    until: Until = None,
    as_of: AsOf = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Replay past jobs on a pool: what would they have waited under other scheduling policies?

    First come first served, EASY backfilling with requested times, with the user's last two jobs,
    and with a quantile of like jobs. Choices are made on the first 70 % of the jobs; waits and
    gains are told of the last 30 %.

    Example: runlore plan replay --slots 338 --size-input processors --limit-input requested_time_s
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel.instants import now
    from runlore.planning.actions.scheduling_replay import ReplayRequest, replay_scheduling
    from runlore.planning.replay_plots import DPI, draw_replay
    from runlore.planning.replay_views import show_replay

    request = ReplayRequest(
        slots,
        kind,
        size_input,
        limit_input,
        _at(since, "since"),
        _at(until, "until"),
        _all(what_if),
    )
    with open_app() as app:
        made = replay_scheduling(app.store, request, _at(as_of, "as-of") or now(), _say)
    view = show_replay(made)
    if plot is not None:
        draw_replay(made).savefig(plot, dpi=DPI)
    if json:
        emit_json(asdict(view))
        return
    _tell(view)
    if plot is not None:
        echo(f"drawn: {plot}")


def _at(text: str | None, field: str) -> datetime | None:
    from runlore.kernel import instants

    return None if text is None else instants.parse(text, field)


def _all(what_if: list[float] | None) -> tuple[float, ...]:
    return tuple(what_if or ())


def _say(text: str) -> None:
    echo(text, err=True)


def _tell(view: "ReplayView") -> None:
    from runlore.kernel.readable import readable_duration
    from runlore.planning.replay_views import tabulate_policy, tabulate_what_if

    echo(f"{view.finding[:1].upper()}{view.finding[1:]}.")
    left_out = [f"{count} {why}" for why, count in view.left_out.items() if count]
    echo(
        f"{view.jobs} jobs, {view.first_at:%Y-%m-%d} to {view.last_at:%Y-%m-%d}; left out:"
        f" {', '.join(left_out) or 'none'}; without a request: {view.without_request}"
    )
    rows = [tabulate_policy(one) for one in view.policies]
    emit_table(f"The last {view.policies[0].waits.jobs} jobs, on {view.slots:g} slots", rows)
    echo("* with exact run times, which nobody knows before")
    echo(
        f"In the log, these jobs waited {readable_duration(view.recorded.wait_mean_s)} on average."
    )
    if view.what_if:
        others = [tabulate_what_if(one, view.best) for one in view.what_if]
        emit_table("With other numbers of slots", others)
