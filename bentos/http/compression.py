"""Compressed bodies: inflated up to the size that a plain body may have."""

import zlib

from starlette.requests import Request

from bentos.http.bodies import read_body
from bentos.http.errors import Malformed, TooLarge
from runlore.kernel.errors import BadInput

GZIP = 16 + zlib.MAX_WBITS
ENCODING = "content-encoding"


async def read_plain_body(request: Request) -> bytes:
    """The body, which may be compressed with gzip.

    Raises TooLarge before more is inflated than a body may have, Malformed for a broken stream.
    """
    body = await read_body(request)
    encoding = request.headers.get(ENCODING, "").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise BadInput(f"{ENCODING}: {encoding!r:.40} is not gzip", ENCODING)
    return _inflated(body, request.state.max_body_mb)


def _inflated(body: bytes, max_mb: int) -> bytes:
    stream = zlib.decompressobj(GZIP)
    try:
        plain = stream.decompress(body, (max_mb << 20) + 1)
    except zlib.error as error:
        raise Malformed(f"the body is not gzip: {error}") from error
    if len(plain) > max_mb << 20:
        raise TooLarge(f"the inflated body is larger than {max_mb} MiB; send less at once")
    if not stream.eof:
        raise Malformed("the body ends in the middle of its gzip stream")
    return plain
