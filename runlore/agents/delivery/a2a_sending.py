"""Send tasks to agents by A2A. The only module of the package that imports `a2a`."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runlore.agents.delivery.attempt import AttemptFailed, OutsideAgent, SentTask
from runlore.agents.delivery.outside import OutsideLimits, outside_client
from runlore.agents.rules.a2a.task_shape import TASK_URI, output_of_artifacts

if TYPE_CHECKING:
    from a2a.client import Client
    from a2a.types import Task

FIRST_POLL_S, LONGEST_POLL_S = 0.2, 5.0
RENEWALS_PER_LEASE = 3.0
CANCEL_S = 5.0
ENDS: Mapping[str, tuple[str, bool]] = {
    "TASK_STATE_FAILED": ("the agent failed", True),
    "TASK_STATE_REJECTED": ("the agent rejected it", True),
    "TASK_STATE_CANCELED": ("the agent cancelled it", True),
    "TASK_STATE_INPUT_REQUIRED": ("the agent asks for more input, which nobody gives", False),
    "TASK_STATE_AUTH_REQUIRED": ("the agent asks for authorization, which nobody gives", False),
}


async def send_by_a2a(agent: OutsideAgent, task: SentTask, limits: OutsideLimits) -> object:
    """The output of the task. Raises AttemptFailed, LeaseLost, A2AError and OutsideRefused.

    The lease is renewed only while the agent answers: one that hangs loses the task.
    """
    from a2a.client import ClientConfig, ClientFactory
    from a2a.utils.constants import TransportProtocol

    async with outside_client(limits, agent.token) as http:
        bindings = [TransportProtocol.JSONRPC, TransportProtocol.HTTP_JSON]
        config = ClientConfig(
            httpx_client=http,
            streaming=False,
            polling=True,
            supported_protocol_bindings=list(bindings),
        )
        client = ClientFactory(config).create(_card(agent))
        first = [one async for one in client.send_message(_request(task))]
        if not first:
            raise AttemptFailed("the agent answered nothing")
        if first[0].HasField("message"):
            return output_of_artifacts([_plain(first[0].message)])
        return await _followed(client, first[0].task, task)


async def _followed(client: "Client", remote: "Task", task: SentTask) -> object:
    """Ask for the task until it ends. Whoever stops asking cancels it there."""
    from a2a.client.errors import A2AClientError
    from a2a.types import GetTaskRequest

    clock = asyncio.get_running_loop().time
    heard = renewed = clock()
    pause_s = FIRST_POLL_S
    try:
        while (output := _ended(remote)) is None:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_POLL_S, task.lease_s / RENEWALS_PER_LEASE)
            try:
                remote = await client.get_task(GetTaskRequest(id=remote.id))
                heard = clock()
            except A2AClientError as error:
                if clock() - heard > task.lease_s:
                    raise AttemptFailed(f"no answer for {task.lease_s:g} s: {error}") from error
                continue
            if clock() - renewed > task.lease_s / RENEWALS_PER_LEASE:
                await task.renew()
                renewed = clock()
    except BaseException:
        await _cancel(client, remote.id)
        raise
    return output[0]


def _ended(remote: "Task") -> tuple[object] | None:
    """Its output, or None while it works. Raises AttemptFailed."""
    from a2a.types import TaskState

    state = TaskState.Name(remote.status.state)
    if state == "TASK_STATE_COMPLETED":
        return (output_of_artifacts([_plain(one) for one in remote.artifacts]),)
    if state in ENDS:
        reason, may_retry = ENDS[state]
        said = " ".join(part.text for part in remote.status.message.parts if part.text)
        raise AttemptFailed(f"{reason}: {said}" if said else reason, may_retry=may_retry)
    return None


async def _cancel(client: "Client", remote_id: str) -> None:
    from a2a.types import CancelTaskRequest

    with contextlib.suppress(Exception):
        async with asyncio.timeout(CANCEL_S):
            await client.cancel_task(CancelTaskRequest(id=remote_id))


def _request(task: SentTask) -> Any:  # noqa: ANN401  (protobuf's)
    """messageId: of this attempt."""
    from a2a.types import SendMessageRequest
    from google.protobuf.json_format import ParseDict

    fields = dict(task.input)
    parts: list[dict[str, Any]] = []
    if isinstance(fields.get("text"), str):
        parts.append({"text": fields.pop("text")})
    if fields or not parts:
        parts.append({"data": fields})
    message = {
        "messageId": f"{task.id}:{task.token}",
        "role": "ROLE_USER",
        "parts": parts,
        "metadata": {TASK_URI: task.metadata},
    }
    return ParseDict({"message": message}, SendMessageRequest())


def _card(agent: OutsideAgent) -> Any:  # noqa: ANN401  (protobuf's)
    from a2a.types import AgentCard
    from google.protobuf.json_format import ParseDict

    interface = {"url": agent.address, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    known = agent.card or {"name": "agent", "supportedInterfaces": [interface]}
    return ParseDict(dict(known), AgentCard(), ignore_unknown_fields=True)


def _plain(message: Any) -> dict[str, Any]:  # noqa: ANN401  (protobuf's)
    from google.protobuf.json_format import MessageToDict

    return dict(MessageToDict(message))
