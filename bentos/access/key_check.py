"""Require an API key that allows the request; it costs no query, the keys are in memory."""

from contextlib import suppress
from dataclasses import dataclass, field

from starlette.requests import Request

from bentos.access.key_cache import Keys
from bentos.access.sessions import Sessions
from bentos.access.visit import Visit
from bentos.http.client_address import TrustedProxies
from bentos.http.errors import Forbidden, Unauthenticated
from bentos.http.routing import Scope
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.serving.actions.api_keys import allows
from runlore.serving.queries.api_keys import ApiKey

REALM = 'Bearer realm="runlore"'
BEARER = b"bearer "


@dataclass(frozen=True)
class KeyCheck:
    """keys: None: nobody needs a key. is_public: the service listens beyond this machine.

    sessions: those that open the pages of the console.
    """

    keys: Keys | None
    is_required: bool
    is_public: bool
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    sessions: Sessions | None = None

    def needs_key(self, request: Request) -> bool:
        """Requests from other machines need a key, whatever address the settings name."""
        if self.keys is None:
            return False
        return self.is_required or self.is_public or not self.proxies.is_local(request)

    async def __call__(self, visit: Visit) -> None:
        if visit.needs_key:
            visit.key = self._required_key(visit)
        else:
            visit.key = self._optional_key(visit)
        visit.request.state.key = visit.key

    def _optional_key(self, visit: Visit) -> ApiKey | None:
        """A key that is sent without need: what it does counts as its owner's."""
        text = sent_key(visit.request)
        with suppress(Unavailable):
            if text and self.keys is not None:
                return self.keys.find(text, instants.now())
            return self._session_key(visit)
        return None

    def _session_key(self, visit: Visit) -> ApiKey | None:
        if not visit.takes_session or self.sessions is None:
            return None
        return self.sessions.of(visit.request, instants.now())

    def _required_key(self, visit: Visit) -> ApiKey:
        text = sent_key(visit.request)
        session = None if text else self._session_key(visit)
        if session is not None:
            return _allowed(session, visit.scope)
        if not text:
            raise Unauthenticated(
                "send a key: Authorization: Bearer rl_…, or X-API-Key: rl_…",
                {"WWW-Authenticate": REALM},
            )
        key = self.keys.find(text, instants.now()) if self.keys else None
        if key is None:
            raise Unauthenticated(
                "the key is unknown, was revoked or has expired",
                {"WWW-Authenticate": f'{REALM}, error="invalid_token"'},
            )
        return _allowed(key, visit.scope)


@dataclass(frozen=True)
class KeyUse:
    """Count the use of a key, once the request is admitted."""

    keys: Keys | None

    async def __call__(self, visit: Visit) -> None:
        if visit.key is not None and self.keys is not None:
            self.keys.used(visit.key, instants.now())


def _allowed(key: ApiKey, scope: Scope) -> ApiKey:
    if not allows(key, scope):
        raise Forbidden(
            f"key {key.id} lacks the scope {scope!r}; it has: {', '.join(key.scopes)}",
            {"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{scope}"'},
        )
    return key


def sent_key(request: Request) -> str:
    """The key in the headers, empty without one; X-API-Key goes before Authorization."""
    headers: dict[bytes, bytes] = dict(request.scope["headers"])
    text = headers.get(b"x-api-key", b"")
    authorization = headers.get(b"authorization", b"")
    if not text and authorization[: len(BEARER)].lower() == BEARER:
        text = authorization[len(BEARER) :]
    return text.decode("latin-1").strip()
