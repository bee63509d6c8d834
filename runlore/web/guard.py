"""An ASGI middleware: who may come in by a browser, by which name, and with which login.

A local port is reachable by every web page that somebody on this machine opens. Pages of other
sites are refused by their `Origin`; names that an attacker can point at this machine (DNS
rebinding) by their `Host`.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runlore.web.login import Login

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = {
    "frame-ancestors": "'self'",
    "base-uri": "'self'",
    "object-src": "'none'",
    # Prefect's pages ask a telemetry service on every load, whatever the settings say.
    "connect-src": "'self' data: blob:",
}
PAGE_HEADERS = {
    "content-security-policy": "; ".join(f"{name} {of}" for name, of in POLICY.items()),
    "x-frame-options": "SAMEORIGIN",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


@lru_cache(maxsize=256)
def is_own_name(host: str) -> bool:
    """Whether a `Host` can mean no other site: an address, or a name outside the public DNS.

    >>> [is_own_name(host) for host in ("localhost:3000", "[::1]:3000", "127.0.0.1", "serving:80")]
    [True, True, True, True]
    >>> others = ("runlore.localhost", "", "evil.example:3000", "127.0.0.1.evil.xyz")
    >>> [is_own_name(host) for host in others]
    [True, True, False, False]
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return False
    with suppress(ValueError):
        return bool(ip_address(name))
    return "." not in name or name.endswith(".localhost")


def is_own_origin(origin: str, host: str) -> bool:
    """Whether a page of this `Origin` was served by the `Host` that it now asks.

    >>> is_own_origin("http://localhost:4200", "localhost:4200")
    True
    >>> is_own_origin("null", "localhost:4200"), is_own_origin("http://evil.example", "localhost")
    (False, False)
    """
    return origin.partition("://")[2].lower() == host.lower()


class Guard:
    """Refuses requests and websockets of foreign pages, foreign names, and without the login.

    hosts: further names under which this server is reached, such as the one of a proxy.
    login: what HTTP Basic authentication must bring; None: the application asks for itself.
    open_paths: paths that need no login, such as the one of a health check.
    """

    def __init__(
        self,
        app: "ASGIApp",
        *,
        hosts: Iterable[str] = (),
        login: Login | None = None,
        open_paths: Collection[str] = (),
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._login = login
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {key: value.decode("latin-1") for key, value in scope["headers"]}
        refusal = self._refusal(scope["path"], headers)
        if refusal is None:
            await self._app(scope, receive, _with_page_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403, "reason": refusal[1]})
        else:
            await _refuse(send, *refusal)

    def _refusal(self, path: str, headers: dict[bytes, str]) -> tuple[int, str] | None:
        """Status and reason; None: it may come in."""
        host = headers.get(b"host", "")
        if not (is_own_name(host) or _without_port(host) in self._hosts):
            return 403, f"unknown host {host[:80]!r}: add its name to RUNLORE_ALLOWED_HOSTS"
        origin = headers.get(b"origin")
        if origin is not None and not is_own_origin(origin, host):
            return 403, f"pages of {origin[:80]!r} may not use this server"
        if self._login is None or path in self._open_paths:
            return None
        if not self._login.admits(headers.get(b"authorization", "")):
            return 401, "log in: `runlore login` prints user and password"
        return None


def _without_port(host: str) -> str:
    with suppress(ValueError):
        return (urlsplit(f"//{host}").hostname or "").lower()
    return ""


async def _refuse(send: "Send", status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="runlore", charset="UTF-8"'))
    headers += [(key.encode(), value.encode()) for key, value in PAGE_HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{reason}\n".encode()})


def _with_page_headers(send: "Send") -> "Send":
    """Add the security headers that an answer does not bring itself."""

    async def sent(message: "Message") -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            present = {key.lower() for key, _ in headers}
            headers += [
                (key.encode(), value.encode())
                for key, value in PAGE_HEADERS.items()
                if key.encode() not in present
            ]
            message["headers"] = headers
        await send(message)

    return sent
