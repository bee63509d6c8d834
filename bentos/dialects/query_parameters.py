"""What a request asks for after its `?`, checked."""

from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import StringConstraints
from starlette.requests import Request

from bentos.http.fields import NO_NUL
from bentos.predict.live_versions import Serving
from runlore.kernel.errors import BadInput

Person = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=100, pattern=NO_NUL, strict=True
    ),
]
LONGEST = 80
LARGEST_ID = 2**63 - 1


def filters(request: Request, known: Collection[str]) -> dict[str, str]:
    """The filters of a request; BadInput for one that is not among the known."""
    query = dict(request.query_params)
    for name, text in query.items():
        if name not in known:
            listed = ", ".join(sorted(known))
            raise BadInput(f"{name[:LONGEST]}: no such filter; there are: {listed}", name[:LONGEST])
        if "\x00" in text:
            raise BadInput(f"{name}: holds a character that no name has", name)
    return query


def choice(name: str, text: str, known: Collection[str]) -> str:
    if text not in known:
        raise BadInput(f"{name}: {text[:LONGEST]!r} is none of {', '.join(known)}", name)
    return text


def count(name: str, text: str, most: int) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) < 20
    if not is_number or not 1 <= int(text) <= most:
        raise BadInput(f"{name}: {text[:LONGEST]!r} is not a number from 1 to {most:,}", name)
    return int(text)


def before(query: Mapping[str, str]) -> int | None:
    """The id that `?before=` names: older ones are wanted; None: the newest."""
    text = query.get("before")
    return None if text is None else count("before", text, LARGEST_ID)


def models(serving: Serving, query: Mapping[str, str]) -> tuple[str, ...]:
    """The models that `?model=` names, all without it; NotFound for one that there is not."""
    name = query.get("model")
    if name is None:
        return serving.names
    serving.check(name)
    return (name,)
