"""Who comes in: a key with the right scope, and not more often than the limit.

A check costs no way to the database. Keys are those of the last half second, requests are counted
in chunks. What is turned away here is in the metrics, not on the ledger. Where no key is needed,
web pages of other sites must not come in by way of somebody's browser: their requests are refused.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Literal

from starlette.requests import Request

from bentos.errors import Forbidden, Unauthenticated
from bentos.keyring import Keyring, Keys, OneKey
from bentos.meter import Meter, OwnMinutes, SharedMinutes, told
from bentos.serving import Serving
from runlore.records import instant
from runlore.settings import Settings
from runlore.store.api_keys import Key
from runlore.usecases.api_keys import allows
from runlore.web.guard import is_own_name, is_own_origin

Scope = Literal["predict", "record", "read", "train"]
REALM = 'Bearer realm="runlore"'
BEARER = b"bearer "
NETWORK_BITS = 64
"""Of an IPv6 address: one client usually has all addresses of such a network."""


@dataclass(frozen=True)
class Door:
    """keys: None: nobody needs one. is_wide: the service is bound to more than this machine."""

    keys: Keys | None
    meter: Meter | None
    is_required: bool
    is_wide: bool

    def needs_key(self, request: Request) -> bool:
        """Whatever the settings say of the address, what came from outside needs one."""
        if self.keys is None:
            return False
        return self.is_required or self.is_wide or not _is_here(request)

    async def admit(self, request: Request, scope: Scope) -> Mapping[str, str]:
        """What to say in the answer's headers.

        Raises Unauthenticated, Forbidden, TooMany; Unavailable when the database is away and it
        takes that to know.
        """
        key: Key | None = None
        if self.needs_key(request):
            key = self._key(request, scope)
        else:
            self._check_site(request)
        headers: Mapping[str, str] = {}
        if self.meter is not None:
            bucket = f"key {key.id}" if key else f"address {_client(request)}"
            headers = told(self.meter.limit, await self.meter.take(bucket))
        if key is not None and self.keys is not None:
            self.keys.used(key, instant.now())
        return headers

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
        key = self.keys.find(text, instant.now()) if self.keys else None
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
        yield Door(keys, meter, settings.api_keys == "required", not is_loopback(settings.host))


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "::ffff:127.0.0.1")]
    [True, True, True, True]
    >>> [is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "", "some.host")]
    [False, False, False, False, False]
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


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


def _is_here(request: Request) -> bool:
    """Whether it came in at a loopback address, or through a file."""
    host, port = request.scope.get("server") or ("", None)
    return port is None or is_loopback(host)


def _client(request: Request) -> str:
    host = request.client.host if request.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:  # such as what somebody says in X-Forwarded-For
        return "unknown"
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or IPv6Network((int(address), NETWORK_BITS), strict=False))
