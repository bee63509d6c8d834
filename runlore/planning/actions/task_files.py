"""Lists of planned tasks in JSON, as `POST /estimates` takes them."""

import json
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runlore.kernel.errors import BadInput
from runlore.planning.actions.estimates import DURATION, PlannedTask
from runlore.planning.actions.project_estimates import MOST_TASKS_OF_PROJECT, ProjectTask

InputValue = str | bool | int | float | None
Id = Annotated[str, Field(min_length=1)]


class ListedTask(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    id: Id
    kind: str
    actor: str | None = None
    scope: str | None = None
    inputs: Mapping[str, InputValue] = Field(default_factory=dict)
    after: list[Id] = Field(default_factory=list)


class TaskList(BaseModel):
    """actor, scope: of tasks that have none of their own."""

    model_config = ConfigDict(extra="forbid", strict=True)

    tasks: list[ListedTask] = Field(min_length=1, max_length=MOST_TASKS_OF_PROJECT)
    measure: str = DURATION
    actor: str | None = None
    scope: str | None = None

    def planned(self) -> list[ProjectTask]:
        return [
            ProjectTask(
                one.id,
                PlannedTask(
                    one.kind,
                    self.measure,
                    self.actor if one.actor is None else one.actor,
                    self.scope if one.scope is None else one.scope,
                    one.inputs,
                ),
                tuple(one.after),
            )
            for one in self.tasks
        ]


def parse_tasks(text: str) -> TaskList:
    """An object with `tasks`, or the list alone. Raises BadInput."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"tasks: is not JSON: {error}", "tasks") from error
    try:
        return TaskList.model_validate({"tasks": whole} if isinstance(whole, list) else whole)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "tasks"
        raise BadInput(f"{name}: {first['msg']}", name) from error
