"""A task as A2A 1.0 shows it, and the input of one that came as a message.

Source: A2A Protocol Specification 1.0, "Task", "Message" and "Part".
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from runlore.agents.rules.task import TaskStatus
from runlore.kernel.errors import BadInput

TASK_URI = "urn:runlore:a2a:task:1"  # extension: what a message says of the task it makes
RECORD_URI = "urn:runlore:a2a:record:1"  # extension: what an agent has shown
STATES: Mapping[TaskStatus, str] = {
    "pending": "TASK_STATE_SUBMITTED",
    "assigned": "TASK_STATE_SUBMITTED",
    "in_progress": "TASK_STATE_WORKING",
    "completed": "TASK_STATE_COMPLETED",
    "failed": "TASK_STATE_FAILED",
    "cancelled": "TASK_STATE_CANCELED",
}
DEFAULT_TYPE = "message"
LONGEST_NAME = 200


class WrongPart(BadInput):
    """A part of a message is neither text nor a JSON object."""


def statuses_of(state: str) -> tuple[TaskStatus, ...]:
    """Ours for one of A2A's; none: no task of ours is ever in it.

    >>> statuses_of("TASK_STATE_SUBMITTED")
    ('pending', 'assigned')
    """
    return tuple(status for status, word in STATES.items() if word == state)


def input_of_parts(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The text of a message under `text`, and the fields of its data beside it.

    >>> input_of_parts([{"text": "Hello"}, {"data": {"topic": "tea"}}])
    {'topic': 'tea', 'text': 'Hello'}
    """
    fields: dict[str, Any] = {}
    texts: list[str] = []
    for number, part in enumerate(parts):
        if isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part.get("data"), dict):
            fields |= part["data"]
        else:
            raise WrongPart(
                f"parts.{number}: send text or a JSON object; files are not taken", "parts"
            )
    if texts:
        fields["text"] = "\n".join(texts)
    return fields


def name_of_input(fields: Mapping[str, Any]) -> str:
    """The first line of a message's text, as the name of its task."""
    lines = "".join(c if c.isprintable() else "\n" for c in str(fields.get("text", ""))).split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    return first[:LONGEST_NAME] or "A2A message"


def key_of_message(caller: str, message_id: str) -> str:
    """The idempotency key: one message of one caller makes one task."""
    return "a2a:" + hashlib.sha256(f"{caller}\0{message_id}".encode()).hexdigest()


def parts_of_output(output: object) -> list[dict[str, Any]]:
    """What a task gave, as parts of an artifact.

    >>> parts_of_output({"text": "Hi"}), parts_of_output([1])
    ([{'text': 'Hi'}], [{'data': [1]}])
    """
    if isinstance(output, str):
        return [{"text": output}]
    if isinstance(output, dict) and set(output) == {"text"} and isinstance(output["text"], str):
        return [{"text": output["text"]}]
    return [{"data": output}]


def output_of_artifacts(artifacts: Sequence[Mapping[str, Any]]) -> object:
    """What an outside agent gave, as a task's output: the reverse of `parts_of_output` where
    there is one part, else all artifacts as they are.

    >>> output_of_artifacts([{"artifactId": "1", "parts": [{"text": "Hi"}]}])
    {'text': 'Hi'}
    """
    parts = [part for one in artifacts for part in one.get("parts", ())]
    if len(parts) == 1 and "text" in parts[0]:
        return {"text": parts[0]["text"]}
    if len(parts) == 1 and "data" in parts[0]:
        return parts[0]["data"]
    return {"artifacts": list(artifacts)} if artifacts else None


def instant_of(at: datetime) -> str:
    """As protobuf's JSON writes an instant."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def agent_message(task_id: UUID, text: str) -> dict[str, Any]:
    return {"messageId": f"{task_id}:status", "role": "ROLE_AGENT", "parts": [{"text": text}]}
