"""POST JSON once: bounded in time and size, TLS verified, no redirect followed, nothing logged.

The transport is used without a client, which would log whole addresses. A proxy that the
environment names is used, as everywhere.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from runlore.alerts.delivery.channels import is_here

if TYPE_CHECKING:
    import httpx

CONNECT_S, TOTAL_S = 5.0, 10.0
MOST_READ_BYTES, MOST_SENT_BYTES = 4_096, 256_000


@dataclass(frozen=True)
class PostResponse:
    """body: the first bytes of the answer. retry_after_s: its Retry-After header, 0: none."""

    status: int
    body: str
    retry_after_s: float = 0.0


JsonBody = Mapping[str, object] | Sequence[Mapping[str, object]]


def post(url: str, body: JsonBody, headers: Mapping[str, str]) -> PostResponse:
    """POST JSON. Raises OSError, TimeoutError or httpx.HTTPError without an answer in time."""
    return asyncio.run(_post(url, json.dumps(body).encode(), headers))


async def _post(url: str, content: bytes, headers: Mapping[str, str]) -> PostResponse:
    import httpx

    if len(content) > MOST_SENT_BYTES:
        raise OSError(f"the message has {len(content):,} bytes, at most {MOST_SENT_BYTES:,} go out")
    sent_headers = {"content-type": "application/json", "user-agent": "runlore", **headers}
    limits = {"timeout": {"connect": CONNECT_S, "read": TOTAL_S, "write": TOTAL_S, "pool": 1.0}}
    request = httpx.Request("POST", url, headers=sent_headers, content=content, extensions=limits)
    async with asyncio.timeout(TOTAL_S), httpx.AsyncHTTPTransport(proxy=_proxy(url)) as transport:
        response = await transport.handle_async_request(request)
        return PostResponse(response.status_code, await _start(response), _wish_s(response))


async def _start(response: "httpx.Response") -> str:
    body = b""
    async for part in response.aiter_raw():
        body += part
        if len(body) > MOST_READ_BYTES:
            break
    await response.aclose()
    return body[:MOST_READ_BYTES].decode(errors="replace")


def _wish_s(response: "httpx.Response") -> float:
    retry_after = response.headers.get("retry-after", "")
    return float(retry_after) if retry_after.isdecimal() and len(retry_after) < 7 else 0.0


def _proxy(url: str) -> str | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return None if is_here(host) or proxy_bypass(host) else getproxies().get(parts.scheme)
