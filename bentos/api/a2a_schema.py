"""Bodies of A2A 1.0 as they come in. As in protobuf's JSON, unknown fields are passed over."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from runlore.agents.rules.a2a.task_shape import TASK_URI

SEND_EXAMPLE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "SendMessage",
    "params": {
        "message": {
            "messageId": "5f0c7a52-6f0e-4b8e-9a53-0d1f3a0b7c11",
            "role": "ROLE_USER",
            "parts": [{"text": "Write a post about tea"}],
            "metadata": {TASK_URI: {"task_type": "write", "priority": "high"}},
        },
        "configuration": {"returnImmediately": True},
    },
}
Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
OptionalId = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]


class A2aParams(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    tenant: OptionalId = Field(default="", description="id of an agent; empty: whichever is best")


class A2aCall(BaseModel):
    """A call by JSON-RPC 2.0."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"examples": [SEND_EXAMPLE]},
    )

    jsonrpc: Literal["2.0"]
    id: int | str | None = None
    method: Annotated[str, Field(max_length=100)]
    params: dict[str, Any] = Field(default_factory=dict)


class A2aReply(BaseModel):
    """One of `result` and `error`."""

    jsonrpc: Literal["2.0"]
    id: int | str | None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class A2aMessage(BaseModel):
    """taskId: of a task that the message goes on with, which Runlore does not take."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    messageId: Id  # noqa: N815  (A2A's names)
    role: Literal["ROLE_USER"]
    parts: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=100)]
    contextId: OptionalId = ""  # noqa: N815
    taskId: OptionalId = ""  # noqa: N815
    metadata: dict[str, Any] = Field(default_factory=dict)


class SendConfiguration(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    returnImmediately: bool = False  # noqa: N815
    taskPushNotificationConfig: dict[str, Any] | None = None  # noqa: N815


class SendParams(A2aParams):
    message: A2aMessage
    configuration: SendConfiguration = SendConfiguration()


class TaskParams(A2aParams):
    id: Id


class ListParams(A2aParams):
    contextId: OptionalId = ""  # noqa: N815
    status: Annotated[str, Field(max_length=40)] = ""
    pageSize: Annotated[int, Field(ge=1, le=100)] = 50  # noqa: N815
    pageToken: Annotated[str, Field(max_length=80)] = ""  # noqa: N815
    statusTimestampAfter: AwareDatetime | None = None  # noqa: N815
    includeArtifacts: bool = False  # noqa: N815
