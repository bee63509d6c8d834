"""JSON exports as pieces: their objects are read as a stream, some thousands at a time."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol

from runlore.ingest.actions.formats import FilePiece, file_digest, head, opened
from runlore.ingest.queries.ingests import Mark
from runlore.kernel.errors import BadInput
from runlore.records.formats.parsed import Parsed

JsonObject = Mapping[str, Any]
PAGE_OBJECTS = 5_000
BOM = b"\xef\xbb\xbf"


class PageParser(Protocol):
    """Reads some of the objects of an export.

    lists: the keys under which a page of the tool's API has its list of objects, as in
    {"jobs": [...], "total_count": 2}; a list or the objects themselves need no key.
    """

    @property
    def lists(self) -> Sequence[str]: ...

    def parse(self, page: Sequence[JsonObject], first_row: int) -> Parsed: ...


@dataclass(frozen=True)
class JsonFile:
    """A list of objects, pages with such lists, or one object after the other, gzipped or not.

    Any change makes it another file, and it is read from its beginning.
    """

    path: Path
    parser: PageParser
    page_objects: int = PAGE_OBJECTS

    def starts_with(self, mark: Mark) -> bool:
        return file_digest(self.path) == mark.prefix_digest

    def pieces(self, after: Mark) -> Iterator[FilePiece]:
        """All objects after the mark's; only the last piece carries a mark."""
        total = self.path.stat().st_size
        whole = Mark(total, file_digest(self.path), 0)
        with opened(self.path) as (stream, raw):
            objects = self._objects(stream)
            done = sum(1 for _ in islice(objects, after.lines_done))
            while page := list(islice(objects, self.page_objects)):
                parsed = self.parser.parse(page, done + 1)
                done += len(page)
                yield FilePiece(parsed, None, raw.tell(), total)
        nothing = self.parser.parse([], done + 1)
        yield FilePiece(nothing, Mark(total, whole.prefix_digest, done), total, total)

    def _objects(self, stream: IO[bytes]) -> Iterator[JsonObject]:
        """Objects in their order; pages with lists of several kinds are read once for each kind."""
        for prefix in self._prefixes():
            _to_start(stream)
            for item in self._items(stream, prefix):
                if not isinstance(item, Mapping):
                    raise BadInput(f"{self.path}: an item of the list is not an object", "file")
                yield item

    def _items(self, stream: IO[bytes], prefix: str) -> Iterator[Any]:
        """What stands at a prefix; a list in a list, as of pages, is spread."""
        import ijson

        try:
            for item in ijson.items(stream, prefix, multiple_values=True, use_float=True):
                if isinstance(item, list):
                    yield from item
                else:
                    yield item
        except ijson.JSONError as error:
            said = " ".join(str(error).split())[:200]
            raise BadInput(f"{self.path}: not valid JSON: {said}", "file") from error
        except UnicodeDecodeError as error:
            raise BadInput(f"{self.path}: not UTF-8 text: {error}", "file") from error

    def _prefixes(self) -> list[str]:
        """Where the objects are: by the first bytes, and by which lists stand anywhere in pages."""
        import ijson

        events = ijson.basic_parse(
            io.BytesIO(head(self.path).removeprefix(BOM)), multiple_values=True
        )
        try:
            first, _ = next(events, ("", None))
            if first == "start_array":
                return ["item"]
            depth, key = 0, ""
            for event, value in events:
                if event == "map_key" and depth == 0:
                    key = str(value)
                if event == "start_array" and depth == 0 and key in self.parser.lists:
                    return [f"{name}.item" for name in self.parser.lists if self._names(name)]
                depth += event.startswith("start_") - event.startswith("end_")
        except ijson.JSONError:
            pass  # The head ends in the middle of the document.
        return [""]

    def _names(self, key: str) -> bool:
        """Does the text hold this key?"""
        quoted_key, rest = f'"{key}"'.encode(), b""
        with opened(self.path) as (stream, _):
            while block := stream.read(1 << 20):
                if quoted_key in rest + block:
                    return True
                rest = block[-len(quoted_key) :]
        return False


def _to_start(stream: IO[bytes]) -> None:
    """Go before the first byte, but behind a byte order mark."""
    stream.seek(0)
    if stream.read(len(BOM)) != BOM:
        stream.seek(0)


@dataclass(frozen=True)
class _AnyList:
    """Takes objects as they are, to look at the first ones."""

    lists: Sequence[str] = ()

    def parse(self, page: Sequence[JsonObject], first_row: int) -> Parsed:
        raise NotImplementedError


def first_objects(path: Path, count: int) -> list[JsonObject]:
    """The first objects of a JSON file. Raises BadInput when it is not valid up to there."""
    with opened(path) as (stream, _):
        return list(islice(JsonFile(path, _AnyList())._objects(stream), count))
