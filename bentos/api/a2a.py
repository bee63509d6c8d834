"""A2A 1.0 by JSON-RPC: other agents give Runlore tasks, ask for them and cancel them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.a2a_errors import A2aCode, A2aError, a2a_error
from bentos.api.a2a_schema import (
    A2aCall,
    A2aMessage,
    A2aParams,
    A2aReply,
    ListParams,
    SendParams,
    TaskParams,
)
from bentos.api.agent_cards import card_address
from bentos.api.agents_schema import AgentTaskBody
from bentos.api.assistant import check_scope
from bentos.api.store_access import read_store, write_store
from bentos.http.bodies import json_response, read_body
from bentos.http.identity import key_id_of
from bentos.http.routing import Endpoint, Scope, Tag
from runlore.agents.actions import cards, task_steps
from runlore.agents.queries.a2a_tasks import A2aTaskQuery, list_a2a_tasks
from runlore.agents.queries.task_rows import TaskRow
from runlore.agents.rules.a2a.agent_card import PROTOCOL_VERSION
from runlore.agents.rules.a2a.task_shape import (
    DEFAULT_TYPE,
    STATES,
    TASK_URI,
    agent_message,
    input_of_parts,
    instant_of,
    key_of_message,
    name_of_input,
    parts_of_output,
    statuses_of,
)
from runlore.agents.rules.task import ENDED
from runlore.kernel import instants
from runlore.kernel.deadlines import ANSWER_S
from runlore.kernel.errors import RunloreError

VERSION_HEADER = "A2A-Version"
LONGEST_WAIT_S = ANSWER_S - 1  # then the answer is still in time
FIRST_LOOK_S, LONGEST_LOOK_S = 0.1, 1.0  # between two looks for the end of a task
MAX_SENDERS = 200  # of one worker process, that wait for the end of their task
Result = dict[str, Any]


@dataclass(frozen=True)
class A2aMethod:
    """refused: what a refusal means in this method."""

    scope: Scope
    call: Callable[[Request, Mapping[str, Any]], Awaitable[Result]]
    refused: A2aCode = A2aCode.UNSUPPORTED


@dataclass
class SenderCount:
    """Requests of this process that wait for the end of their task."""

    waiting: int = 0


SENDERS = SenderCount()


async def send(request: Request, params: Mapping[str, Any]) -> Result:
    """One message of one caller makes one task, however often it is sent."""
    wanted = SendParams.model_validate(params)
    if wanted.message.taskId:
        raise A2aError(A2aCode.UNSUPPORTED, "taskId: a task takes no further messages")
    if wanted.configuration.taskPushNotificationConfig:
        raise A2aError(A2aCode.NO_PUSH, "push notifications are not sent; use GetTask")
    body, agent_id = _task_of(request, wanted.message), _tenant(wanted.tenant)
    task, now = body.task(), instants.now()
    by = body.assign_by(request.app.state.product.settings.routing_policy)
    created = await write_store(
        request,
        lambda store: task_steps.create_task(store, task, now, assign_by=by, agent_id=agent_id),
    )
    row = created.task
    if not wanted.configuration.returnImmediately:
        row = await _ended(request, row)
    return {"task": task_document(row)}


async def get(request: Request, params: Mapping[str, Any]) -> Result:
    task_id = _task_id(TaskParams.model_validate(params).id)
    return task_document(
        await read_store(request, lambda store: task_steps.find_task(store, task_id))
    )


async def cancel(request: Request, params: Mapping[str, Any]) -> Result:
    task_id = _task_id(TaskParams.model_validate(params).id)
    row = await write_store(
        request, lambda store: task_steps.cancel_task(store, task_id, "cancelled by A2A")
    )
    return task_document(row)


async def listing(request: Request, params: Mapping[str, Any]) -> Result:
    wanted = ListParams.model_validate(params)
    if wanted.status and not wanted.status.startswith("TASK_STATE_"):
        raise A2aError(A2aCode.PARAMS, f"status: {wanted.status!r} is no state of A2A")
    has_state = wanted.status not in ("", "TASK_STATE_UNSPECIFIED")
    query = A2aTaskQuery(
        statuses=statuses_of(wanted.status) if has_state else None,
        context_id=wanted.contextId or None,
        agent_id=_tenant(wanted.tenant),
        since=wanted.statusTimestampAfter,
        before=instants.parse(wanted.pageToken, "pageToken") if wanted.pageToken else None,
        limit=wanted.pageSize,
    )
    rows, total = await read_store(request, lambda store: list_a2a_tasks(store, query))
    is_full = len(rows) == wanted.pageSize
    return {
        "tasks": [task_document(row, has_output=wanted.includeArtifacts) for row in rows],
        "nextPageToken": instant_of(rows[-1].created_at) if is_full else "",
        "pageSize": wanted.pageSize,
        "totalSize": total,
    }


async def extended_card(request: Request, params: Mapping[str, Any]) -> Result:
    agent_id, address = _tenant(A2aParams.model_validate(params).tenant), card_address(request)
    now = instants.now()
    if agent_id is not None:
        return await read_store(
            request, lambda store: cards.read_agent_card(store, agent_id, address, now)
        )
    return await read_store(request, lambda store: cards.read_extended_card(store, address, now))


def task_document(row: TaskRow, *, has_output: bool = True) -> Result:
    """A task as A2A shows it."""
    status: Result = {"state": STATES[row.status], "timestamp": instant_of(row.updated_at)}
    if row.failure and row.status != "completed":
        status["message"] = agent_message(row.id, row.failure)
    document: Result = {
        "id": str(row.id),
        "contextId": row.context_id or str(row.id),
        "status": status,
        "metadata": {
            TASK_URI: {
                "task_type": row.type,
                "agent_id": None if row.agent_id is None else str(row.agent_id),
                "attempts": row.attempts,
            }
        },
    }
    if has_output and row.status == "completed" and row.output is not None:
        artifact = {"artifactId": f"{row.id}:output", "parts": parts_of_output(row.output)}
        document["artifacts"] = [artifact]
    return document


def _task_of(request: Request, message: A2aMessage) -> AgentTaskBody:
    """The metadata of the extension are fields of a task; the parts are its input."""
    given = message.metadata.get(TASK_URI, {})
    if not isinstance(given, dict):
        raise A2aError(A2aCode.PARAMS, f"metadata.{TASK_URI}: give an object")
    fields = input_of_parts(message.parts)
    own = {
        "input_data": fields,
        "acd_context_id": message.contextId or None,
        "idempotency_key": key_of_message(key_id_of(request) or "", message.messageId),
    }
    usual = {"task_type": DEFAULT_TYPE, "task_name": name_of_input(fields)}
    return AgentTaskBody.model_validate_json(json.dumps(usual | given | own))


async def _ended(request: Request, row: TaskRow) -> TaskRow:
    """The task at its end, or as it is when the answer is due."""
    if SENDERS.waiting >= MAX_SENDERS:
        return row
    until = asyncio.get_running_loop().time() + LONGEST_WAIT_S
    pause_s = FIRST_LOOK_S
    SENDERS.waiting += 1
    try:
        while row.status not in ENDED and asyncio.get_running_loop().time() + pause_s < until:
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_LOOK_S, 2 * pause_s)
            row = await read_store(request, partial(task_steps.find_task, task_id=row.id))
    finally:
        SENDERS.waiting -= 1
    return row


def _task_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise A2aError(A2aCode.TASK_NOT_FOUND, f"there is no task {text[:80]!r}") from error


def _tenant(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise A2aError(A2aCode.PARAMS, f"tenant: {text[:80]!r} is no agent's id") from error


METHODS: Mapping[str, A2aMethod] = {
    "SendMessage": A2aMethod("record", send),
    "GetTask": A2aMethod("read", get),
    "ListTasks": A2aMethod("read", listing),
    "CancelTask": A2aMethod("record", cancel, A2aCode.NOT_CANCELABLE),
    "GetExtendedAgentCard": A2aMethod("read", extended_card),
}
STREAMS = ("SendStreamingMessage", "SubscribeToTask")


def _method(name: str) -> A2aMethod:
    if name in METHODS:
        return METHODS[name]
    if name in STREAMS:
        raise A2aError(A2aCode.UNSUPPORTED, f"{name}: nothing is streamed; use GetTask")
    if "PushNotificationConfig" in name:
        raise A2aError(A2aCode.NO_PUSH, f"{name}: push notifications are not sent; use GetTask")
    raise A2aError(A2aCode.METHOD, f"{name!r} is none of {', '.join(METHODS)}")


def _check_version(request: Request) -> None:
    """Without the header, a request is one of A2A 0.3."""
    version = request.headers.get(VERSION_HEADER, "0.3")[:20]
    if ".".join(version.split(".")[:2]) != PROTOCOL_VERSION:
        raise A2aError(
            A2aCode.VERSION,
            f"{VERSION_HEADER}: {version!r} is not supported; send {PROTOCOL_VERSION}",
        )


async def _called(request: Request, call: A2aCall) -> Result:
    """The result, or the error that A2A has a code for."""
    refused = METHODS[call.method].refused if call.method in METHODS else A2aCode.UNSUPPORTED
    try:
        _check_version(request)
        method = _method(call.method)
        check_scope(request, method.scope)
        return {"result": await method.call(request, call.params)}
    except (RunloreError, ValidationError) as error:
        answer = a2a_error(error, refused=refused)
        if answer is None:
            raise  # it has an HTTP status, as on every route
        return {"error": answer.body()}


async def a2a(request: Request) -> Response:
    body = await read_body(request)
    call_id: int | str | None = None
    try:
        call = A2aCall.model_validate_json(body)
        call_id = call.id
        answer = await _called(request, call)
    except ValidationError as error:
        is_json = error.errors(include_url=False)[0]["type"] != "json_invalid"
        code = A2aCode.REQUEST if is_json else A2aCode.PARSE
        wrong = a2a_error(error, refused=code)
        answer = {"error": A2aError(code, str(wrong)).body()}
    document = {"jsonrpc": "2.0", "id": call_id, **answer}
    response = json_response(json.dumps(document, ensure_ascii=False))
    response.headers[VERSION_HEADER] = PROTOCOL_VERSION
    return response


ENDPOINTS = (
    Endpoint(
        "POST",
        "/a2a",
        a2a,
        "read",
        "Give tasks, ask for them and cancel them, by A2A 1.0",
        {200: ("The result, or an error of A2A", A2aReply)},
        (400, 413, 503),
        A2aCall,
        tag=Tag.AGENTS,
        name="a2a",
        description="SendMessage and CancelTask need the scope `record`.",
    ),
)
