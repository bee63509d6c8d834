"""Who may follow: checked by the access chain at the start, and again while it lasts."""

from collections.abc import Callable, Mapping
from contextlib import suppress

from starlette.requests import Request
from starlette.websockets import WebSocket

from bentos.access.chain import AccessChain
from bentos.access.key_check import sent_key
from bentos.http.identity import key_of
from bentos.http.routing import Scope
from runlore.kernel import instants
from runlore.kernel.errors import BadInput, Unavailable
from runlore.live.rules.stream import Cursor, Subscription, parse_topics
from runlore.serving.actions.api_keys import allows
from runlore.serving.queries.api_keys import ApiKey

SCOPE: Scope = "read"
REVOKED = "the key was revoked or has expired, or the session is over"
MOST_PARAMETER = 500  # characters of a parameter


async def admit_websocket(websocket: WebSocket) -> Request:
    """The handshake as the request that it is, once the access chain has let it in.

    A browser lets pages of every site open a websocket here, with our cookie: the `Origin` must be
    ours, whether or not a key is needed.
    """
    request = Request({**websocket.scope, "type": "http", "method": "GET"})
    access: AccessChain = websocket.app.state.access
    await access.admit_stream(request, SCOPE)
    return request


def still_admitted(request: Request) -> Callable[[], str | None]:
    """What says why a request that was admitted would not be any more; None: it would."""
    access: AccessChain = request.app.state.access
    key = key_of(request)
    is_by_key = bool(sent_key(request))
    is_session = not is_by_key and _session_key(access, request) is not None

    def check() -> str | None:
        if key is None or not (is_by_key or is_session):
            return None
        with suppress(Unavailable):  # while the database is away, keys go on working
            current = _current(access, request, key, is_session=is_session)
            if current is None or not allows(current, SCOPE):
                return REVOKED
        return None

    return check


def _current(
    access: AccessChain, request: Request, key: ApiKey, *, is_session: bool
) -> ApiKey | None:
    if is_session:
        return _session_key(access, request)
    keys = access.sessions.keys
    return None if keys is None else keys.of_id(key.id, instants.now())


def _session_key(access: AccessChain, request: Request) -> ApiKey | None:
    return access.sessions.of(request, instants.now())


def subscription_of(query: Mapping[str, str]) -> tuple[Subscription, Cursor | None]:
    """What the parameters `topics` and `after` ask for. Raises BadInput."""
    for name in ("topics", "after"):
        if len(query.get(name, "")) > MOST_PARAMETER:
            raise BadInput(f"{name}: is longer than {MOST_PARAMETER} characters", name)
    after = query.get("after")
    topics = parse_topics(query.get("topics", "").split(","))
    return topics, None if after is None else Cursor.parse(after)
