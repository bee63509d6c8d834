"""The stream over WebSocket: one task sends, one hears what the client wants."""

import asyncio
import json
from collections import deque
from contextlib import suppress
from time import perf_counter

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from bentos.http.errors import TITLES, Problem, problem
from bentos.http.prometheus_metrics import metrics
from bentos.live.admission import admit_websocket, still_admitted, subscription_of
from bentos.live.client import LiveClient, LiveMessage
from bentos.live.hub import LiveHub
from bentos.live.texts import websocket_text
from runlore.kernel.errors import BadInput, RunloreError
from runlore.live.rules.stream import HistoryCut, parse_topics

MOST_MESSAGES, MOST_MESSAGES_S = 20, 10.0  # from a client
MOST_CHARACTERS = 2000  # of a message from a client
POLICY_VIOLATION = 1008
SWITCHED, REFUSED = 101, 403
WHAT_TO_SEND = 'send {"type": "subscribe", "topics": ["alerts", "rollouts"]}'


async def follow_by_websocket(websocket: WebSocket) -> None:
    """Admit a client, or answer the handshake with a problem; then serve it until it goes."""
    hub: LiveHub = websocket.app.state.live
    began = perf_counter()
    try:
        request = await admit_websocket(websocket)
        subscription, after = subscription_of(request.query_params)
        client = await hub.open(after, subscription, still_admitted(request))
    except HistoryCut as error:
        await _reload(websocket, hub, error)
        return
    except (RunloreError, ValidationError) as error:
        refusal = problem(error)
        _count(websocket, refusal.status, began)
        await _deny(websocket, refusal)
        return
    _count(websocket, SWITCHED, began)
    await websocket.accept()
    with hub.joined(client), suppress(WebSocketDisconnect):
        await _serve(websocket, hub, client)


def _count(websocket: WebSocket, status: int, began: float) -> None:
    """Count a handshake and the time that it took; a stream itself has no end to measure."""
    metrics().requested(websocket.url.path, "GET", status, perf_counter() - began)


async def _serve(websocket: WebSocket, hub: LiveHub, client: LiveClient) -> None:
    """Until one of both tasks ends: the client has gone, or it was sent away."""
    tasks = [
        asyncio.create_task(_send(websocket, hub, client)),
        asyncio.create_task(_hear(websocket, client)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(websocket: WebSocket, hub: LiveHub, client: LiveClient) -> None:
    loop = asyncio.get_running_loop()
    async for message in hub.messages(client):
        client.busy_since = loop.time()
        await websocket.send_text(websocket_text(message))
        client.busy_since, client.sent_at = None, loop.time()
        if message.ending is not None:
            await websocket.close(message.ending.code, _close_reason(message))


def _close_reason(message: LiveMessage) -> str:
    """At most 123 bytes."""
    reason = message.ending.reason if message.ending else ""
    return reason.encode()[:120].decode(errors="ignore")


async def _hear(websocket: WebSocket, client: LiveClient) -> None:
    """Let a client change its topics, as often as is reasonable."""
    loop = asyncio.get_running_loop()
    times: deque[float] = deque(maxlen=MOST_MESSAGES)
    while True:
        text = await websocket.receive_text()
        now = loop.time()
        if len(times) == MOST_MESSAGES and now - times[0] < MOST_MESSAGES_S:
            client.end("refused", f"more than {MOST_MESSAGES} messages in {MOST_MESSAGES_S:.0f} s")
            await asyncio.Event().wait()
        times.append(now)
        try:
            client.subscription = parse_topics(_topics(text))
        except BadInput as error:
            await websocket.send_text(json.dumps({"type": "error", "reason": str(error)}))


def _topics(text: str) -> list[str]:
    try:
        message = json.loads(text[:MOST_CHARACTERS])
    except ValueError as error:
        raise BadInput(f"the message is not JSON; {WHAT_TO_SEND}") from error
    is_known = isinstance(message, dict) and message.get("type") == "subscribe"
    topics = message.get("topics") if is_known else None
    if not isinstance(topics, list):
        raise BadInput(f"the message is of no known type; {WHAT_TO_SEND}")
    return [str(name) for name in topics]


async def _reload(websocket: WebSocket, hub: LiveHub, error: HistoryCut) -> None:
    """Tell a client that comes too late, in a message that its page can read."""
    _count(websocket, SWITCHED, perf_counter())
    await websocket.accept()
    document = {"type": "reload", "cursor": str(hub.window.cursor), "reason": str(error)}
    with suppress(WebSocketDisconnect):
        await websocket.send_text(json.dumps(document))
        await websocket.close(4010, "cannot replay; load anew")


async def _deny(websocket: WebSocket, refusal: Problem) -> None:
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(refusal.response())
    else:
        await websocket.close(POLICY_VIOLATION, TITLES[REFUSED])
