"""What an agent of Runlore itself is, and the types of task that it does."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from runlore.agents.rules.registration import AgentType
from runlore.kernel.errors import BadInput
from runlore.language_model import ChatEndpoint
from runlore.store.engine import Store


class TaskRequest(BaseModel):
    """The input of a task: fields that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class BuiltinContext:
    """agent: the name under which it works. endpoint: a language model; None: none is set."""

    store: Store
    agent: str
    at: datetime
    endpoint: ChatEndpoint | None = None


@dataclass(frozen=True)
class TaskKind:
    """request: a class of TaskRequest. response: what `do` returns; both give a JSON schema."""

    name: str
    summary: str
    request: type[TaskRequest]
    response: type[Any]
    do: Callable[[Any, BuiltinContext], Any]

    def schemas(self) -> dict[str, Any]:
        return {
            "task_type": self.name,
            "summary": self.summary,
            "input": self.request.model_json_schema(),
            "output": TypeAdapter(self.response).json_schema(mode="serialization"),
        }


@dataclass(frozen=True)
class BuiltinAgent:
    """entry: its name in a manifest of form `builtin`."""

    entry: str
    name: str
    version: str
    agent_type: AgentType
    capabilities: tuple[str, ...]
    description: str
    kinds: tuple[TaskKind, ...]


def do_task(
    agent: BuiltinAgent, task_type: str, given: Mapping[str, Any], context: BuiltinContext
) -> Any:  # noqa: ANN401  (JSON)
    """The output of a task, as JSON. Raises BadInput for an unknown type or a wrong field."""
    kinds = {kind.name: kind for kind in agent.kinds}
    if task_type not in kinds:
        raise BadInput(
            f"task_type: {agent.name} does {', '.join(kinds)}, not {task_type[:80]!r}", "task_type"
        )
    kind = kinds[task_type]
    try:
        request = kind.request.model_validate_json(json.dumps(dict(given)))
    except ValidationError as error:
        raise BadInput(_faults(error, kind.request), "input_data") from error
    return json.loads(TypeAdapter(kind.response).dump_json(kind.do(request, context)))


def _faults(error: ValidationError, request: type[TaskRequest]) -> str:
    lines = []
    fields = ", ".join(request.model_fields)
    for fault in error.errors(include_url=False)[:3]:
        where = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            lines.append(f"input_data.{where}: is no field; fields: {fields}")
            continue
        lines.append(f"input_data.{where}: {fault['msg']}; found {str(fault.get('input'))[:60]!r}")
    return "; ".join(lines)
