"""Requests to an HTTP API that limits how many it answers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeGuard

import httpx

from runlore.kernel.errors import BadInput, Unavailable, one_line
from runlore.kernel.instants import now

TIMEOUT_S = 60.0
MAX_TRIES = 4
FIRST_PAUSE_S = 1.0
LONGEST_WAIT_S = 900.0
DEFAULT_WAIT_S = 60.0
REFUSED = (401, 403, 404)
BUSY = (500, 502, 503, 504)


def _silent(message: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class RateLimitWait:
    """How long to wait when a server wants no more requests for now.

    longest_wait_s: for more than that the import stops. say: shows a person that it waits.
    """

    longest_wait_s: float = LONGEST_WAIT_S
    pause: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = _silent


@dataclass(frozen=True)
class ApiClient:
    """Requests to one server. name: as errors call it."""

    client: httpx.Client
    name: str
    patience: RateLimitWait

    def get(self, address: str, params: Mapping[str, Any] | None = None) -> httpx.Response:
        """The answer to a GET. Raises Unavailable, or BadInput when the server refuses."""
        response = self._answer(address, params)
        if response.is_success:
            return response
        said = f"{self.name} at {response.url} answered {response.status_code}: {_text(response)}"
        if response.status_code in REFUSED:
            raise BadInput(f"{said}; is the address right, and may the token read it?", "url")
        raise Unavailable(said)

    def find(self, address: str, params: Mapping[str, Any] | None = None) -> httpx.Response | None:
        """The answer to a GET; None when the server does not know the address or a parameter."""
        response = self._answer(address, params)
        if response.status_code in (400, 404, 405, 422):
            return None
        return response if response.is_success else self.get(address, params)

    def _answer(self, address: str, params: Mapping[str, Any] | None) -> httpx.Response:
        """Ask until the server answers, as long as our patience lasts."""
        self._check_origin(address)
        tries = 0
        while True:
            response = self._try(address, params, is_last=tries + 1 >= MAX_TRIES)
            if response is not None and _is_limited(response):
                self._wait(_wait_s(response))
                continue
            if response is not None and response.status_code not in BUSY:
                return response
            tries += 1
            if response is not None and tries >= MAX_TRIES:
                return response
            self.patience.pause(FIRST_PAUSE_S * 2**tries)

    def _try(
        self, address: str, params: Mapping[str, Any] | None, *, is_last: bool
    ) -> httpx.Response | None:
        try:
            return self.client.get(address, params=params)
        except httpx.HTTPError as error:
            if is_last or isinstance(error, httpx.ConnectError):
                raise Unavailable(
                    f"{self.name} at {self.client.base_url}: {one_line(error)}; is it up?"
                ) from error
            return None

    def _wait(self, seconds: float) -> None:
        if seconds > self.patience.longest_wait_s:
            raise Unavailable(
                f"{self.name} takes no more requests for {seconds / 60:.0f} min (rate limit);"
                " the same command goes on from there later"
            )
        self.patience.say(f"{self.name}: rate limit, waiting {seconds:.0f} s")
        self.patience.pause(seconds)

    def _check_origin(self, address: str) -> None:
        """The login goes to one server only, wherever a page says that the next one is."""
        base, target = self.client.base_url, self.client.base_url.join(address)
        if (base.scheme, base.host, base.port) != (target.scheme, target.host, target.port):
            raise Unavailable(f"{self.name} names a page on another server, {target.host}")


def _is_limited(response: httpx.Response) -> bool:
    """429, or GitHub's 403 for a limit that is used up."""
    if response.status_code == 429:
        return True
    is_used_up = response.headers.get("x-ratelimit-remaining") == "0"
    return response.status_code == 403 and (is_used_up or "retry-after" in response.headers)


def _wait_s(response: httpx.Response) -> float:
    """The seconds until the server answers again, by its own clock."""
    after = response.headers.get("retry-after")
    if _is_number(after):
        return max(float(after), 1.0)
    at = _date(response.headers.get("date")) or now()
    if (until := _date(after)) is not None:
        return max((until - at).total_seconds(), 1.0)
    for name in ("x-ratelimit-reset", "ratelimit-reset"):
        reset = response.headers.get(name)
        if _is_number(reset):
            return max(float(reset) - at.timestamp() + 1.0, 1.0)
    return DEFAULT_WAIT_S


def _is_number(text: str | None) -> TypeGuard[str]:
    return text is not None and text.strip().isdigit()


def _date(text: str | None) -> datetime | None:
    try:
        at = None if text is None else parsedate_to_datetime(text)
    except ValueError:
        return None
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)


def _text(response: httpx.Response) -> str:
    return " ".join(response.text.split())[:200]
