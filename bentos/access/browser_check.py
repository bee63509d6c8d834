"""Refuse requests that web pages of other sites send through somebody's browser.

Needed where requests need no key, which a page of another site knows none of, and where a browser
says by itself who is there: by the cookie of the console, or by a login that it remembers.
"""

from dataclasses import dataclass

from starlette.requests import Request

from bentos.access.home_login import sent_login
from bentos.access.visit import Visit
from bentos.http.errors import Forbidden
from runlore.web.guard import is_own_name, is_own_origin


@dataclass(frozen=True)
class BrowserCheck:
    """checks_host: whether to refuse host names that are not this machine's own.

    A browser says which site the page is from (Origin) and by which name it reached us (Host).
    """

    checks_host: bool

    async def __call__(self, visit: Visit) -> None:
        if self.checks_host and visit.is_local:
            check_host(visit.request)
        if not visit.needs_key or visit.takes_session or sent_login(visit.request) is not None:
            check_origin(visit.request)


def check_host(request: Request) -> None:
    """Refuse a name that any site may give this machine."""
    host = request.headers.get("host", "")
    if not is_own_name(host):
        raise Forbidden(
            f"host: {host[:80]!r} is not a name that this service knows itself by; ask"
            " localhost or an address, or set RUNLORE_API_KEYS=required",
            {},
        )


def check_origin(request: Request) -> None:
    """Refuse a page of another site; programs say of none."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is not None and not is_own_origin(origin, host):
        raise Forbidden(f"origin: {origin[:80]!r} is another site than {host[:80]!r}", {})
