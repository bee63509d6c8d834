"""A task that is to be planned, as people give it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from runlore.kernel import instants
from runlore.kernel.errors import BadInput

MOST_TASKS = 2_000
MOST_AFTER = 200
LARGEST_PRIORITY = 1_000.0
LONGEST_S = 400 * 86_400.0
LONGEST_TEXT = 200
INSTANTS = ("release", "due", "deadline", "start")
LISTS = ("after", "skills")
NUMBERS = ("duration_s", "priority")
TEXTS = ("id", "kind", "actor", "scope", "pool")
STATUSES = ("planned", "running")
EXPECTED = {
    **dict.fromkeys(INSTANTS, "an instant such as 2026-12-04T17:00:00Z"),
    **dict.fromkeys(LISTS, f"a list of up to {MOST_AFTER} names"),
    **dict.fromkeys(NUMBERS, "a number"),
    "slots": "a whole number",
    "inputs": "an object",
    "status": " or ".join(STATUSES),
}


@dataclass(frozen=True)
class TaskToPlace:
    """duration_s: of one slot set; None: it is estimated. after: ids that must end first.

    due: wanted by then; being late costs. deadline: must end by then. release: may not start
    before. slots: None: what the pool reads from its inputs, else 1. is_running: it has begun, at
    `start` in `pool`; else both are the user's present plan.
    """

    id: str
    kind: str = ""
    actor: str | None = None
    scope: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    duration_s: float | None = None
    after: tuple[str, ...] = ()
    release: datetime | None = None
    due: datetime | None = None
    deadline: datetime | None = None
    priority: float = 1.0
    skills: tuple[str, ...] = ()
    slots: int | None = None
    pool: str | None = None
    start: datetime | None = None
    is_running: bool = False

    def __post_init__(self) -> None:
        if not self.id or len(self.id) > LONGEST_TEXT:
            raise BadInput(f"id: use 1 to {LONGEST_TEXT} characters", "id")
        self._check_number("duration_s", LONGEST_S)
        self._check_number("priority", LARGEST_PRIORITY)
        if self.slots is not None and self.slots < 1:
            raise BadInput(f"slots: {self.slots} of task {self.id!r} is below 1", "slots")
        if self.duration_s is None and not self.kind:
            raise BadInput(
                f"kind: task {self.id!r} has neither duration_s nor a kind to estimate it by",
                "kind",
            )
        if self.is_running and (self.pool is None or self.start is None):
            raise BadInput(
                f"pool: task {self.id!r} is running; say in which pool, and since when", "pool"
            )

    def _check_number(self, name: str, most: float) -> None:
        value = getattr(self, name)
        if value is not None and not (0 < value <= most and math.isfinite(value)):
            raise BadInput(
                f"{name}: {value:g} of task {self.id!r} is not above 0 and up to {most:g}", name
            )


NAMES = frozenset(one.name for one in fields(TaskToPlace)) - {"is_running"} | {"status"}


def read_tasks(rows: object) -> list[TaskToPlace]:
    """Tasks from JSON, with their place in the list in errors. Raises BadInput."""
    if isinstance(rows, Mapping):
        rows = rows.get("tasks")
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise BadInput('tasks: use a list such as [{"id": "T1", "duration_s": 3600}]', "tasks")
    tasks = []
    for number, row in enumerate(rows):
        try:
            tasks.append(_read_task(row))
        except BadInput as error:
            raise BadInput(f"tasks.{number}: {error}", f"tasks.{number}.{error.field}") from error
    check_tasks(tasks)
    return tasks


def check_tasks(tasks: Sequence[TaskToPlace]) -> None:
    """Ids are unique, what tasks wait for is there, and no task waits for itself."""
    if not 1 <= len(tasks) <= MOST_TASKS:
        raise BadInput(f"tasks: {len(tasks)} tasks; give 1 to {MOST_TASKS:,}", "tasks")
    ids = [task.id for task in tasks]
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise BadInput(f"tasks: the id {twice!r} is there twice", "tasks")
    known = set(ids)
    for task in tasks:
        if missing := [one for one in task.after if one not in known]:
            raise BadInput(
                f"after: task {task.id!r} waits for {missing[0]!r}, which is not in the list; add"
                " it, or leave it out if it is done",
                "after",
            )
    if circle := _find_circle(tasks):
        raise BadInput(f"after: {' waits for '.join(circle)}: none can begin", "after")


def _find_circle(tasks: Sequence[TaskToPlace]) -> list[str]:
    after = {task.id: set(task.after) for task in tasks}
    children: dict[str, list[str]] = {}
    for task in tasks:
        for one in set(task.after):
            children.setdefault(one, []).append(task.id)
    ready = [name for name, waits in after.items() if not waits]
    for name in ready:
        for child in children.get(name, []):
            after[child].discard(name)
            if not after[child]:
                ready.append(child)
    left = {name: waits for name, waits in after.items() if waits}
    if not left:
        return []
    path = [next(iter(left))]
    while path[-1] not in path[:-1]:
        path.append(min(left[path[-1]]))
    return path[path.index(path[-1]) :]


def _read_task(row: object) -> TaskToPlace:
    if not isinstance(row, Mapping):
        raise BadInput('a task is an object such as {"id": "T1", "duration_s": 3600}', "tasks")
    if unknown := sorted(map(str, row.keys() - NAMES)):
        raise BadInput(
            f"unknown field {unknown[0][:60]!r}; fields of a task: {', '.join(sorted(NAMES))}",
            unknown[0][:60],
        )
    values = {name: value for name, value in row.items() if value is not None}
    for name, value in values.items():
        values[name] = _read_value(name, value)
    status = values.pop("status", "planned")
    if "id" not in values:
        raise BadInput("id: a task needs it", "id")
    return TaskToPlace(**values, is_running=status == "running")


def _read_value(name: str, value: object) -> object:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_text = isinstance(value, str)
    if name in INSTANTS and is_text:
        return instants.parse(str(value), name)
    if name in NUMBERS and is_number:
        return float(value)  # type: ignore[arg-type]
    if name in LISTS and isinstance(value, list) and len(value) <= MOST_AFTER:
        if all(isinstance(one, str) for one in value):
            return tuple(value)
    elif name == "slots" and is_number and isinstance(value, int):
        return value
    elif name == "inputs" and isinstance(value, Mapping):
        return dict(value)
    elif (name == "status" and value in STATUSES) or (name in TEXTS and is_text):
        return value
    raise BadInput(f"{name}: use {EXPECTED.get(name, 'a text')}", name)
