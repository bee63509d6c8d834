"""The stream as server-sent events, for pages of the console and for curl."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import StreamingResponse

from bentos.live.admission import still_admitted, subscription_of
from bentos.live.client import LiveClient, LiveMessage, StreamEnd
from bentos.live.hub import LiveHub
from bentos.live.texts import sse_text
from runlore.live.rules.stream import Cursor, HistoryCut

LAST_EVENT_ID = "last-event-id"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
MEDIA_TYPE = "text/event-stream"


async def follow_by_events(request: Request) -> StreamingResponse:
    """Follow from `Last-Event-ID` or `after`, or from now on.

    Where that cannot be repeated the stream says `reload` and goes on from now: a browser would
    connect again and again with the same id.
    """
    hub: LiveHub = request.app.state.live
    query = dict(request.query_params)
    last_id = request.headers.get(LAST_EVENT_ID, "")
    if last_id:
        query["after"] = last_id
    subscription, after = subscription_of(query)
    check, reload = still_admitted(request), ""
    try:
        client = await hub.open(after, subscription, check)
    except HistoryCut as error:
        client, reload = await hub.open(None, subscription, check), str(error)
    return StreamingResponse(_texts(hub, client, reload), headers=HEADERS, media_type=MEDIA_TYPE)


async def _texts(hub: LiveHub, client: LiveClient, reload: str) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    with hub.joined(client):
        if reload:
            yield reload_text(hub, client, reload)
        async for message in hub.messages(client):
            client.busy_since = loop.time()
            yield sse_text(message)
            client.busy_since, client.sent_at = None, loop.time()


def reload_text(hub: LiveHub, client: LiveClient, reason: str) -> str:
    cursor = Cursor(hub.window.stream, client.seq)
    return sse_text(LiveMessage("reload", cursor, ending=StreamEnd("history cut", reason)))
