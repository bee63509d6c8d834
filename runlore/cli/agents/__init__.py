"""`runlore agents`: who does tasks, and which tasks there are."""

import typer

from runlore.cli.agents import health, outside, policies, recording, registry, running, tasks

group = typer.Typer(no_args_is_help=True, help="Register agents, and give them tasks.")


@group.callback()
def agents() -> None:
    """Register agents, and give them tasks."""


group.command()(registry.register)
group.command(name="list")(registry.list_)
group.command()(registry.state)
group.command()(registry.remove)
group.command()(outside.card)
group.command()(outside.dispatch)
group.command()(running.run)
group.command()(running.builtin)
group.command()(tasks.task)
group.command()(tasks.tasks)
group.command()(tasks.show)
group.command()(tasks.cancel)
group.command()(tasks.route)
group.command()(policies.policies)
group.command()(tasks.workload)
group.command()(recording.record)
group.command()(health.health)
group.add_typer(health.probe, name="probe")
