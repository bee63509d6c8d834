"""Bodies as they come over the wire: snappy blocks, and the top level of a protobuf message."""

from collections.abc import Iterator

import pyarrow as pa

from runlore.kernel.errors import BadInput

MOST_BYTES = 16 << 20  # of a body after decompression
MOST_VARINT = 10
DELIMITED = 2
FIXED = {1: 8, 5: 4}


class TooManyBytes(BadInput):
    """A body is larger than is taken."""


def unpack_snappy(body: bytes) -> bytes:
    """Decompress a snappy block. Its length is checked before any memory is taken.

    Raises BadInput for anything else, TooManyBytes above MOST_BYTES.
    """
    try:
        size, _ = read_varint(body, 0)
    except IndexError as error:
        raise BadInput("body: not a snappy block", "body") from error
    if size > MOST_BYTES:
        raise TooManyBytes(
            f"body: {size:,} bytes after decompression; at most {MOST_BYTES:,} are taken", "body"
        )
    try:
        unpacked: bytes = pa.Codec("snappy").decompress(body, size, asbytes=True)
    except (OSError, ValueError) as error:
        raise BadInput("body: not a snappy block", "body") from error
    return unpacked


def split_message(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a message in order: number and content; others are skipped.

    Raises BadInput where it is not protobuf.
    """
    place, end = 0, len(body)
    while place < end:
        try:
            tag, place = read_varint(body, place)
            wire_type = tag & 7
            if wire_type == DELIMITED:
                size, place = read_varint(body, place)
            elif wire_type == 0:
                _, place = read_varint(body, place)
                continue
            else:
                size = FIXED[wire_type]
        except (IndexError, KeyError) as error:
            raise BadInput(f"body: not protobuf at byte {place:,}", "body") from error
        if size > end - place:
            raise BadInput(f"body: a field at byte {place:,} is longer than the body", "body")
        if wire_type == DELIMITED:
            yield tag >> 3, body[place : place + size]
        place += size


def read_varint(body: bytes, place: int) -> tuple[int, int]:
    """The number at a place, and the place after it. Raises IndexError where there is none."""
    number = shift = 0
    for _ in range(MOST_VARINT):
        byte = body[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
        shift += 7
    raise IndexError(place)
