"""`runlore plan pools`: which capacity there is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.anomalies import Actor
from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.planning.actions.pools import DeclaredPool
    from runlore.planning.rules.pools.pool import Pool

AsOf = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Pools as they were at this instant.  [default: now]"),
]
FromFile = Annotated[
    Path | None,
    typer.Option(
        "--set",
        metavar="FILE.json",
        help="Add the pools of a file, or change those of the same name: one object or a list.",
    ),
]
Remove = Annotated[str | None, typer.Option(metavar="NAME", help="Remove a pool.")]


def pools(
    file: FromFile = None,
    remove: Remove = None,
    actor: Actor = "cli",
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """List pools of people or machines, or declare them.

    A file has such as {"name": "gpu", "size": 8, "serves": ["train"], "zone": "Europe/Berlin",
    "hours": {"mon": ["09:00-17:00"]}, "holidays": "DE", "cost_per_hour": 2.5}. Each change is kept.

    Example: runlore plan pools --set pools.json
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.kernel.errors import BadInput
    from runlore.planning.actions.pools import list_pools, remove_pool, set_pools

    if as_of is not None and (file or remove):
        raise BadInput("as-of: a pool is changed from now on; leave --as-of out", "as-of")
    declared = [] if file is None else read_file(file)
    now = instants.now()
    at = now if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app:
        changed = set_pools(app.store, declared, actor, now) if declared else []
        if remove is not None:
            remove_pool(app.store, remove, actor, now)
        listed = list_pools(app.store, at)
    removed = [remove] if remove else []
    if json:
        bodies = [_body(one) for one in listed]
        emit_json({"pools": bodies, "changed": changed, "removed": removed})
        return
    for name in changed:
        echo(f"Pool {name} is set.")
    for name in removed:
        echo(f"Pool {name} is removed.")
    if not (changed or removed) or listed:
        _show(listed)


def read_file(file: Path) -> "list[Pool]":
    """Pools of a JSON file. Raises BadInput with the place in the list."""
    import json

    from runlore.kernel.errors import BadInput
    from runlore.planning.rules.pools.pool import read_pool

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"--set: {file} cannot be read: {error.strerror}", "set") from error
    except ValueError as error:
        raise BadInput(f"--set: {file} is not JSON: {error}", "set") from error
    rows = content if isinstance(content, list) else [content]
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(read_pool(row))
        except BadInput as error:
            raise BadInput(f"pool {number} of {file.name}: {error}", error.field) from error
    return found


def _body(one: "DeclaredPool") -> dict[str, Any]:
    from runlore.planning.rules.pools.pool import write_pool

    return write_pool(one.pool) | {"recorded_at": one.recorded_at, "actor": one.actor}


def _show(listed: "list[DeclaredPool]") -> None:
    if not listed:
        echo("No pool is declared: `runlore plan pools --set FILE.json` declares them.")
        return
    emit_table(f"{len(listed)} pools", [_row(one) for one in listed])


def _row(one: "DeclaredPool") -> dict[str, object]:
    pool = one.pool
    return {
        "pool": pool.name,
        "size": f"{pool.size:g}",
        "serves": ", ".join(pool.serves) or "all kinds",
        "open": _hours_text(pool),
        "cost per hour": pool.cost_per_hour,
        "since (UTC)": one.recorded_at,
        "by": one.actor,
    }


def _hours_text(pool: "Pool") -> str:
    from runlore.planning.rules.pools.pool import WEEKDAYS

    if not pool.hours:
        return "always"
    spans = [(day, pool.hours[day]) for day in WEEKDAYS if pool.hours.get(day)]
    days = "; ".join(f"{day} {' '.join(one)}" for day, one in spans)
    return f"{days} ({pool.zone})"
