"""`runlore engagement times`: when a persona's posts engage most."""

from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.plan.estimates import AsOf

if TYPE_CHECKING:
    from runlore.engagement.times_views import TimesView


def times(
    persona: Annotated[str, typer.Argument(metavar="PERSONA", help="Whose posts.")],
    platform: Annotated[
        str | None, typer.Option(help="Only posts on this platform.  [default: all]")
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="Whose clocks are meant, such as Europe/Berlin.  [default: each post's audience]",
        ),
    ] = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Show the hours and weekdays at which a persona's posts engage more, beyond chance.

    Little data is shrunk to no difference. "No best time can be told" is an answer.

    Example: runlore engagement times mia --platform instagram --zone Europe/Berlin
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.engagement.actions.publishing_times import TimesRequest, publishing_times
    from runlore.engagement.times_views import show_times
    from runlore.kernel import instants

    request = TimesRequest(persona, platform, zone)
    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app(delivers=False) as app:
        view = show_times(publishing_times(app.store, request, at))
    if json:
        emit_json(asdict(view))
    else:
        _show(view)


def _show(view: "TimesView") -> None:
    where = f" on {view.platform}" if view.platform else ""
    rate = "" if view.mean_rate is None else f", {view.mean_rate:.1f} % on average"
    echo(f"{view.persona}{where}: {view.posts:,} final posts{rate}, times in {view.zones[0]}")
    if view.reason:
        echo(f"{view.reason[0].upper()}{view.reason[1:]}.")
    for one in view.best:
        echo(f"  {one.text}")
    for borrowed in view.platform_hours:
        share = f"{borrowed.share:.0%} of the platform's personas"
        echo(f"  An idea: {share} do best at {borrowed.hour:02}:00.")
    if view.hours:
        rows: list[dict[str, object]] = [
            {
                "hour": f"{one.hour:02}:00",
                "posts": one.posts,
                "points": round(one.gain, 2),
                "90 %": f"{one.low:+.2f} to {one.high:+.2f}",
            }
            for one in view.hours
            if one.posts
        ]
        emit_table("Hours with posts, beside the average hour of the week", rows)
