"""`/live`: the stream of events for the console's pages and for curl."""

from bentos.http.routing import Endpoint, Tag, in_query
from bentos.live.server_sent import MEDIA_TYPE, follow_by_events
from runlore.store.live_outbox import Topic

PATH = "/live"
TOPICS = ", ".join(topic.value for topic in Topic)
TOPICS_PARAMETER = in_query(
    "topics", f"Only these, separated by commas: {TOPICS}", {"type": "string", "maxLength": 500}
)
AFTER = in_query(
    "after",
    "The cursor of the last event that is known; absent: what happens from now on",
    {"type": "string", "maxLength": 60, "pattern": "^[0-9A-Za-z]+\\.[0-9]{1,19}$"},
)
DESCRIPTION = (
    "Server-sent events. Each has a cursor as its `id`; a browser that reconnects sends the last"
    " one as `Last-Event-ID`, and nothing is missed. The events `hello` and `heartbeat` say that"
    " the stream is alive, `reload` that the history is cut, `end` why the service closes it. The"
    " same stream by WebSocket: `/ws/v3/ml-insights`."
)
ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        follow_by_events,
        "read",
        "Follow what happens",
        {200: ("A stream that goes on until the client goes", str)},
        (422, 503),
        parameters=[TOPICS_PARAMETER, AFTER],
        tag=Tag.LIVE,
        name="follow_live",
        description=DESCRIPTION,
        media_type=MEDIA_TYPE,
        is_stream=True,
    ),
)
