"""Require an API key that allows the request; it costs no query, the keys are in memory.

The home's login, by HTTP Basic authentication, is as good as a key with all scopes.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from starlette.requests import Request

from bentos.access.failed_sign_ins import FailedSignIns
from bentos.access.home_login import HomeLogin, sent_login
from bentos.access.key_cache import Keys
from bentos.access.sessions import Sessions
from bentos.access.visit import Visit
from bentos.http.client_address import TrustedProxies, bucket_of
from bentos.http.errors import Forbidden, Unauthenticated
from bentos.http.routing import Scope
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.serving.actions.api_keys import allows
from runlore.serving.queries.api_keys import ApiKey

REALM = 'Bearer realm="runlore"'
BASIC = 'Basic realm="runlore", charset="UTF-8"'
PROTECTED: frozenset[Scope] = frozenset({"train"})  # scopes that need a key on loopback, too
BEARER = b"bearer "


@dataclass(frozen=True)
class KeyCheck:
    """keys: None: nobody needs a key. is_public: the service listens beyond this machine.

    sessions: those that open the pages of the console.
    login: of the home, which is as good as a key; None: there is no home.
    """

    keys: Keys | None
    is_required: bool
    is_public: bool
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    sessions: Sessions | None = None
    login: HomeLogin | None = None
    failures: FailedSignIns = field(default_factory=FailedSignIns)

    def is_local(self, request: Request) -> bool:
        """Whether it comes from this machine, and keys are not required there.

        Requests from other machines need a key, whatever address the settings name.
        """
        return not (self.is_required or self.is_public) and self.proxies.is_local(request)

    def needs_key(self, scope: Scope, *, is_local: bool, takes_session: bool = False) -> bool:
        """Whether a request must say who is there.

        From this machine: if it changes what answers, or is for a page of the console. Other
        accounts and web pages reach a local port, too.
        """
        if self.keys is None:
            return False
        return takes_session or scope in PROTECTED or not is_local

    async def __call__(self, visit: Visit) -> None:
        if visit.needs_key:
            visit.key = _allowed(self._required_key(visit), visit.scope)
        else:
            visit.key = self._optional_key(visit)
        visit.request.state.key = visit.key

    def _optional_key(self, visit: Visit) -> ApiKey | None:
        """A key that is sent without need: what it does counts as its owner's."""
        text = sent_key(visit.request)
        with suppress(Unavailable):
            if text and self.keys is not None:
                return self.keys.find(text, instants.now())
        return None

    def _required_key(self, visit: Visit) -> ApiKey:
        text = sent_key(visit.request)
        if text:
            return self._known_key(text, visit.scope)
        session = self._session_key(visit)
        if session is not None:
            return session
        credentials = sent_login(visit.request)
        if credentials is not None and self.login is not None:
            return self._known_login(self.login, credentials, visit)
        raise Unauthenticated(_how_to_sign_in(visit.scope), _challenge(visit.scope))

    def _known_key(self, text: str, scope: Scope) -> ApiKey:
        key = self.keys.find(text, instants.now()) if self.keys else None
        if key is None:
            raise Unauthenticated(
                "the key is unknown, was revoked or has expired",
                _challenge(scope, ', error="invalid_token"'),
            )
        return key

    def _session_key(self, visit: Visit) -> ApiKey | None:
        if not visit.takes_session or self.sessions is None:
            return None
        return self.sessions.of(visit.request, instants.now())

    def _known_login(self, login: HomeLogin, sent: tuple[str, str], visit: Visit) -> ApiKey:
        address = bucket_of(self.proxies.client(visit.request))
        self.failures.check(address)
        key = login.find(*sent)
        if key is None:
            self.failures.add(address)
            raise Unauthenticated(
                "user or password is not that of this home; `runlore login` prints both",
                _challenge(visit.scope),
            )
        return key


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


def _challenge(scope: Scope, error: str = "") -> dict[str, str]:
    """What `WWW-Authenticate` says; browsers ask their user only where the login is expected."""
    basic = f", {BASIC}" if scope in PROTECTED else ""
    return {"WWW-Authenticate": f"{REALM}{error}{basic}"}


def _how_to_sign_in(scope: Scope) -> str:
    text = "send a key: Authorization: Bearer rl_…, or X-API-Key: rl_…"
    if scope not in PROTECTED:
        return text
    return (
        f"{text}, with the scope {scope!r} (`runlore keys create NAME --scope {scope}`); or the"
        " user and password that `runlore login` prints, by HTTP Basic authentication"
    )


def sent_key(request: Request) -> str:
    """The key in the headers, empty without one; X-API-Key goes before Authorization."""
    headers: dict[bytes, bytes] = dict(request.scope["headers"])
    text = headers.get(b"x-api-key", b"")
    authorization = headers.get(b"authorization", b"")
    if not text and authorization[: len(BEARER)].lower() == BEARER:
        text = authorization[len(BEARER) :]
    return text.decode("latin-1").strip()
