"""The order of tasks that wait for one another."""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from runlore.kernel.errors import BadInput

MOST_SHOWN = 10  # names of a cycle


def order_tasks(ids: Sequence[str], after: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """Positions of n tasks, each behind all that it waits for.

    Raises BadInput for an id that occurs twice, for one that is unknown, and for a cycle.
    """
    places = {name: at for at, name in enumerate(ids)}
    if len(places) < len(ids):
        twice = next(name for at, name in enumerate(ids) if places[name] != at)
        raise BadInput(f"tasks: id {twice!r} occurs twice; give each task its own", "tasks")
    for at, names in enumerate(after):
        for name in names:
            if name not in places:
                raise BadInput(
                    f"tasks.{at}.after: {ids[at]!r} waits for {name!r}, which is no id of the"
                    " tasks",
                    f"tasks.{at}.after",
                )
    graph = {at: [places[name] for name in names] for at, names in enumerate(after)}
    try:
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        cycle = [ids[at] for at in error.args[1]]
        shown = [*cycle[:MOST_SHOWN], *(["…"] if len(cycle) > MOST_SHOWN else [])]
        raise BadInput(
            f"tasks: {' before '.join(map(repr, shown))} is a cycle; remove one of these", "tasks"
        ) from error
