"""Log files as pieces: parsed chunks, each with the place in the file where it ends."""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from runlore.ingest.actions.text_streams import as_utf8, refuse_binaries
from runlore.ingest.queries.ingests import Mark
from runlore.kernel.errors import BadInput
from runlore.records.formats import parquet
from runlore.records.formats.columns import Reader
from runlore.records.formats.parsed import Parsed

GZIP_MAGIC, LONGEST_MAGIC_BYTES = b"\x1f\x8b", 16
HEAD_BYTES, HEAD_STEP_BYTES = 1 << 18, 1 << 12
LONGEST_LINE_BYTES = 64 << 20
DIGEST_BYTES = 16

Progress = Callable[[int, int], None]  # called with the amount done and the total


@dataclass(frozen=True)
class FilePiece:
    """A parsed chunk. mark: the place that its rows reach; None when the chunk must be read again.

    done, total: for a progress bar, in bytes of the file. settle: makes the facts inside the
    transaction that stores the piece, for the ingest with this number; None: `parsed` has them.
    unfinished_line: the number of the last line, which has no end yet and is left for the next
    time.
    """

    parsed: Parsed
    mark: Mark | None
    done: int
    total: int
    settle: Callable[[Any, int], Parsed] | None = None
    unfinished_line: int | None = None


class TextLayout(Protocol):
    """How a text format is read: a `CsvLayout` or an `SwfLayout`."""

    @property
    def counts_rows(self) -> bool: ...

    def complete(self, data: bytes) -> int: ...

    def parse(self, data: bytes, first_line: int) -> Parsed: ...


@dataclass(frozen=True)
class TextFile:
    """A file of lines, gzipped or not, read in chunks of about `chunk_bytes`.

    encoding: None: UTF-8, or UTF-16 when the file shows it. takes_last_line: also reads a last line
    without an end; in a gzip file it always counts, since nothing is added there.
    """

    path: Path
    layout: TextLayout
    chunk_bytes: int
    encoding: str | None = None
    takes_last_line: bool = False

    def starts_with(self, mark: Mark) -> bool:
        """Are the bytes before this mark those that were read then?"""
        with opened(self.path, self.encoding) as (stream, _):
            return _digest_of(stream, mark.bytes_done) == mark.prefix_digest

    def pieces(self, after: Mark) -> Iterator[FilePiece]:
        """The pieces after a mark."""
        total = self.path.stat().st_size
        with opened(self.path, self.encoding) as (stream, raw):
            takes_all = self.takes_last_line or is_gzip(raw)
            digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
            self._pass(digest, stream, after)
            mark = after
            for data, is_whole in self._chunks(stream):
                end = len(data) if is_whole or takes_all else data.rfind(b"\n") + 1
                parsed = self.layout.parse(data[:end], mark.lines_done + 1)
                if is_whole:
                    digest.update(data)
                    mark = _moved(mark, data, digest.hexdigest())
                last = mark.lines_done + data[:end].count(b"\n") + 1 if end < len(data) else None
                yield FilePiece(
                    parsed, mark if is_whole else None, raw.tell(), total, unfinished_line=last
                )

    def _pass(self, digest: Any, stream: IO[bytes], after: Mark) -> None:  # noqa: ANN401
        """Go to a mark; rows that are counted from the beginning are counted on the way."""
        if not self.layout.counts_rows:
            _feed(digest, stream, after.bytes_done)
            return
        line = 1
        for data, _ in self._chunks(stream, after.bytes_done):
            digest.update(data)
            self.layout.parse(data, line)
            line += data.count(b"\n")

    def _chunks(self, stream: IO[bytes], size: int | None = None) -> Iterator[tuple[bytes, bool]]:
        """Whole records of the next `size` bytes; at last what is left, maybe unfinished."""
        rest, left = b"", size
        while block := stream.read(_least(self.chunk_bytes, left)):
            left = None if left is None else left - len(block)
            data = rest + block
            end = self.layout.complete(data)
            if end:
                yield data[:end], True
            rest = data[end:]
            if len(rest) > LONGEST_LINE_BYTES:
                raise BadInput(f"{self.path}: a line is longer than 64 MiB; is it a text file?")
        if rest:
            yield rest, False


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file; any change makes it another file, since its footer describes the content."""

    path: Path
    reader: Reader
    chunk_rows: int

    def starts_with(self, mark: Mark) -> bool:
        return self._whole().prefix_digest == mark.prefix_digest

    def pieces(self, after: Mark) -> Iterator[FilePiece]:
        whole = self._whole()
        total = pq.read_metadata(self.path).num_rows
        row = 0
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(self.chunk_rows):
                done = min(max(after.lines_done - row, 0), batch.num_rows)
                if done and self.reader.counts_rows:
                    parquet.parse(batch.slice(0, done), row + 1, self.reader)
                first, row = row + done + 1, row + batch.num_rows
                if done < batch.num_rows:
                    parsed = parquet.parse(batch.slice(done), first, self.reader)
                    mark = Mark(whole.bytes_done, whole.prefix_digest, row)
                    yield FilePiece(parsed, mark, row, total)

    def _whole(self) -> Mark:
        return Mark(self.path.stat().st_size, file_digest(self.path), 0)


START = Mark(0, "", 0)


def head(path: Path, encoding: str | None = None) -> bytes:
    """A text file's first bytes, also when it is broken further on."""
    with opened(path, encoding) as (stream, _):
        content = b""
        while len(content) < HEAD_BYTES and (block := stream.read(HEAD_STEP_BYTES)):
            content += block
            if not _is_comment(content):
                break
        return content


