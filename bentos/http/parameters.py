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
    return parse_uuid(str(request.path_params[name]), name)


def parse_uuid(text: str, name: str) -> UUID:
    """Raises BadInput that names the field."""
    try:
        return UUID(text)
    except ValueError:
        raise BadInput(f"{name}: {text[:80]!r} is no UUID", name) from None


def check_query(request: Request) -> None:
    """PostgreSQL's text has no null character. Raises BadInput that names the parameter."""
    if b"%00" not in request.scope["query_string"]:
        return
    for name, text in request.query_params.multi_items():
        if "\x00" in name + text:
            shown = name.replace("\x00", "")[:80]
            raise BadInput(f"{shown}: holds a character that no name has", shown)


def limit_of(request: Request, most: int, default: int = 100) -> int:
    """How many rows of a list are asked for."""
    text = request.query_params.get("limit", str(default))
    if text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most:
        return int(text)
    raise BadInput(f"limit: give 1 to {most}", "limit")
