"""Messages as the transports send them."""

import json

from bentos.live.client import LiveMessage
from bentos.live.hub import HEARTBEAT_S

RECONNECT_MS = 2000


def websocket_text(message: LiveMessage) -> str:
    """One JSON object."""
    batch = message.batch
    if batch is None:
        return json.dumps(_document(message))
    if "websocket" not in batch.texts:
        events = ",".join(event.document for event in batch.events)
        batch.texts["websocket"] = (
            f'{{"type":"events","cursor":"{message.cursor}","events":[{events}]}}'
        )
    return batch.texts["websocket"]


def sse_text(message: LiveMessage) -> str:
    """Server-sent events. The id of each is a cursor: a browser sends its last one by itself."""
    batch, stream = message.batch, message.cursor.stream
    if batch is None:
        retry = f"retry: {RECONNECT_MS}\n" if message.kind == "hello" else ""
        return retry + _sse(message.kind, str(message.cursor), json.dumps(_document(message)))
    if "sse" not in batch.texts:
        batch.texts["sse"] = "".join(
            _sse("event", f"{stream}.{event.seq}", event.document) for event in batch.events
        )
    return batch.texts["sse"]


def _sse(name: str, cursor: str, data: str) -> str:
    return f"event: {name}\nid: {cursor}\ndata: {data}\n\n"


def _document(message: LiveMessage) -> dict[str, object]:
    document: dict[str, object] = {"type": message.kind, "cursor": str(message.cursor)}
    if message.kind == "hello":
        document["heartbeat_s"] = HEARTBEAT_S
    if message.kind == "heartbeat":
        document["is_current"] = message.is_current
    if message.ending is not None:
        document["reason"] = message.ending.reason
    return document
