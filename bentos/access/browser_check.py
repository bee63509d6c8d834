"""Refuse requests that web pages of other sites send through somebody's browser.

Needed where requests need no key, which a page of another site knows none of, and for pages of
the console, whose cookie a browser sends by itself.
"""

from dataclasses import dataclass

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
        if visit.needs_key and not visit.takes_session:
            return
        headers = visit.request.headers
        host = headers.get("host", "")
        if self.checks_host and not visit.needs_key and not is_own_name(host):
            raise Forbidden(
                f"host: {host[:80]!r} is not a name that this service knows itself by; ask"
                " localhost or an address, or set RUNLORE_API_KEYS",
                {},
            )
        origin = headers.get("origin")
        if origin is not None and not is_own_origin(origin, host):
            raise Forbidden(f"origin: {origin[:80]!r} is another site than {host[:80]!r}", {})
