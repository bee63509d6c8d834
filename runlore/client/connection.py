"""What both clients share: how they connect, and what the end of a request means."""

from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from runlore.client import answers
from runlore.client.calls import Call
from runlore.client.errors import AnswerLost
from runlore.client.retries import NEVER_SENT
from runlore.kernel.errors import BadInput, Unavailable

T = TypeVar("T")

# Below the service's own, so that a request does not meet a connection that is being closed.
KEEP_ALIVE_S = 2.0


def options(url: str, key: str | None, timeout_s: float) -> dict[str, Any]:
    """The keyword arguments of an httpx client. Raises BadInput for what is no address."""
    try:
        scheme, host = httpx.URL(url).scheme, httpx.URL(url).host
    except httpx.InvalidURL:
        scheme = host = ""
    if scheme not in ("http", "https") or not host:
        raise BadInput(f"url: {url!r} is no address; write it as http://localhost:3000", "url")
    return {
        "base_url": url,
        "timeout": timeout_s,
        "headers": {} if key is None else {"Authorization": f"Bearer {key}"},
        "limits": httpx.Limits(keepalive_expiry=KEEP_ALIVE_S),
    }


def request_of(call: Call) -> dict[str, Any]:
    """The keyword arguments of an httpx request."""
    return {"method": call.method, "url": call.path, "json": call.body, "params": dict(call.query)}


def settle(
    url: str,
    call: Call,
    event: httpx.Response | httpx.TransportError,
    parse: Callable[[Any], T],
) -> T:
    """Return the answer, or raise the error, of a request that is not sent again."""
    if isinstance(event, httpx.TransportError):
        raise _lost(url, call, event) from event
    return answers.read(event, parse)


def _lost(url: str, call: Call, error: httpx.TransportError) -> Unavailable:
    reason = str(error) or type(error).__name__
    if isinstance(error, NEVER_SENT):
        return Unavailable(
            f"the prediction service at {url} cannot be reached ({reason}); is it running?"
            " `runlore serve` starts one"
        )
    doubt = "" if call.is_repeatable else "; it may be on the ledger, so it was not sent again"
    return AnswerLost(f"no answer from {url} ({reason}){doubt}")
