"""`runlore marketplace`: packages of agents."""

import typer

from runlore.cli.marketplace import catalog, installed, publishing

group = typer.Typer(no_args_is_help=True, help="Find, verify, install and publish agents.")


@group.callback()
def marketplace() -> None:
    """Find, verify, install and publish agents."""


group.command()(catalog.search)
group.command()(catalog.show)
group.command()(catalog.stats)
group.command()(installed.install)
group.command(name="installed")(installed.installed_)
group.command()(installed.updates)
group.command()(installed.update)
group.command()(installed.uninstall)
group.command()(publishing.key)
group.command()(publishing.pack)
group.command()(publishing.verify)
group.command()(publishing.publish)
group.command()(publishing.rotate)
group.command()(catalog.held)
group.command()(catalog.approve)
group.command()(catalog.withdraw)
