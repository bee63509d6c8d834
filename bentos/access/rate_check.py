"""Admit at most so many requests a minute of each key, or of each address without one."""

from dataclasses import dataclass

from bentos.access.rate_limit import RateLimiter, rate_headers
from bentos.access.visit import Visit
from bentos.http.client_address import TrustedProxies, bucket_of


@dataclass(frozen=True)
class RateCheck:
    limiter: RateLimiter
    proxies: TrustedProxies

    async def __call__(self, visit: Visit) -> None:
        left = await self.limiter.take(self._bucket(visit))
        visit.headers |= rate_headers(self.limiter.limit, left)

    def _bucket(self, visit: Visit) -> str:
        if visit.needs_key and visit.key is not None:
            return f"key {visit.key.id}"
        return f"address {bucket_of(self.proxies.client(visit.request))}"
