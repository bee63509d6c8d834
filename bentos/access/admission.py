"""Who comes in: a key with the right scope, and not more often than the limit.

A check costs no way to the database. Keys are those of the last half second, requests are counted
in chunks. What is turned away here is in the metrics, not on the ledger. Where no key is needed,
web pages of other sites must not come in by way of somebody's browser: their requests are refused.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field

from starlette.requests import Request

from bentos.access.key_cache import Keyring, Keys, OneKey
from bentos.access.rate_limit import Meter, OwnMinutes, SharedMinutes, told
from bentos.http.client_address import TrustedProxies, bucket_of, is_loopback
from bentos.http.errors import Forbidden, Unauthenticated
from bentos.http.routing import Scope
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.serving.actions.api_keys import allows
from runlore.serving.queries.api_keys import Key
from runlore.settings import Settings
from runlore.web.guard import is_own_name, is_own_origin

REALM = 'Bearer realm="runlore"'
BEARER = b"bearer "


@dataclass(frozen=True)
class Door:
    """keys: None: nobody needs one. is_wide: the service is bound to more than this machine."""

    keys: Keys | None
    meter: Meter | None
    is_required: bool
    is_wide: bool
    proxies: TrustedProxies = field(default_factory=TrustedProxies)

    def needs_key(self, request: Request) -> bool:
        """Whatever the settings say of the address, what came from outside needs one."""
        if self.keys is None:
            return False
        return self.is_required or self.is_wide or not self.proxies.is_local(request)

    async def admit(self, request: Request, scope: Scope) -> Mapping[str, str]:
        """What to say in the answer's headers.

        Raises Unauthenticated, Forbidden, TooMany; Unavailable when the database is away and it
        takes that to know.
        """
        is_needed = self.needs_key(request)
        if is_needed:
            key: Key | None = self._key(request, scope)
        else:
            self._check_site(request)
            key = self._offered_key(request)
        request.state.key = key
        headers: Mapping[str, str] = {}
        if self.meter is not None:
            bucket = self._bucket(request, key if is_needed else None)
            headers = told(self.meter.limit, await self.meter.take(bucket))
        if key is not None and self.keys is not None:
            self.keys.used(key, instants.now())
        return headers

    def _bucket(self, request: Request, key: Key | None) -> str:
        return f"key {key.id}" if key else f"address {bucket_of(self.proxies.client(request))}"

    def _offered_key(self, request: Request) -> Key | None:
        """The key of who needs none and brings one all the same: what it does is the owner's."""
        text = _given(request)
        if not text or self.keys is None:
            return None
        with suppress(Unavailable):
            return self.keys.find(text, instants.now())
        return None

    def _check_site(self, request: Request) -> None:
        """A browser tells which site a page is of that writes, and by which name it came here."""
        host = request.headers.get("host", "")
        if self.keys is not None and not is_own_name(host):
            raise Forbidden(
                f"host: {host[:80]!r} is not a name that this service knows itself by; ask"
                " localhost or an address, or set RUNLORE_API_KEYS",
                {},
            )
        origin = request.headers.get("origin")
        if origin is not None and not is_own_origin(origin, host):
            raise Forbidden(f"origin: {origin[:80]!r} is another site than {host[:80]!r}", {})

    def _key(self, request: Request, scope: Scope) -> Key:
        text = _given(request)
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
        if not allows(key, scope):
            raise Forbidden(
                f"key {key.id} lacks the scope {scope!r}; it has: {', '.join(key.scopes)}",
                {"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{scope}"'},
            )
        return key


@asynccontextmanager
async def opened(serving: Serving, settings: Settings) -> AsyncIterator[Door]:
    """The door for as long as the service runs."""
    async with AsyncExitStack() as stack:
        keys: Keys | None = None
        if settings.api_keys != "off":
            keys = await stack.enter_async_context(_keys(serving, settings))
        meter = stack.enter_context(_meter(serving, settings.rate_limit_per_minute))
        is_required, is_wide = settings.api_keys == "required", not is_loopback(settings.host)
        proxies = TrustedProxies.parse(settings.trusted_proxies)
        yield Door(keys, meter, is_required, is_wide, proxies)


@asynccontextmanager
async def _keys(serving: Serving, settings: Settings) -> AsyncIterator[Keys]:
    if serving.is_standalone:
        yield OneKey(settings.api_key)
        return
    ring = Keyring(serving.database)
    await ring.step()
    task = asyncio.create_task(ring.run(), name="read the keys")
    try:
        yield ring
    finally:
        ring.close()
        await task


@contextmanager
def _meter(serving: Serving, limit: int) -> Iterator[Meter | None]:
    if not limit:
        yield None
        return
    minutes: SharedMinutes | OwnMinutes = (
        OwnMinutes(limit) if serving.is_standalone else SharedMinutes(serving.database, limit)
    )
    with closing(minutes):
        yield Meter(limit, minutes)


def _given(request: Request) -> str:
    """The key of a request, empty when there is none; X-API-Key if it has both."""
    sent: dict[bytes, bytes] = dict(request.scope["headers"])
    text = sent.get(b"x-api-key", b"")
    words = sent.get(b"authorization", b"")
    if not text and words[: len(BEARER)].lower() == BEARER:
        text = words[len(BEARER) :]
    return text.decode("latin-1").strip()
