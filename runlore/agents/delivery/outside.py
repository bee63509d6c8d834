"""Requests to addresses of others: bounded in time and size, no redirect, no private host.

The checked address is the one that is connected to; TLS is verified for the name.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from runlore.agents.rules.outside_hosts import is_public
from runlore.kernel.errors import BadInput, Unavailable

MAX_ANSWER_BYTES = 1 << 20
REQUEST_S = 10.0
SETTING = "RUNLORE_AGENT_ADDRESSES=any"


class OutsideRefused(BadInput):
    """An address that is not called."""


@dataclass(frozen=True)
class OutsideLimits:
    """allows_private: hosts of this network, and plain http, may be called, too."""

    allows_private: bool = False
    request_s: float = REQUEST_S
    max_bytes: int = MAX_ANSWER_BYTES


def outside_limits(agent_addresses: str) -> OutsideLimits:
    """agent_addresses: the setting, `public` or `any`."""
    return OutsideLimits(allows_private=agent_addresses == "any")


class _LimitedBytes(httpx.AsyncByteStream):
    def __init__(self, stream: Any, max_bytes: int) -> None:  # noqa: ANN401
        self._stream, self._max_bytes = stream, max_bytes

    def __aiter__(self) -> AsyncIterator[bytes]:
        return limited(self._stream, self._max_bytes, httpx.ReadError)

    async def aclose(self) -> None:
        await self._stream.aclose()


async def limited(
    parts: AsyncIterable[bytes], max_bytes: int, error: type[Exception]
) -> AsyncIterator[bytes]:
    """The parts of an answer, until they are too many bytes together. Raises that error."""
    left = max_bytes
    async for part in parts:
        left -= len(part)
        if left < 0:
            raise error("the answer is too large")
        yield part


def outside_client(limits: OutsideLimits, token: str | None = None) -> httpx.AsyncClient:
    """A client whose requests are checked. token: sent as `Authorization: Bearer …`."""

    async def check(request: httpx.Request) -> None:
        await pin(request, limits)

    async def bound(response: httpx.Response) -> None:
        refuse_encoded(response)
        response.stream = _LimitedBytes(response.stream, limits.max_bytes)

    return httpx.AsyncClient(
        headers=headers_with(token),
        timeout=limits.request_s,
        trust_env=False,
        event_hooks={"request": [check], "response": [bound]},
    )


def headers_with(token: str | None) -> dict[str, str]:
    headers = {"User-Agent": "runlore", "Accept-Encoding": "identity"}
    return headers | ({"Authorization": f"Bearer {token}"} if token else {})


def refuse_encoded(response: Any) -> None:  # noqa: ANN401  (of httpx or httpx2)
    """A small compressed answer may be a large one."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise OutsideRefused("the answer is compressed, which was not asked for", "address")


async def pin(request: Any, limits: OutsideLimits) -> None:  # noqa: ANN401
    """Let a request of httpx or httpx2 go to an address that was checked. Raises OutsideRefused."""
    if limits.allows_private:
        return
    url = request.url
    if url.scheme != "https":
        raise OutsideRefused(f"address: use https, or set {SETTING}", "address")
    found = await _resolved(url.host, url.port or 443)
    wrong = [one for one in found if not is_public(one)]
    if wrong:
        raise OutsideRefused(
            f"address: {url.host} leads to {wrong[0]}, which is not public; set {SETTING} to"
            " allow it",
            "address",
        )
    request.extensions["sni_hostname"] = url.host
    request.url = url.copy_with(host=found[0])


async def fetch_json(url: str, limits: OutsideLimits, token: str | None = None) -> object:
    """GET a JSON document. Raises OutsideRefused, BadInput or Unavailable."""
    try:
        async with asyncio.timeout(limits.request_s), outside_client(limits, token) as http:
            response = await http.get(url)
            content = response.content
    except TimeoutError as error:
        raise Unavailable(f"{_place(url)} did not answer in {limits.request_s:g} s") from error
    except (httpx.HTTPError, OSError) as error:
        raise Unavailable(f"{_place(url)} cannot be read: {error}") from error
    except (httpx.InvalidURL, UnicodeError) as error:
        raise OutsideRefused(
            f"card_url: {url[:80]!r} is no address: {error}", "card_url"
        ) from error
    if response.status_code != 200:
        raise Unavailable(f"{_place(url)} answered {response.status_code}; no redirect is followed")
    try:
        return json.loads(content)
    except ValueError as error:
        raise BadInput(f"{_place(url)} answered no JSON", "card_url") from error


def token_of(variable: str | None) -> str | None:
    """The secret in an environment variable. Raises BadInput where it is not set."""
    if variable is None:
        return None
    value = os.environ.get(variable)
    if not value:
        raise BadInput(f"the variable {variable} is not set where tasks are sent", "token_variable")
    return value


def _place(url: str) -> str:
    return urlsplit(url).hostname or "the address"


async def _resolved(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        rows = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable(f"{host} has no address: {error}") from error
    return [str(row[4][0]) for row in rows]
