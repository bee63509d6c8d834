"""The short way in: requests to predict pass BentoML's middlewares by.

Those cost more than a whole answer of a bare server and do nothing for ours: their timeout, their
metrics and their request context have a counterpart here. Everything else goes through them, and so
does this when traces are exported.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from bentoml._internal.configuration.containers import BentoMLContainer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from bentos.http import page_headers
from bentos.http.page_headers import PageHeaders
from bentos.http.routing import Handler

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# For the service: uvicorn itself believes X-Forwarded-For of everybody on this machine.
NO_PROXY_HEADERS: list[dict[str, str]] = [{"name": "FORWARDED_ALLOW_IPS", "value": "none"}]

PREFIX, BATCH = "/predict/", "batch"
ONE = PREFIX + "{spec}"
# A stream without an end, a chat that takes long, and the assistant: BentoML's timeout would cut
# them, or its middlewares cost more than they.
DIRECT = {"/live", "/ai/chat", "/mcp"}


def is_traced() -> bool:
    """Whether BentoML was told where to send traces."""
    return bool(BentoMLContainer.tracing.exporter_type.get())


def tracing() -> dict[str, str]:
    """For the service: without an exporter a trace is made for nobody, and costs as much."""
    return {} if is_traced() else {"excluded_urls": ".*"}


class Shortcut:
    """A middleware for BentoML: when the service starts it steps in front of all others.

    The answers of BentoML's own routes get our headers for browsers there, too.
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            whole: Starlette = scope["app"]
            assert whole.middleware_stack is not None  # noqa: S101  (it has called us)
            longer = PageHeaders(whole.middleware_stack)
            whole.middleware_stack = longer if is_traced() else Fork(longer, _mounted(whole))
        await self.app(scope, receive, send)


def _mounted(whole: Starlette) -> Starlette:
    """Our application among BentoML's routes: a copy of the one that we gave it."""
    inner = (getattr(route, "app", None) for route in whole.routes)
    return next(app for app in inner if isinstance(app, Starlette) and ONE in _handlers(app))


def _handlers(app: Starlette) -> dict[str, Handler]:
    return {route.path: route.endpoint for route in app.routes if isinstance(route, Route)}


class Fork:
    """Predictions go to our application's own endpoints, all else the long way."""

    def __init__(self, longer: Application, ours: Starlette) -> None:
        self.longer = longer
        self.ours = ours
        handlers = _handlers(ours)
        self.one, self.batch = handlers[ONE], handlers[f"{ONE}/{BATCH}"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if "\n" in path:  # which no mount of BentoML's matches: it would be nobody's
            await self.ours(scope, receive, send)
            return
        if scope["type"] == "websocket" or path in DIRECT:
            await self.ours(scope, receive, send)
            return
        if not path.startswith(PREFIX) or scope.get("method") != "POST":
            await self.longer(scope, receive, send)
            return
        spec, _, rest = path.removeprefix(PREFIX).partition("/")
        if not spec or rest not in ("", BATCH) or path.endswith("/"):
            await self.longer(scope, receive, send)
            return
        scope["app"], scope["path_params"] = self.ours, {"spec": spec}
        response = await (self.batch if rest else self.one)(Request(scope, receive, send))
        response.raw_headers.extend(page_headers.LINES)
        await response(scope, receive, send)
