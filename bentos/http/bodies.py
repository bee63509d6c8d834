"""Bodies in and out: read up to a limit, and written without detours."""

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bentos.http.errors import ClientGone, TooLarge


async def read_body(request: Request) -> bytes:
    """The whole body, up to the size that the access chain allows.

    Raises TooLarge before it is too much to keep, ClientGone when it ends early.
    """
    max_mb: int = request.state.max_body_mb
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > max_mb << 20:
                raise TooLarge(f"the body is larger than {max_mb} MiB; send less at once")
            parts.append(part)
    except ClientDisconnect as error:
        raise ClientGone(f"the client went away after {size} bytes") from error
    return b"".join(parts)


def json_response(body: str | bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
