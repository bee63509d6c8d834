"""Tasks to pools and times: against a slow truth, and through command, HTTP and dialect."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.kernel.errors import BadInput, Refused
from runlore.planning.actions.allocation import (
    AllocationRequest,
    MadePlan,
    TaskDuration,
    make_plan,
)
from runlore.planning.allocation_views import plan_as_json, plan_from_json, show_plan
from runlore.planning.plan_exports import export_plan
from runlore.planning.rules.allocation.execution import execute
from runlore.planning.rules.allocation.problem import AllocationProblem, Weights, score
from runlore.planning.rules.allocation.slot_timeline import SlotTimeline
from runlore.planning.rules.allocation.task_to_place import TaskToPlace, read_tasks
from runlore.planning.rules.pools.opening import open_spans
from runlore.planning.rules.pools.pool import WEEKDAYS, Pool
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve

__all__ = ["serve"]

AT = datetime(2026, 11, 30, 8, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
OFFICE = dict.fromkeys(WEEKDAYS[:5], ("09:00-12:00", "13:00-17:00"))


def plan(tasks: list[TaskToPlace], pools: list[Pool], **more: object) -> MadePlan:
    request = AllocationRequest(tasks, pools, **{"limit_s": 5.0, **more})  # type: ignore[arg-type]
    durations = {task.id: TaskDuration(task.duration_s or 1.0, None) for task in tasks}
    return make_plan(request, durations, pools, AT)


def best_of_all_orders(problem: AllocationProblem) -> tuple[int, int]:
    """Overrun and points: every order, every choice of pools, each task in its first gap."""
    best = (1 << 60, 1 << 60)
    for order in permutations(range(problem.tasks)):
        for pools in product(range(problem.pools), repeat=problem.tasks):
            best = min(best, _in_this_order(problem, order, pools) or best)
    return best


def _in_this_order(
    problem: AllocationProblem, order: tuple[int, ...], pools: tuple[int, ...]
) -> tuple[int, int] | None:
    if not all(problem.can[task, pools[task]] for task in order):
        return None
    lines = [SlotTimeline(int(size)) for size in problem.capacity]
    ends: dict[int, int] = {}
    for task in order:
        if any(parent not in ends for parent in problem.parents[task]):
            return None
        ready = max([int(problem.release[task]), *(ends[one] for one in problem.parents[task])])
        opening, work = problem.opening[pools[task]], int(problem.work[task, pools[task]])
        since = opening.opened(ready)
        opened = lines[pools[task]].first_gap(since, work, 1)
        lines[pools[task]].occupy(opened, opened + work, 1)
        ends[task] = opening.end(opened + work)
    end = np.array([ends[task] for task in range(problem.tasks)])
    placed = score(problem, np.array(pools), end, end)
    return placed.overrun_s, placed.points


some_tasks = st.lists(
    st.tuples(
        st.integers(1, 9),  # half hours
        st.integers(0, 4),  # release
        st.none() | st.integers(2, 30),  # due
        st.none() | st.integers(10, 60),  # deadline
        st.sampled_from([1.0, 3.0]),
        st.booleans(),  # waits for the task before it
    ),
    min_size=2,
    max_size=4,
)


def as_tasks(rows: list[tuple]) -> list[TaskToPlace]:
    def instant(half_hours: int | None) -> datetime | None:
        return None if half_hours is None else AT + half_hours * HOUR / 2

    return [
        TaskToPlace(
            id=f"T{at}",
            duration_s=1800.0 * work,
            release=instant(release),
            due=instant(due),
            deadline=instant(deadline),
            priority=priority,
            after=(f"T{at - 1}",) if waits and at else (),
        )
        for at, (work, release, due, deadline, priority, waits) in enumerate(rows)
    ]


@settings(max_examples=12, deadline=None)
@given(some_tasks, st.booleans(), st.sampled_from([0.0, 5.0]))
def test_no_order_of_tasks_gives_a_better_plan(
    rows: list[tuple], has_hours: bool, finish: float
) -> None:
    second = Pool("b", 1, hours=OFFICE if has_hours else {}, cost_per_hour=0.5)
    made = plan(
        as_tasks(rows), [Pool("a", 1, cost_per_hour=2), second], weights=Weights(finish=finish)
    )
    best = made.result.best
    truth = best_of_all_orders(made.assembly.problem)
    assert (best.overrun_s, best.points) == truth
    if not best.overrun_s:
        assert made.result.bound <= best.points
    assert made.result.is_impossible == (truth[0] > 0)
    check(made)


def check(made: MadePlan) -> None:
    """Capacity, order, release and opening hours are kept, as the answer tells them."""
    view = show_plan(made)
    ends = {task.id: task.end for task in view.tasks}
    pools = {pool.name: pool for group in made.assembly.pools for pool in group}
    given_tasks = {task.id: task for task in made.request.tasks}
    for task in view.tasks:
        mine = given_tasks[task.id]
        assert task.start >= max(mine.release or AT, AT) or task.is_running
        assert all(ends[one] <= task.start for one in task.after) or task.is_running
        others = [o for o in view.tasks if o.pool == task.pool and o.start <= task.start < o.end]
        assert sum(o.slots for o in others) <= max(int(pools[task.pool].size), 1)
        if task.is_running:
            continue
        spans = open_spans(pools[task.pool], AT.date() - timedelta(days=1), 60) / 1e6
        low, high = task.start.timestamp(), task.end.timestamp()
        inside = np.minimum(spans[:, 1], high) - np.maximum(spans[:, 0], low)
        work = task.duration_s / min(pools[task.pool].size, 1.0)
        assert inside[inside > 0].sum() == pytest.approx(work, abs=1)


def test_many_tasks_keep_capacity_order_and_hours() -> None:
    random = np.random.default_rng(3)
    tasks = [
        TaskToPlace(
            id=f"T{at}",
            kind=str(random.choice(["x", "y"])),
            duration_s=float(random.integers(600, 20_000)),
            after=(f"T{random.integers(at)}",) if at and random.random() < 0.3 else (),
            slots=int(random.integers(1, 4)),
            due=AT + HOUR * int(random.integers(5, 100)),
        )
        for at in range(60)
    ]
    tasks.append(TaskToPlace("R", duration_s=7200.0, is_running=True, pool="big", start=AT - HOUR))
    twins = [Pool("twin-1", 3, serves=("x",)), Pool("twin-2", 3, serves=("x",))]
    made = plan(tasks, [Pool("big", 4.7), *twins, Pool("half", 0.5, hours=OFFICE)], limit_s=1.5)
    check(made)
    view = show_plan(made)
    [running] = [task for task in view.tasks if task.id == "R"]
    assert (running.pool, running.start, running.end) == ("big", AT - HOUR, AT + HOUR)
    assert view.objective <= min(one.objective for one in view.figures.values())
    assert 0 <= view.gap < 1


def test_what_is_said_to_help_helps() -> None:
    def due(hours: float) -> datetime:
        return AT + hours * HOUR

    tasks = [
        TaskToPlace("T1", duration_s=7200, deadline=due(4)),
        TaskToPlace("T2", duration_s=7200, deadline=due(4)),
        TaskToPlace("T3", duration_s=7200, deadline=due(4)),
        TaskToPlace("T4", duration_s=3600, after=("T1",), deadline=due(2)),
        TaskToPlace("T5", duration_s=3600, skills=("welding",)),
        TaskToPlace("T6", duration_s=3600, after=("T5",)),
    ]
    made = plan(tasks, [Pool("gpu", 1)])
    view = show_plan(made)
    assert (view.status, made.result.is_impossible) == ("infeasible", True)
    reasons = {one.task: one for one in view.obstacles}
    assert reasons["T5"].reason == "no pool can run T5: gpu lacks skill 'welding'"
    assert reasons["T6"].reason == "T6 waits for T5, which has no place"
    assert reasons["T4"].reason.startswith("T4 after T1 ends 60 min past its deadline")
    said = "needs 60 min more of pool gpu before Mon 2026-11-30 12:00:00 UTC, which "
    assert any(said in one.reason for one in view.obstacles), view.obstacles
    ends = {task.id: task.end for task in view.tasks}
    moved = [
        TaskToPlace(
            t.id, duration_s=t.duration_s, after=t.after, deadline=max(t.deadline, ends[t.id])
        )
        for t in tasks[:4]
        if t.deadline is not None
    ]
    assert show_plan(plan(moved, [Pool("gpu", 1)])).status != "infeasible"


def test_more_slots_are_named_where_they_would_do() -> None:
    tasks = [TaskToPlace(f"T{at}", duration_s=3600, deadline=AT + 2 * HOUR) for at in range(6)]
    made = plan(tasks, [Pool("gpu", 2)])
    assert made.advice == "1 more slot of pool gpu would meet all deadlines"
    assert not plan(tasks, [Pool("gpu", 3)]).obstacles


def test_a_plan_is_carried_out_with_other_durations_in_its_order() -> None:
    tasks = [TaskToPlace(f"T{at}", duration_s=3600, priority=4 - at) for at in range(3)]
    made = plan(tasks, [Pool("gpu", 1)])
    problem, best = made.assembly.problem, made.result.best
    work = np.array([[100, 200, 300], [9000, 10, 10]])
    _, ends = execute(problem, np.argsort(best.start), best.pool, work)
    assert ends.tolist() == [[100, 300, 600], [9000, 9010, 9020]]


def test_running_tasks_beyond_the_pool_are_refused() -> None:
    tasks = [
        TaskToPlace(name, duration_s=7200, is_running=True, pool="gpu", start=AT) for name in "ab"
    ]
    with pytest.raises(Refused, match="need 2 slots of pool gpu, which has 1"):
        plan(tasks, [Pool("gpu", 1)])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [{"id": "a", "duration_s": 1, "after": ["b"]}],
            "'b', which is not in the list",
        ),
        (
            [{"id": "a", "kind": "k", "after": ["b"]}, {"id": "b", "kind": "k", "after": ["a"]}],
            "a waits for b waits for a|b waits for a waits for b",
        ),
        ([{"id": "a", "duration_s": -5}], "tasks.0: duration_s: -5"),
        ([{"id": "a", "duration_s": 1, "colour": 2}], "tasks.0: unknown field 'colour'"),
        ([{"id": "a"}], "neither duration_s nor a kind"),
        ([{"id": "a", "duration_s": 1}] * 2, "'a' is there twice"),
        ([{"id": "a", "duration_s": 1, "due": "soon"}], "tasks.0: due"),
    ],
)
def test_bad_tasks_are_refused_with_their_place(rows: list[dict], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_tasks(rows)


def test_exports_hold_what_the_plan_says() -> None:
    name = "=1+2;ä,\u20ac" + "x" * 80
    tasks = [TaskToPlace(name, duration_s=3600, due=AT + HOUR), TaskToPlace("b c", duration_s=60)]
    tasks[1] = TaskToPlace("b c", duration_s=60, after=(name,))
    view = show_plan(plan(tasks, [Pool("gpu; rm", 1)]))
    assert plan_from_json(json.loads(json.dumps(plan_as_json(view)))) == view
    calendar = export_plan(view, "ics").encode()
    assert all(len(line) <= 75 for line in calendar.split(b"\r\n"))
    lines = calendar.decode().replace("\r\n ", "").split("\r\n")
    assert lines[5].startswith("UID:=1+2\\;ä\\,€")
    assert "DTSTART:20261130T080000Z" in lines
    assert "LOCATION:gpu\\; rm" in lines
    rows = list(csv.DictReader(io.StringIO(export_plan(view, "csv"))))
    assert rows[0]["id"] == "'" + name
    assert rows[1]["start"] == "2026-11-30T09:00:00+00:00"
    script = export_plan(view, "sh")
    assert "--begin=2026-11-30T09:00:00 --time=0-00:01:00 --partition='gpu; rm'" in script
    assert '--dependency="afterok:$job_0"' in script


def test_command_http_and_dialect_make_the_same_plan(
    store: Store,
    settings: Settings,
    serve: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    tasks = [
        {"id": "T1", "duration_s": 7200, "due": "2026-03-02T09:00:00Z"},
        {"id": "T2", "duration_s": 3600, "due": "2026-03-02T09:00:00Z"},
    ]
    pools = [{"name": "gpu", "size": 1, "cost_per_hour": 2.0}]
    (tmp_path / "tasks.json").write_text(json.dumps({"tasks": tasks}))
    (tmp_path / "pools.json").write_text(json.dumps(pools))
    words = ["plan", "allocate", "--tasks", str(tmp_path / "tasks.json"), "--pools"]
    words += [str(tmp_path / "pools.json"), "--as-of", "2026-03-02T08:00:00Z", "--json"]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "plan.csv")])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert (shown["status"], shown["gap"]) == ("optimal", 0.0)
    assert [task["id"] for task in shown["tasks"]] == ["T2", "T1"]
    assert shown["objective"] == pytest.approx(20 + 1 + 3 + 6)
    assert (tmp_path / "plan.csv").read_text().startswith("id,kind,pool")
    client = serve(Serving((), store=store, live={}))
    body = {"tasks": tasks, "pools": pools, "as_of": "2026-03-02T08:00:00Z"}
    made = client.post("/plans", json=body)
    assert made.status_code == 200, made.text
    assert [one["pool"] for one in made.json()["tasks"]] == ["gpu", "gpu"]
    assert made.json()["objective"] == shown["objective"]
    number = made.json()["id"]
    assert client.get(f"/plans/{number}").json() == made.json()
    assert client.get(f"/plans/{number}?format=ics").text.startswith("BEGIN:VCALENDAR")
    listed = client.get("/plans").json()["plans"]
    assert [one["id"] for one in listed] == [number, shown["id"]]
    assert client.get("/plans/999").status_code == 404
    assert client.get("/plans/x").status_code == 422
    bad = client.post("/plans", json={**body, "tasks": [{"id": "a", "kind": "never seen"}]})
    assert bad.status_code == 404
    question = {
        "tasks": [
            {"task_id": one["id"], "estimated_hours": one["duration_s"] / 3600, "due": one["due"]}
            for one in tasks
        ],
        "resources": [{"resource": "gpu", "capacity": 1, "cost_per_hour": 2.0}],
        "start": "2026-03-02T08:00:00Z",
    }
    dialect = client.post("/api/v3/resource-optimization", json=question).json()
    assert dialect["objective"] == shown["objective"]
    assert [one["task_id"] for one in dialect["assignments"]] == ["T2", "T1"]
