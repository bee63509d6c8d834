"""The queue of tasks with ages and leases; one task, and why it went where it went."""

from collections.abc import Sequence
from typing import Any

from bentos.console.agent_tasks.task_lines import show_lines
from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address, since_filter, text_filter
from bentos.console.frame.page import ConsolePage, Moved, PageRequest, PageRoute, Shown
from bentos.http.parameters import parse_uuid
from runlore.agents.actions.task_steps import cancel_task, list_tasks, tell_task
from runlore.agents.actions.workload import read_workload
from runlore.agents.queries.open_ages import AGE_STEPS, read_open_ages
from runlore.agents.queries.skills import read_agent_names
from runlore.agents.queries.task_rows import TaskFilter
from runlore.agents.rules.task import TASK_STATUSES
from runlore.store.engine import Store

PATH, ONE = "/console/agent-tasks", "/console/agent-tasks/{id}"
ROWS, DRAWN = 100, 20


def show_queue(request: PageRequest) -> Shown:
    status, kind = (text_filter(request.query, name) for name in ("status", "type"))
    before = since_filter(request.query, "before")
    tasks = list_tasks(request.store, TaskFilter(status, kind, before=before, limit=ROWS))
    filters = {"status": status or "", "type": kind or ""}
    older = ""
    if len(tasks) == ROWS:
        older = address(PATH, filters, before=tasks[-1].created_at.isoformat())
    values = {
        "lines": show_lines(request.store, tasks, request.at),
        "load": read_workload(request.store),
        "statuses": TASK_STATUSES,
        "filters": filters,
        "is_first": before is None,
        "older": older,
        "chart": _ages_chart(request.store),
    }
    return Shown("agent_tasks/queue.html", values)


def show_task(request: PageRequest) -> Shown:
    task_id = parse_uuid(request.path["id"], "id")
    story = tell_task(request.store, task_id)
    candidates = story.routings[-1].candidates if story.routings else []
    ids = [one.agent_id for one in story.events if one.agent_id]
    ids += [one.agent_id for one in story.routings if one.agent_id]
    named = [parse_uuid(one["agent_id"], "agent_id") for one in candidates]
    names = read_agent_names(request.store, [*ids, *named])
    [line] = show_lines(request.store, [story.task], request.at)
    values = {
        "line": line,
        "task": story.task,
        "events": story.events,
        "routings": story.routings,
        "names": names,
        "chart": _choice_chart(candidates, {str(key): name for key, name in names.items()}),
        "parts": show_lines(
            request.store,
            list_tasks(request.store, TaskFilter(parent_id=task_id, limit=ROWS)),
            request.at,
        ),
    }
    return Shown("agent_tasks/task.html", values)


def cancel(request: PageRequest) -> Moved:
    task_id = parse_uuid(request.path["id"], "id")
    reason = f"{request.line('reason')} ({request.actor()})"
    task = cancel_task(request.store, task_id, reason)
    return Moved(f"{PATH}/{task_id}", f"{task.name[:100]} is cancelled.")


def _ages_chart(store: Store) -> Chart | None:
    """How many open tasks are how old."""
    counts = read_open_ages(store)
    if not any(counts):
        return None
    names = [name for _, name in AGE_STEPS]
    series = ChartSeries("open tasks", names, [float(one) for one in counts], style="bars")
    return Chart("How long have open tasks waited?", "since their creation", "tasks", (series,))


def _choice_chart(candidates: Sequence[dict[str, Any]], names: dict[str, str]) -> Chart | None:
    """The agents of the last choice: its score of each, and how probable the choice was."""
    if not candidates:
        return None
    drawn = candidates[:DRAWN]
    bars = [
        f"{at + 1}: {names.get(one['agent_id'], 'removed')[:36]}" for at, one in enumerate(drawn)
    ]
    scores = ChartSeries("score", bars, [float(one["score"]) for one in drawn], style="bars")
    title = "Why did it go there?"
    return Chart(title, "agent", "score, 0 to 100", (scores,), y_range=(0, 100), is_lying=True)


PAGE = ConsolePage(
    "Tasks",
    97,
    PATH,
    (
        PageRoute("GET", PATH, show_queue),
        PageRoute("GET", ONE, show_task),
        PageRoute("POST", f"{ONE}/cancel", cancel, "record"),
    ),
    group="Agents",
)
