"""The agents: their state, load and skills; one agent with its tasks."""

from collections import Counter
from collections.abc import Sequence

from bentos.console.agent_tasks.task_lines import show_lines
from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address, text_filter
from bentos.console.frame.page import ConsolePage, Moved, PageRequest, PageRoute, Shown
from bentos.http.parameters import parse_uuid
from runlore.agents.actions.probing import read_health
from runlore.agents.actions.registering import (
    agent_status,
    find_agent,
    list_agents,
    set_agent_state,
)
from runlore.agents.actions.task_steps import list_tasks
from runlore.agents.actions.workload import read_workload
from runlore.agents.queries.registry import AgentFilter, AgentRow
from runlore.agents.queries.skills import AgentSkill, read_agent_skills
from runlore.agents.queries.task_rows import TaskFilter
from runlore.agents.rules.registration import AGENT_STATES, AGENT_TYPES
from runlore.kernel.errors import BadInput
from runlore.signals.rules.objectives.error_budget import wilson_interval

PATH, ONE = "/console/agents", "/console/agents/{id}"
ROWS, DRAWN, TASKS = 100, 20, 50


def show_agents(request: PageRequest) -> Shown:
    chosen = {name: text_filter(request.query, name) for name in ("type", "state", "after")}
    wanted = AgentFilter(
        type=chosen["type"], state=chosen["state"], after=chosen["after"], limit=ROWS
    )
    page = list_agents(request.store, wanted)
    rows = [(row, agent_status(row), success_rate(row)) for row in page.agents]
    filters = {name: chosen[name] or "" for name in ("type", "state")}
    values = {
        "rows": rows,
        "counts": Counter(status for _, status, _ in rows).most_common(),
        "load": read_workload(request.store),
        "types": AGENT_TYPES,
        "states": AGENT_STATES,
        "filters": filters,
        "is_first": chosen["after"] is None,
        "more": address(PATH, filters, after=page.next_after) if page.next_after else "",
        "chart": _success_chart(page.agents),
    }
    return Shown("agents/agents.html", values)


def show_agent(request: PageRequest) -> Shown:
    agent_id = parse_uuid(request.path["id"], "id")
    row = find_agent(request.store, agent_id)
    skills = read_agent_skills(request.store, agent_id)
    tasks = list_tasks(request.store, TaskFilter(agent_id=agent_id, limit=TASKS))
    values = {
        "agent": row,
        "status": agent_status(row),
        "health": read_health(request.store, agent_id, request.at),
        "rate": success_rate(row),
        "skills": skills,
        "chart": _skill_chart(skills),
        "lines": show_lines(request.store, tasks, request.at),
        "states": AGENT_STATES,
    }
    return Shown("agents/agent.html", values)


def change_state(request: PageRequest) -> Moved:
    """Drain an agent, take it into maintenance, or bring it back."""
    agent_id = parse_uuid(request.path["id"], "id")
    chosen = request.line("state")
    state = next((one for one in AGENT_STATES if one == chosen), None)
    if state is None:
        raise BadInput(f"state: {chosen[:40]!r} is none of {', '.join(AGENT_STATES)}", "state")
    reason = f"{request.line('reason')} ({request.actor()})"
    row = set_agent_state(request.store, agent_id, state, reason)
    return Moved(f"{PATH}/{agent_id}", f"{row.name[:100]} is {state}.")


def success_rate(row: AgentRow) -> float | None:
    """Of its attempts that ended; None: none has."""
    ended = row.tasks_completed + row.tasks_failed
    return row.tasks_completed / ended if ended else None


def _success_chart(rows: Sequence[AgentRow]) -> Chart | None:
    """Of those that ended most attempts."""
    ended = [row for row in rows if row.tasks_completed + row.tasks_failed]
    ended.sort(key=lambda row: -(row.tasks_completed + row.tasks_failed))
    names = [f"{at + 1}: {row.name[:36]}" for at, row in enumerate(ended[:DRAWN])]
    counts = [(row.tasks_completed, row.tasks_completed + row.tasks_failed) for row in ended]
    return _shares("Who completes its tasks?", "agent", names, counts[:DRAWN])


def _skill_chart(skills: Sequence[AgentSkill]) -> Chart | None:
    names = [f"{at + 1}: {one.task_type[:36]}" for at, one in enumerate(skills[:DRAWN])]
    counts = [(one.successes, one.successes + one.failures) for one in skills[:DRAWN]]
    return _shares("What is it good at?", "type of task", names, counts)


def _shares(
    title: str, what: str, names: list[str], counts: Sequence[tuple[float, float]]
) -> Chart | None:
    """Shares of attempts that completed, with 95 % intervals (Wilson 1927)."""
    if not names:
        return None
    ends = [wilson_interval(good, total) for good, total in counts]
    drawn = ChartSeries(
        "completed, 95 %",
        names,
        [good / total for good, total in counts],
        [low for low, _ in ends],
        [high for _, high in ends],
        style="bars",
    )
    return Chart(
        title, what, "share of attempts", (drawn,), is_percent=True, y_range=(0, 1), is_lying=True
    )


PAGE = ConsolePage(
    "Agents",
    96,
    PATH,
    (
        PageRoute("GET", PATH, show_agents),
        PageRoute("GET", ONE, show_agent),
        PageRoute("POST", f"{ONE}/state", change_state, "record"),
    ),
    group="Agents",
)
