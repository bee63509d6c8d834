"""`runlore privacy`: whose data may be used, and for what."""

import typer

from runlore.cli.privacy import (
    aggregates,
    erasing,
    exporting,
    federated,
    opt_outs,
    pseudonyms,
    retention,
)

group = typer.Typer(no_args_is_help=True, help="Say whose data may be used, and for what.")


@group.callback()
def privacy() -> None:
    """Say whose data may be used, and for what."""


group.command()(federated.federate)
group.command("opt-out")(opt_outs.opt_out)
group.command("opt-in")(opt_outs.opt_in)
group.command("opt-outs")(opt_outs.list_opt_outs)
group.command()(pseudonyms.rotate)
group.command()(aggregates.aggregate)
group.command()(aggregates.benchmark)
group.command()(aggregates.report)
group.command()(retention.retention)
group.command()(exporting.export)
group.command()(erasing.erase)
group.command("erasures")(erasing.list_erasures)
