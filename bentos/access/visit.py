"""One request on its way through the access chain."""

from dataclasses import dataclass, field
from typing import Protocol

from starlette.requests import Request

from bentos.http.routing import Scope
from runlore.serving.queries.api_keys import ApiKey


@dataclass(slots=True)
class Visit:
    """scope: what a key must allow. headers: of the answer, if the request is admitted.

    needs_key: it must say who is there: by a key, by the home's login, or by a session.
    takes_session: it is for a page of the console, which a session opens as well as a key.
    is_local: it comes from this machine, where what only predicts, records and reads needs no key.
    """

    request: Request
    scope: Scope
    needs_key: bool
    takes_session: bool = False
    is_local: bool = False
    key: ApiKey | None = None
    headers: dict[str, str] = field(default_factory=dict)


class AccessCheck(Protocol):
    async def __call__(self, visit: Visit) -> None:
        """Return to admit the request; raise an error of `bentos.http.errors` to refuse it."""
