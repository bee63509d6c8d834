"""An ASGI middleware: MLflow answers under every name without a dot, as the guard before it does.

MLflow 3.17 knows addresses, `localhost` and names that are listed. A name without a dot, such as
that of a machine in the same network, cannot belong to another site, and has no list to be on.
"""

from typing import TYPE_CHECKING

from runlore.web.guard import is_own_name

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

SHOWN = "localhost"


class PlainNames:
    """Shows MLflow `localhost` in place of such a name, in `Host` and in the `Origin` of a page.

    Only right behind the guard, which has compared the two.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "http":
            headers = [(name, _plain(name, value)) for name, value in scope["headers"]]
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, send)


def _plain(name: bytes, value: bytes) -> bytes:
    """A header as MLflow is to see it.

    >>> _plain(b"host", b"build-7:5000"), _plain(b"origin", b"http://build-7:5000")
    (b'localhost:5000', b'http://localhost:5000')
    >>> _plain(b"host", b"runs.example.org"), _plain(b"host", b"10.0.0.7"), _plain(b"x", b"build-7")
    (b'runs.example.org', b'10.0.0.7', b'build-7')
    """
    if name not in (b"host", b"origin"):
        return value
    text = value.decode("latin-1")
    scheme, separator, place = text.rpartition("://")
    if "." in place or "[" in place or not (place and is_own_name(place)):
        return value
    _, colon, port = place.partition(":")
    return f"{scheme}{separator}{SHOWN}{colon}{port}".encode("latin-1")
