"""Bodies of remote write, made without the code that reads them."""

import struct
from collections.abc import Mapping, Sequence

import pyarrow as pa

Samples = Sequence[tuple[int, float]]  # milliseconds, value
V1 = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
V2 = V1 | {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def sample(at_ms: int, value: float) -> bytes:
    return b"\x09" + struct.pack("<d", value) + b"\x10" + varint(at_ms & (1 << 64) - 1)


def series_v1(labels: Mapping[str, str], samples: Samples) -> bytes:
    pairs = [field(1, name.encode()) + field(2, value.encode()) for name, value in labels.items()]
    return b"".join(field(1, pair) for pair in pairs) + b"".join(
        field(2, sample(*one)) for one in samples
    )


def request_v1(series: Sequence[tuple[Mapping[str, str], Samples]]) -> bytes:
    return snappy(b"".join(field(1, series_v1(*one)) for one in series))


def request_v2(
    series: Sequence[tuple[Mapping[str, str], Samples]], kind: int = 0, unit: str = ""
) -> bytes:
    symbols, body = ["", unit], b""
    for labels, samples in series:
        texts = [text for pair in labels.items() for text in pair]
        refs = b"".join(varint(len(symbols) + place) for place in range(len(texts)))
        symbols += texts
        metadata = b"\x08" + varint(kind) + (b"\x20\x01" if unit else b"")
        content = field(1, refs) + b"".join(field(2, sample(*one)) for one in samples)
        body += field(5, content + field(5, metadata))
    return snappy(b"".join(field(4, symbol.encode()) for symbol in symbols) + body)


def snappy(body: bytes) -> bytes:
    return bytes(pa.Codec("snappy").compress(body))
