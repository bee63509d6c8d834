"""`runlore agents policies`."""

from dataclasses import asdict
from typing import Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

Days = Annotated[float, typer.Option("--days", help="Choices of the last so many days.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="As known at this instant.")]


def policies(days: Days = 30.0, as_of: AsOf = None, json: Json = False) -> None:
    """Compare the policies of routing by how their choices would have ended.

    Example: runlore agents policies --days 7
    """
    from runlore.agents.actions.policy_values import compare_values
    from runlore.app import open_app
    from runlore.kernel import instants

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app:
        comparison = compare_values(app.store, at, days)
    if json:
        emit_json(asdict(comparison))
        return
    rows = [
        {
            "policy": one.policy,
            "success": "not known" if one.value is None else f"{one.value:.1%}",
            "95 %": "" if one.low is None else f"{one.low:.1%} to {one.high:.1%}",
            "why": one.reason,
        }
        for one in comparison.policies
    ]
    emit_table(f"Policies by {comparison.choices} choices", rows)
    echo("Success: share of attempts, had the policy made these choices.")
