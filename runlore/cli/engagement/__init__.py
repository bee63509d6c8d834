"""`runlore engagement`: how posts do, what is expected of them, and what would help."""

import typer

from runlore.cli.engagement import models, scores, suggestions, times

group = typer.Typer(no_args_is_help=True, help="Say how posts will do, and what would help them.")


@group.callback()
def engagement() -> None:
    """Say how posts will do, and what would help them."""


group.command()(scores.score)
group.command()(scores.calibration)
group.command()(suggestions.suggest)
group.command("suggestion-record")(suggestions.record)
group.command()(times.times)
group.command()(models.train)
group.command()(models.importance)
