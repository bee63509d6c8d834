"""`runlore plan`: estimates, and plans that rest on them."""

import typer

from runlore.cli.plan import (
    allocation,
    borrowing,
    capacity,
    estimates,
    pools,
    projects,
    promises,
    recommendations,
    replay,
)

group = typer.Typer(no_args_is_help=True, help="Estimate what work will take, before it is done.")


@group.callback()
def plan() -> None:
    """Estimate what work will take, before it is done."""


group.command()(estimates.estimate)
group.command()(pools.pools)
group.command()(allocation.allocate)
group.command()(replay.replay)
group.command()(capacity.capacity)
group.command()(projects.similar)
group.command()(projects.projects)
group.command()(promises.promises)
group.command()(borrowing.borrow)
group.command()(recommendations.recommend)
group.command("recommendations")(recommendations.list_recommendations)
group.command()(recommendations.decide)
