"""`runlore agents record`."""

from runlore.cli.output import Json, echo, emit_json


def record(json: Json = False) -> None:
    """Record the attempts at tasks that ended as executions, since the last time.

    Then Runlore learns from them as from any log: the agent is the actor, the type of task the
    kind. Repeating it changes nothing.

    Example: runlore agents record
    """
    from dataclasses import asdict

    from runlore.agents.actions.recording import record_attempts
    from runlore.app import open_app
    from runlore.kernel import instants

    with open_app() as app:
        summary = record_attempts(app.store, instants.now())
    if json:
        emit_json(asdict(summary))
    else:
        echo(f"{summary.new:,} attempts are new, {summary.known:,} were known.")
