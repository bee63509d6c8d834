"""What the tools take; the schemas of MCP and of a chat are made of these."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from runlore.assistant.rules.log_text import unquote
from runlore.records.execution import FINAL_STATUSES

MOST_ROWS = 50
TEXT = r"^[^\x00-\x1f]*$"


def _plain(value: object) -> object:
    return unquote(value).strip() if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_plain), StringConstraints(max_length=500, pattern=TEXT)]
Instant = AwareDatetime
Inputs = dict[
    Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=TEXT)],
    Annotated[str, StringConstraints(max_length=2_000)] | float | bool,
]
Page = Annotated[int, Field(ge=1, le=1_000)]
Rows = Annotated[int, Field(ge=1, le=MOST_ROWS)]


class Arguments(BaseModel):
    """Unknown arguments are refused. A name may come back with the quotes of an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class WorkArguments(Arguments):
    actor: Text
    kind: Text
    scope: Text = ""
    inputs: Inputs = Field(default={}, max_length=200)
    execution: Text | None = Field(default=None, description="its id")
    as_of: Instant | None = None


class DurationArguments(WorkArguments):
    spec: Text = Field(default="duration", description="or peak-memory, …")
    level: float = Field(default=0.95, gt=0, lt=1, description="share within the limit")


class RunArguments(Arguments):
    id: Text | None = None
    source: Text | None = None
    actor: Text | None = None
    kind: Text | None = None
    scope: Text | None = None
    status: Text | None = Field(default=None, description="such as failed")
    since: Instant | None = None
    until: Instant | None = None
    as_of: Instant | None = None
    limit: Rows = 10
    page: Page = 1


class CauseArguments(Arguments):
    kind: Text | None = None
    scope: Text | None = None
    id: Text | None = Field(default=None, description="of a failed run")
    since: Instant | None = None
    until: Instant | None = None
    as_of: Instant | None = None


class OddArguments(Arguments):
    scope: Text | None = None
    as_of: Instant | None = None
    limit: Rows = 10
    page: Page = 1


class ForecastArguments(Arguments):
    series: Text | None = Field(default=None, description="absent: list series")
    scope: Text | None = None
    source: Text | None = None
    hours: float = Field(default=24, gt=0, le=8_784)
    reaches: float | None = Field(default=None, description="when is this value reached?")
    side: Literal["above", "below"] = "above"
    as_of: Instant | None = None


class AdviceArguments(Arguments):
    scope: Text | None = Field(default=None, description="host or project")
    actor: Text | None = None
    kind: Text | None = None
    as_of: Instant | None = None
    limit: Rows = 10
    page: Page = 1


class RecordArguments(Arguments):
    id: Text = Field(min_length=1)
    status: Literal[tuple(sorted(FINAL_STATUSES))]  # type: ignore[valid-type]
    actor: Text | None = Field(default=None, description="with kind: records a new run, too")
    kind: Text | None = None
    scope: Text = ""
    inputs: Inputs = Field(default={}, max_length=200)
    submitted: Instant | None = None
    started: Instant | None = None
    finished: Instant | None = None
    outcome: Inputs | None = Field(default=None, max_length=200)
    correction: bool = False


def now_unless(instant: datetime | None, now: datetime) -> datetime:
    return now if instant is None else instant


def compact_schema(model: type[Arguments]) -> dict[str, Any]:
    """The JSON schema of arguments without what a caller does not need to know.

    >>> compact_schema(OddArguments)["properties"]["scope"]
    {'type': 'string'}
    """
    schema = model.model_json_schema()
    properties = {name: _compact(one) for name, one in schema["properties"].items()}
    required = {"required": schema["required"]} if "required" in schema else {}
    return {"type": "object", "properties": properties, **required}


def _compact(one: dict[str, Any]) -> dict[str, Any]:
    choices = [choice for choice in one.get("anyOf", ()) if choice.get("type") != "null"]
    if choices:
        one = {**choices[0], **{k: v for k, v in one.items() if k in {"description", "default"}}}
    if one.get("type") == "object":
        return {"type": "object"} | _kept(one, "description")
    is_default = one.get("default") not in (None, "", False)
    more = ("default",) if is_default else ()
    return _kept(one, "type", "enum", "format", "description", *more)


def _kept(one: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: one[name] for name in names if name in one}
