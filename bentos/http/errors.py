"""Every error and its HTTP status: one table, one shape (RFC 9457), no stack trace."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from bentos.http.request_id import current_request_id
from runlore.ingest.rules.points.wire import TooManyBytes
from runlore.kernel.errors import (
    BadInput,
    CannotWrite,
    Misconfigured,
    NoChampion,
    NotFound,
    Refused,
    RunloreError,
    Unavailable,
    is_disk_full,
)
from runlore.live.rules.stream import HistoryCut

MEDIA_TYPE = "application/problem+json"
RETRY_S = 1
MOST_TOLD = 100  # wrong fields of one request; of more than these, only the number is reported

MOST_FIELD_CHARACTERS = 80


class Malformed(RunloreError):
    """The body cannot be read."""


class TooLarge(RunloreError):
    """The body has more bytes than are taken."""


class UnsupportedMedia(RunloreError):
    """The body is of a type or in an encoding that is not taken."""


class ClientGone(RunloreError):
    """Who asked went away before the whole body was there."""


class TooSlow(RunloreError):
    """The answer was not ready in time."""


class Overloaded(RunloreError):
    """More requests wait than can be answered soon."""


class TurnedAway(RunloreError):
    """Stopped at the door. headers: what the answer has besides."""

    def __init__(self, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.headers = headers


class Unauthenticated(TurnedAway):
    """There is no key, or not one that works."""


class Forbidden(TurnedAway):
    """The key does not allow this."""


class TooMany(TurnedAway):
    """All requests of this minute have been made."""


STATUS: Mapping[type[RunloreError], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Refused: 409,
    HistoryCut: 410,
    TooLarge: 413,
    UnsupportedMedia: 415,
    TooManyBytes: 413,
    BadInput: 422,
    TooMany: 429,
    ClientGone: 499,
    Misconfigured: 500,
    NoChampion: 503,
    Overloaded: 503,
    Unavailable: 503,
    TooSlow: 504,
}
TITLES = {
    400: "The body cannot be read",
    401: "A key is needed",
    403: "The key does not allow this",
    404: "There is no such thing",
    405: "The method is not allowed here",
    409: "Refused",
    410: "The history is cut",
    413: "The body is too large",
    415: "The body is of a type that is not taken here",
    422: "The request is wrong",
    429: "Too many requests",
    499: "The client went away",
    500: "Something went wrong here; the service's log says what",
    503: "Not available now",
    504: "Not ready in time",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What a client is told. errors: one for each wrong field."""

    status: int
    detail: str
    errors: tuple[Mapping[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": self.detail,
        }
        request_id = current_request_id()
        if request_id is not None:
            body["request_id"] = request_id
        if self.errors:
            body |= {"field": self.errors[0]["field"], "errors": list(self.errors)}
        return body

    def response(self) -> Response:
        return Response(
            json.dumps(self.body(), ensure_ascii=False).encode(),
            self.status,
            dict(self.headers),
            MEDIA_TYPE,
        )


def problem(error: RunloreError | ValidationError) -> Problem:
    """What to tell of an error that we raise on purpose."""
    if isinstance(error, ValidationError):
        return _invalid(error)
    status = status_of(type(error))
    named = getattr(error, "field", None)
    if status == 422 or named is not None:
        fields = ({"field": named or "body", "message": str(error)},)
        return Problem(status, str(error), fields)
    retry_s = getattr(error, "retry_after_s", RETRY_S)
    is_repeatable = status in (503, 504) and retry_s is not None
    headers = {"Retry-After": str(retry_s)} if is_repeatable else {}
    if isinstance(error, TurnedAway):
        headers |= error.headers
    detail = TITLES[500] if status == 500 else str(error)
    return Problem(status, detail, headers=headers)


def problem_of_disk(error: Exception) -> Problem | None:
    """What to tell of a file that could not be written for want of room; None of anything else."""
    if not is_disk_full(error):
        return None
    return problem(CannotWrite("the service has no room to write; try again later"))


def status_of(kind: type[RunloreError]) -> int:
    """The status of the nearest class in the table."""
    return next(STATUS[ancestor] for ancestor in kind.__mro__ if ancestor in STATUS)


def _invalid(error: ValidationError) -> Problem:
    count = error.error_count()
    if count > MOST_TOLD:
        body = f"{count} fields are wrong, too many to name; send less at once"
        return Problem(422, body, ({"field": "body", "message": body},))
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if faults[0]["type"] == "json_invalid":
        return Problem(400, faults[0]["msg"])
    errors = tuple({"field": _field(fault["loc"]), "message": fault["msg"]} for fault in faults)
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Problem(422, f"{first['field']}: {first['message']}{more}", errors)


def _field(location: tuple[int | str, ...]) -> str:
    """As the client wrote it, but for what PostgreSQL cannot hold, and not at any length."""
    name = ".".join(map(str, location)).replace("\x00", "\ufffd")
    return name[:MOST_FIELD_CHARACTERS] or "body"
