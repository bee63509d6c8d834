"""An ASGI middleware: requests that change something must be JSON.

A page may send text and forms to any other site without its permission; JSON it may not.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
JSON = b"application/json"


class JsonOnly:
    """Refuses (415) what is not JSON, below a path. A request without a body needs no type."""

    def __init__(self, app: "ASGIApp", *, below: str) -> None:
        self._app = app
        self._below = below

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if self._admits(scope):
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 415, "headers": headers})
        await send({"type": "http.response.body", "body": b"the body must be application/json\n"})

    def _admits(self, scope: "Scope") -> bool:
        if scope["type"] != "http" or scope["method"] not in CHANGING:
            return True
        if not scope["path"].startswith(self._below):
            return True
        headers = scope["headers"]
        types = [value for name, value in headers if name == b"content-type"]
        if types:
            return all(one.partition(b";")[0].strip().lower() == JSON for one in types)
        return not any(_announces_body(*header) for header in headers)


def _announces_body(name: bytes, value: bytes) -> bool:
    return name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
