"""Parameters that many routes have, read in one way."""

from datetime import datetime
from uuid import UUID

from starlette.requests import Request

from runlore.kernel import instants
from runlore.kernel.errors import BadInput


def read_as_of(request: Request) -> datetime:
    """The instant whose knowledge is asked for; without one, now."""
    text = request.query_params.get("as_of")
    return instants.now() if text is None else instants.parse(text[:80], "as_of")


def number_of(text: str, what: str) -> int:
    """The id of a path. what: of which thing it is the number, for the message."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise BadInput(f"id: {text[:40]!r} is not the number of {what}", "id")
    return int(text)


def read_uuid(request: Request, name: str) -> UUID:
    """An id of the path. Raises BadInput that names the field."""
    text = str(request.path_params[name])
    try:
        return UUID(text)
    except ValueError:
        raise BadInput(f"{name}: {text[:80]!r} is no UUID", name) from None
