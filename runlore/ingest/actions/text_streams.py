"""Streams of text in other encodings, or with other line ends, as UTF-8 with line feeds."""

import codecs
import io
from typing import Any

from runlore.kernel.errors import BadInput

PEEKED_BYTES = 1 << 13
BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
BINARIES = {
    b"PAR1": "a Parquet file; use `runlore ingest parquet`",
    b"PK\x03\x04": "a workbook or an archive; save it as CSV first, or unpack it",
    b"SQLite format 3\x00": "an SQLite file; use `runlore ingest sql sqlite:///FILE`",
    b"\xd0\xcf\x11\xe0": "a workbook of old; save it as CSV first",
    b"BZh": "compressed with bzip2; decompress it first (bunzip2 -k)",
    b"\xfd7zXZ\x00": "compressed with xz; decompress it first (unxz -k)",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; decompress it first (zstd -d)",
}
NEWLINE, RETURN = b"\n", b"\r"


def as_utf8(stream: Any, encoding: str | None) -> Any:  # noqa: ANN401  (a file or a GzipFile)
    """The same stream where it is UTF-8 with line feeds, else one that converts it.

    encoding: None: UTF-8, or UTF-16 when the text shows it.
    """
    first = stream.peek(PEEKED_BYTES)[:PEEKED_BYTES]
    encoding = encoding or _encoding_of(first)
    if encoding is not None and codecs.lookup(encoding).name != "utf-8":
        text = codecs.getincrementaldecoder(encoding)("replace")
        first = text.decode(first, final=False).encode()
    has_returns_only = RETURN in first[:-1] and NEWLINE not in first
    if encoding is None and not has_returns_only:
        return stream
    return _Utf8(stream, encoding or "utf-8", has_returns_only=has_returns_only)


def refuse_binaries(first: bytes, path: object) -> None:
    """Raise BadInput for a file that plainly is no text, with what to do."""
    for magic, remedy in BINARIES.items():
        if first.startswith(magic):
            raise BadInput(f"{path}: it is {remedy}", "file")


def refuse_other_formats(head: bytes, path: object) -> None:
    """Raise BadInput for a file that plainly is no separated text, with the command to use."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith(b"{") or (text[:1] == b"[" and text[1:].lstrip()[:1] in (b"{", b"]")):
        raise BadInput(f"{path}: it is JSON; use `runlore ingest jsonl`", "file")


def _encoding_of(first: bytes) -> str | None:
    """UTF-16 by its byte order mark, or by the zeros in every other byte."""
    for mark, name in BYTE_ORDER_MARKS.items():
        if first.startswith(mark):
            return name
    sample = first[:200]
    for at, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = sample[at::2].count(0)
        if len(sample) > 3 and 2 * zeros > len(sample[at::2]) and sample[1 - at :: 2].count(0) == 0:
            return name
    return None


class _Utf8(io.RawIOBase):
    """Reads a stream of another encoding; `read` may return some bytes more or fewer."""

    def __init__(self, stream: Any, encoding: str, *, has_returns_only: bool) -> None:  # noqa: ANN401
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._has_returns_only = has_returns_only
        self._rest = b""

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Only back to the beginning."""
        if (offset, whence) != (0, io.SEEK_SET):
            raise io.UnsupportedOperation("only seek(0)")
        self._stream.seek(0)
        self._decoder.reset()
        self._rest = b""
        return 0

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            block = self._stream.read(size if size > 0 else PEEKED_BYTES)
            self._rest += self._converted(block)
            if not block:
                break
        end = len(self._rest) if size < 0 else size
        taken, self._rest = self._rest[:end], self._rest[end:]
        return taken

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  (a writable buffer)
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _converted(self, block: bytes) -> bytes:
        text = self._decoder.decode(block, final=not block)
        data = text.encode("utf-8", "replace")
        return data.replace(RETURN, NEWLINE) if self._has_returns_only else data
