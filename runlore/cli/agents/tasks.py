"""`runlore agents task`, `tasks`, `show`, `cancel`, `route` and `workload`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.agents.registry import parse_id
from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.agents.queries.task_rows import TaskRow

Type = Annotated[str, typer.Argument(metavar="TYPE", help="What sort of task.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="What is to be done.")]
TaskId = Annotated[str, typer.Argument(metavar="ID", help="As `agents tasks` shows it.")]
Capability = Annotated[
    list[str] | None,
    typer.Option(help="What its agent must be able to do; may be repeated.", show_default=False),
]
PriorityOption = Annotated[str, typer.Option(help="critical, high, normal or low.")]
Input = Annotated[
    str, typer.Option("--input", metavar="JSON", help="Input of the task, an object.")
]
Assign = Annotated[bool, typer.Option("--assign", help="To the best agent that is free now.")]
Policy = Annotated[
    str | None,
    typer.Option(
        help="Who chooses the agent: fixed or learned.  [default: RUNLORE_ROUTING_POLICY]",
        show_default=False,
    ),
]
OfType = Annotated[str, typer.Option("--type", help="Of this type of task.")]
Key = Annotated[
    str | None, typer.Option("--key", help="A second task with this key is the first one.")
]
Status = Annotated[
    str | None,
    typer.Option(help="pending, assigned, in_progress, completed, failed or cancelled."),
]
Reason = Annotated[str, typer.Option(help="Why, in one line.")]
Hours = Annotated[float, typer.Option("--hours", help="Tasks created in the last so many hours.")]


def task(
    type_: Type,
    name: Name,
    capability: Capability = None,
    priority: PriorityOption = "normal",
    input_: Input = "{}",
    key: Key = None,
    assign: Assign = False,
    policy: Policy = None,
    json: Json = False,
) -> None:
    """Put a task into the queue.

    Example: runlore agents task write "Write a post" --capability text --priority high
    """
    from typing import cast

    from runlore.agents.actions import task_steps
    from runlore.agents.actions.routing import RoutingPolicy
    from runlore.agents.rules.task import NewTask, Priority
    from runlore.app import open_app
    from runlore.kernel import instants

    new = NewTask(
        type_,
        name,
        priority=cast(Priority, priority),
        required_capabilities=capability or (),
        input=_object(input_),
        idempotency_key=key,
    )
    with open_app() as app:
        by = cast(RoutingPolicy, policy or app.settings.routing_policy)
        assign_by = by if assign else None
        created = task_steps.create_task(app.store, new, instants.now(), assign_by=assign_by)
    if json:
        emit_json(asdict(created.task) | {"is_new": created.is_new})
        return
    echo(f"Task {created.task.id} {'is ' + created.task.status if created.is_new else 'exists'}.")
    if created.choice is not None:
        chosen = created.choice.chosen
        echo(f"{chosen.name}: {chosen.reason}" if chosen else created.choice.reason)


def tasks(status: Status = None, limit: int = 100, json: Json = False) -> None:
    """List tasks, the newest first.

    Example: runlore agents tasks --status failed
    """
    from runlore.agents.actions.task_steps import list_tasks
    from runlore.agents.queries.task_rows import TaskFilter
    from runlore.app import open_app

    with open_app() as app:
        rows = list_tasks(app.store, TaskFilter(status=status, limit=limit))
    if json:
        emit_json({"tasks": [asdict(row) for row in rows]})
    elif rows:
        emit_table(f"{len(rows)} tasks", [_line(row) for row in rows])
    else:
        echo("No task.")


def show(task_id: TaskId, json: Json = False) -> None:
    """Show a task, what happened to it, and why it went where it went.

    Example: runlore agents show 7f3a…
    """
    from runlore.agents.actions.task_steps import tell_task
    from runlore.app import open_app

    with open_app() as app:
        story = tell_task(app.store, parse_id(task_id))
    if json:
        emit_json(asdict(story))
        return
    emit_table(story.task.name, [_line(story.task)])
    if story.task.failure:
        echo(story.task.failure)
    for routing in story.routings:
        echo(f"Routed by policy {routing.policy}: {routing.reason}")
    events = [
        {
            "at (UTC)": one.at,
            "event": one.event,
            "agent": one.agent_id,
            "token": one.token,
            "detail": one.detail,
        }
        for one in story.events
    ]
    emit_table("What happened", events)


def cancel(task_id: TaskId, reason: Reason = "", json: Json = False) -> None:
    """Cancel a task, also while an agent works on it.

    Example: runlore agents cancel 7f3a… --reason "not needed any more"
    """
    from runlore.agents.actions.task_steps import cancel_task
    from runlore.app import open_app

    with open_app() as app:
        row = cancel_task(app.store, parse_id(task_id), reason)
    if json:
        emit_json(asdict(row))
    else:
        echo(f"Task {row.name} is cancelled.")


def route(
    capability: Capability = None,
    type_: OfType = "",
    policy: Policy = None,
    json: Json = False,
) -> None:
    """Ask which agent a task would get now, and why.

    Example: runlore agents route --capability text --type write --policy learned
    """
    from typing import cast

    from runlore.agents.actions.routing import RoutingPolicy, RoutingRequest, choose_agent
    from runlore.app import open_app

    with open_app() as app:
        by = cast(RoutingPolicy, policy or app.settings.routing_policy)
        request = RoutingRequest(capability or (), type_, None, by)
        choice = choose_agent(app.store, request)
    if json:
        emit_json(asdict(choice))
        return
    if not choice.considered:
        echo(f"Nobody: {choice.reason}.")
        return
    rows = [
        {"agent": one.name, "score": one.score, "why": one.reason} for one in choice.considered[:4]
    ]
    emit_table(f"Policy {choice.policy}: the first gets it", rows)


def workload(hours: Hours = 24.0, json: Json = False) -> None:
    """Show how busy agents are, what waits, and how tasks ended.

    Example: runlore agents workload --hours 1
    """
    from runlore.agents.actions.workload import read_workload, suggest_slots
    from runlore.app import open_app
    from runlore.kernel.durations import HOUR_S

    with open_app() as app:
        load = read_workload(app.store, hours * HOUR_S)
        needed = suggest_slots(app.store, hours * HOUR_S)
    rates: dict[str, object] = {
        "utilisation": load.utilisation,
        "success_rate": load.success_rate,
        "slots_needed": asdict(needed),
    }
    if json:
        emit_json(asdict(load) | rates)
        return
    queue, ended = load.queue, load.ended
    used = "unknown: no active agent" if load.utilisation is None else f"{load.utilisation:.0%}"
    echo(f"Slots in use: {used}")
    echo(
        f"Open tasks: {queue.pending} can begin, {queue.blocked} wait for others,"
        f" {queue.assigned} assigned, {queue.in_progress} in progress"
    )
    if queue.oldest_open_s is not None:
        echo(f"Oldest open task: {queue.oldest_open_s:,.0f} s")
    times = ended.durations_s
    half = f"; half took at most {times[0]:.1f} s, 95 % {times[1]:.1f} s" if times else ""
    echo(f"Of the last {hours:g} h: {ended.completed} completed, {ended.failed} failed{half}")
    echo(
        f"Slots so that 95 % of tasks begin within 10 min: {needed.middle}"
        f" ({needed.low} to {needed.high})"
        if needed.middle is not None
        else f"Slots needed: not known; {needed.reason}"
    )
    if load.types:
        emit_table("Agents", [asdict(one) for one in load.types])


def _object(text: str) -> dict[str, Any]:
    import json

    from runlore.kernel.errors import BadInput

    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadInput(f"--input: {text[:40]!r} is no JSON: {error}", "input") from error
    if not isinstance(value, dict):
        raise BadInput('--input: give a JSON object, such as \'{"topic": "tea"}\'', "input")
    return value


def _line(row: "TaskRow") -> dict[str, object]:
    from runlore.agents.rules.task import PRIORITIES

    return {
        "id": str(row.id),
        "task": row.name,
        "type": row.type,
        "priority": PRIORITIES[row.priority],
        "status": row.status,
        "attempts": row.attempts,
        "created (UTC)": row.created_at,
    }
