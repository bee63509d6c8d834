"""When a request is sent again: never when the service may already have done it.

A request is repeated if it never left this machine, if the service said by `Retry-After` that it
did nothing, or if the service recognises repetitions (executions and outcomes, by their id). A
prediction whose answer was lost is not: the ledger would have it twice.
"""

import random
from dataclasses import dataclass

import httpx

from runlore.client.calls import Call

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
NOTHING_DONE = (429, 503, 504)  # with Retry-After
MAYBE_DONE = (502, 503, 504)  # as proxies answer, without Retry-After
FIRST_PAUSE_S = 0.2
MAX_PAUSE_S = 30.0


@dataclass(frozen=True)
class RetryPolicy:
    """retries: after the first attempt. patience_s: no pause goes beyond it, from the first on."""

    retries: int = 3
    patience_s: float = 30.0

    def pause_s(
        self, call: Call, attempt: int, elapsed_s: float, event: httpx.Response | Exception
    ) -> float | None:
        """How long to wait before the next attempt; None: there is none. attempt: from 0."""
        if attempt >= self.retries or not _is_safe(call, event):
            return None
        pause_s = _requested_s(event) or FIRST_PAUSE_S * 2**attempt * random.uniform(0.5, 1)  # noqa: S311
        if pause_s > MAX_PAUSE_S or elapsed_s + pause_s > self.patience_s:
            return None
        return pause_s


def _is_safe(call: Call, event: httpx.Response | Exception) -> bool:
    if isinstance(event, Exception):
        is_transport = isinstance(event, httpx.TransportError)
        return isinstance(event, NEVER_SENT) or (call.is_repeatable and is_transport)
    if event.status_code in NOTHING_DONE and "Retry-After" in event.headers:
        return True
    return call.is_repeatable and event.status_code in MAYBE_DONE


def _requested_s(event: httpx.Response | Exception) -> float:
    text = "" if isinstance(event, Exception) else event.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0
