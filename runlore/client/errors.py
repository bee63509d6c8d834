"""What a problem document of the service raises: the errors that the same mistake raises here."""

from collections.abc import Mapping
from typing import Any

from runlore.kernel.errors import BadInput, NotFound, Refused, RunloreError, Unavailable


class AccessDenied(RunloreError):
    """The service wants a key, or the key does not allow this (401, 403)."""


class RateLimited(Unavailable):
    """All requests of this minute have been made (429)."""


class AnswerLost(Unavailable):
    """The connection broke after the request was sent; the service may have answered it."""


def error_of(status: int, problem: Mapping[str, Any]) -> RunloreError:
    """The error for an answer that is not a success.

    >>> error = error_of(422, {"detail": "actor: Field required", "field": "actor"})
    >>> type(error).__name__, str(error), error.field
    ('BadInput', 'actor: Field required', 'actor')
    """
    detail = str(problem.get("detail") or problem.get("title") or f"HTTP status {status}")
    if (request_id := problem.get("request_id")) and status >= 500:
        detail = f"{detail} (request {request_id})"
    if status in (401, 403):
        return AccessDenied(detail)
    if status == 404:
        return NotFound(detail)
    if status == 409:
        return Refused(detail)
    if status == 429:
        return RateLimited(detail)
    if status < 500:
        return BadInput(detail, problem.get("field"))
    return Unavailable(detail)
