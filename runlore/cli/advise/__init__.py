"""`runlore advise`: what would help, and why something went wrong."""

import typer

from runlore.cli.advise import causes, maintenance, patterns, recommendations, security, visits

group = typer.Typer(no_args_is_help=True, help="Say what would help, and why failures rose.")


@group.callback()
def advise() -> None:
    """Say what would help, and why failures rose."""


group.command()(causes.why)
group.command()(patterns.patterns)
group.add_typer(security.group, name="security")
group.command()(maintenance.maintenance)
group.command()(visits.visits)
group.command()(recommendations.recommend)
group.command()(recommendations.mitigate)
group.command()(recommendations.follow)
group.command()(recommendations.dismiss)
group.command()(recommendations.record)
