"""The page of plans: a Gantt chart of the newest one, and what is late or promised."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bentos.console.plans import gantt
from runlore.planning.actions.allocation import AllocationRequest, TaskDuration, make_plan
from runlore.planning.actions.plans import keep_plan
from runlore.planning.allocation_views import plan_as_json, show_plan
from runlore.planning.rules.allocation.task_to_place import TaskToPlace
from runlore.planning.rules.pools.pool import Pool
from runlore.store.engine import Store

PATH = "/console/plans"
AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_without_a_plan_the_page_says_so(console: httpx.Client) -> None:
    assert "<h1>There is no plan yet</h1>" in console.get(PATH).text
    assert console.get(f"{PATH}/7").status_code == 404


def test_the_newest_plan_is_drawn_with_what_is_late(console: httpx.Client, world: Store) -> None:
    name = "<b class=pwned>T1</b>"
    tasks = [
        TaskToPlace(name, duration_s=7200, deadline=AT + HOUR),
        TaskToPlace("T2", duration_s=3600, due=AT + 9 * HOUR),
        TaskToPlace("T3", duration_s=600),
    ]
    durations = {task.id: TaskDuration(task.duration_s or 0, None) for task in tasks}
    request = AllocationRequest(tasks, limit_s=2)
    made = make_plan(request, durations, [Pool("<i class=pwned>gpu</i>", 2)], AT)
    number = keep_plan(world, plan_as_json(show_plan(made)), "ann", AT)
    page = console.get(PATH)
    assert f"<h1>Plan {number} is infeasible</h1>" in page.text
    assert "class=pwned>" not in page.text.replace("&lt;b class=pwned&gt;", "")
    for state in ("late", "promised", "free"):
        assert f'<g class="{state}">' in page.text
    assert "60 min past its deadline" in page.text
    assert console.get(f"{PATH}/{number}").text == page.text


@pytest.mark.parametrize(
    ("hours", "first", "count"),
    [(9, "02 Mar 08:00", 5), (0.5, "02 Mar 08:00", 6), (60, "02 Mar 12:00", 5), (900, "09 Mar", 4)],
)
def test_the_time_of_the_chart_has_round_steps(hours: float, first: str, count: int) -> None:
    ticks = gantt._ticks(AT, hours * 3600)
    assert (ticks[0][1], len(ticks)) == (first, count)
    assert all(AT <= at <= AT + hours * HOUR for at, _ in ticks)
