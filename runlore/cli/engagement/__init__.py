"""`runlore engagement`: how posts do, what is expected of them, and what would help."""

import typer

from runlore.cli.engagement import scores

group = typer.Typer(no_args_is_help=True, help="Say how posts will do, and what would help them.")


@group.callback()
def engagement() -> None:
    """Say how posts will do, and what would help them."""


group.command()(scores.score)
group.command()(scores.calibration)