def sample(path: Path, encoding: str | None = None) -> bytes:
    """A text file's first rows, or its first bytes when it is broken within them."""
    content = b""
    with opened(path, encoding) as (stream, _), suppress(EOFError, gzip.BadGzipFile, zlib.error):
        while len(content) < HEAD_BYTES and (block := stream.read(HEAD_STEP_BYTES)):
            content += block
    return content


def is_gzip(raw: IO[bytes]) -> bool:
    """Whether an open file is gzipped, wherever it has been read to."""
    place = raw.tell()
    raw.seek(0)
    magic = raw.read(len(GZIP_MAGIC))
    raw.seek(place)
    return magic == GZIP_MAGIC


def file_digest(path: Path) -> str:
    """The digest of a file's bytes as they are on disk."""
    with path.open("rb") as stream:
        return _digest_of(stream, path.stat().st_size)


def parquet_schema(path: Path) -> pa.Schema:
    """Read the schema of a Parquet file. Raises BadInput if the file is missing or invalid."""
    try:
        return pq.read_schema(path)
    except FileNotFoundError as error:
        raise BadInput(f"{path}: there is no such file", "file") from error
    except (OSError, pa.ArrowInvalid) as error:
        raise BadInput(f"{path}: not a Parquet file ({error})", "file") from error


@contextmanager
def opened(path: Path, encoding: str | None = None) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The text of a file as UTF-8, and the file itself.

    encoding: None: UTF-8, or UTF-16 when the file shows it.
    """
    try:
        with path.open("rb") as raw:
            if not raw.seekable():
                raise BadInput(f"{path}: a pipe can be read only once; write it to a file", "file")
            stream: Any = gzip.GzipFile(fileobj=raw) if is_gzip(raw) else raw
            refuse_binaries(stream.peek(LONGEST_MAGIC_BYTES), path)
            yield as_utf8(stream, encoding), raw
    except FileNotFoundError as error:
        raise BadInput(f"{path}: there is no such file", "file") from error
    except (IsADirectoryError, PermissionError) as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}", "file") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(
            f"{path}: the gzip stream is broken or cut short: {error}", "file"
        ) from error


def _is_comment(text: bytes) -> bool:
    """Is the last whole line blank or a comment, or is there none?"""
    last = text[: text.rfind(b"\n") + 1].rstrip().rpartition(b"\n")[2]
    return not last or last.startswith(b";")


def _least(size: int, left: int | None) -> int:
    return size if left is None else min(size, left)


def _moved(mark: Mark, data: bytes, digest: str) -> Mark:
    return Mark(mark.bytes_done + len(data), digest, mark.lines_done + data.count(b"\n"))


def _digest_of(stream: IO[bytes], size: int) -> str:
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    return digest.hexdigest() if _feed(digest, stream, size) == size else ""


def _feed(digest: Any, stream: IO[bytes], size: int) -> int:  # noqa: ANN401  (hashlib's own)
    """Put the next `size` bytes into a digest; fewer when there are fewer."""
    left = size
    while left and (block := stream.read(min(left, 1 << 20))):
        digest.update(block)
        left -= len(block)
    return size - left
