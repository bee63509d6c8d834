"""An ASGI middleware: leads from pages of one service to those of the others on the same host."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runlore.kernel.page_links import REDIRECTS, PageLinks

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class PageRedirects:
    """Answers the paths of `REDIRECTS`; what follows them, and a fragment, is kept.

    links: makes links for a browser that reached this server under a name.
    """

    def __init__(self, app: "ASGIApp", links: Callable[[str], PageLinks]) -> None:
        self._app, self._links = app, links

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        target = None
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            target = self._target(scope)
        if target is None:
            await self._app(scope, receive, send)
            return
        headers = [
            (b"location", target),
            (b"content-length", b"0"),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _target(self, scope: "Scope") -> bytes | None:
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        for name, prefix in REDIRECTS.items():
            rest = path.removeprefix(prefix.encode())
            if rest != path and (not rest or rest.startswith(b"/")):
                base: str = getattr(self._links(_host_of(scope)), name)
                query = scope["query_string"]
                return base.encode() + (rest or b"/") + (b"?" + query if query else b"")
        return None


def _host_of(scope: "Scope") -> str:
    """The name without the port; empty where the client sends none."""
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    with suppress(ValueError):
        return urlsplit(f"//{host}").hostname or ""
    return ""
