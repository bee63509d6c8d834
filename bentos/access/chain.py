"""The access chain: what every request passes before its handler, in this order.

A refused request is counted in the metrics and is not on the ledger.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass

from starlette.requests import Request

from bentos.access.body_check import BodyCheck
from bentos.access.browser_check import BrowserCheck, check_host, check_origin
from bentos.access.home_login import HomeLogin
from bentos.access.key_cache import KeyCache, Keys, OneKey
from bentos.access.key_check import KeyCheck, KeyUse
from bentos.access.rate_check import RateCheck
from bentos.access.rate_limit import OwnMinutes, RateLimiter, SharedMinutes
from bentos.access.sessions import Sessions
from bentos.access.visit import AccessCheck, Visit
from bentos.http.client_address import TrustedProxies, is_loopback
from bentos.http.routing import SCOPES, Scope
from bentos.predict.live_versions import Serving
from runlore.settings import Settings


@dataclass(frozen=True)
class AccessChain:
    """checks: in their order; the first that raises refuses the request.

    sessions: of the console.
    """

    key_check: KeyCheck
    sessions: Sessions
    checks: tuple[AccessCheck, ...]

    @property
    def is_off(self) -> bool:
        """Whether nobody is asked who is there."""
        return self.key_check.keys is None

    def scopes_with_key(self, request: Request) -> frozenset[Scope]:
        """The scopes whose routes need a key, from where this request comes."""
        is_local, needs_key = self.key_check.is_local(request), self.key_check.needs_key
        return frozenset(scope for scope in SCOPES if needs_key(scope, is_local=is_local))

    def check_browser(self, request: Request) -> None:
        """Refuse what pages of other sites send; for forms before there is a session."""
        if not self.is_off and self.key_check.is_local(request):
            check_host(request)
        check_origin(request)

    async def admit_stream(self, request: Request, scope: Scope) -> Mapping[str, str]:
        """The same for a stream that pages of the console read: where a key is needed, a session
        is as good."""
        needs_key = self.key_check.needs_key(scope, is_local=self.key_check.is_local(request))
        return await self.admit(request, scope, takes_session=needs_key)

    async def admit(
        self, request: Request, scope: Scope, *, takes_session: bool = False
    ) -> Mapping[str, str]:
        """The headers that the answer gets.

        Raises Unauthenticated, Forbidden, TooMany; Unavailable where a check needs the database
        and cannot reach it.
        """
        is_local = self.key_check.is_local(request)
        needs_key = self.key_check.needs_key(scope, is_local=is_local, takes_session=takes_session)
        visit = Visit(request, scope, needs_key, takes_session, is_local)
        for check in self.checks:
            await check(visit)
        return visit.headers


def _chain(
    keys: Keys | None, limiter: RateLimiter | None, settings: Settings, login: HomeLogin | None
) -> AccessChain:
    proxies = TrustedProxies.parse(settings.trusted_proxies)
    is_required, is_public = settings.api_keys == "required", not is_loopback(settings.host)
    sessions = Sessions(keys, settings.home, login)
    key_check = KeyCheck(keys, is_required, is_public, proxies, sessions, login)
    checks: tuple[AccessCheck, ...] = (
        BrowserCheck(checks_host=keys is not None),
        key_check,
        *([] if limiter is None else [RateCheck(limiter, proxies)]),
        KeyUse(keys),
        BodyCheck(settings.largest_body_mb),
    )
    return AccessChain(key_check, sessions, checks)


@asynccontextmanager
async def opened(serving: Serving, settings: Settings) -> AsyncIterator[AccessChain]:
    """The chain, for as long as the service runs."""
    async with AsyncExitStack() as stack:
        keys: Keys | None = None
        if settings.api_keys != "off":
            keys = await stack.enter_async_context(_keys(serving, settings))
        limiter = stack.enter_context(_limiter(serving, settings.rate_limit_per_minute))
        login = None if serving.is_standalone else HomeLogin(settings.home)
        yield _chain(keys, limiter, settings, login)


@asynccontextmanager
async def _keys(serving: Serving, settings: Settings) -> AsyncIterator[Keys]:
    if serving.is_standalone:
        yield OneKey(settings.api_key)
        return
    cache = KeyCache(serving.database)
    await cache.step()
    task = asyncio.create_task(cache.run(), name="read the keys")
    try:
        yield cache
    finally:
        cache.close()
        await task


@contextmanager
def _limiter(serving: Serving, limit: int) -> Iterator[RateLimiter | None]:
    if not limit:
        yield None
        return
    minutes: SharedMinutes | OwnMinutes = (
        OwnMinutes(limit) if serving.is_standalone else SharedMinutes(serving.database, limit)
    )
    with closing(minutes):
        yield RateLimiter(limit, minutes)
