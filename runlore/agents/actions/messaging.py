"""Agents write to each other: in order, once to a reader, and not without bound."""

from uuid import UUID

from runlore.agents.queries import messages
from runlore.agents.queries.messages import MessageRow, NewMessage, SentMessage
from runlore.agents.rules.documents import check_document
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.store.engine import Store

MAX_WAITING = 10_000
MAX_BODY_BYTES = 64 * 1024
MAX_PAGE = 1000


def send_message(store: Store, message: NewMessage) -> SentMessage:
    """Raises BadInput for a wrong field, NotFound for an unknown agent, and Refused when the
    receiver has 10,000 unread messages."""
    for value, name in ((message.type, "message_type"), (message.subject, "subject")):
        if not 1 <= len(value.strip()) <= 200:
            raise BadInput(f"{name}: give 1 to 200 characters", name)
    if message.from_agent_id == message.to_agent_id:
        raise BadInput("to_agent_id: an agent does not write to itself", "to_agent_id")
    check_document(dict(message.body), "message_body", MAX_BODY_BYTES)
    sent = messages.add_message(store, message, MAX_WAITING)
    if sent.known_agents < 2:
        raise NotFound("from_agent_id, to_agent_id: one of them is no registered agent")
    if sent.message is None:
        raise Refused(
            f"agent {message.to_agent_id} has {sent.waiting} unread messages; wait until it reads"
        )
    return sent


def receive_messages(
    store: Store, agent_id: UUID, after: int = 0, limit: int = 100
) -> list[MessageRow]:
    """Unread messages to an agent in order, those numbered above `after`.

    A reader that passes the number of the last message it has handled gets each message once, also
    when an answer is lost on the way.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise BadInput(f"limit: give 1 to {MAX_PAGE}", "limit")
    return messages.receive_messages(store, agent_id, after, limit)


def read_message(store: Store, agent_id: UUID, message_id: UUID) -> MessageRow:
    """Say that an agent has read a message. Repeating it changes nothing. Raises NotFound."""
    row = messages.mark_read(store, agent_id, message_id)
    if row is None:
        raise NotFound(f"there is no message {message_id} to agent {agent_id}")
    return row
