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
        import ijson

        prefix = self._prefix()
        items = ijson.items(stream, prefix, multiple_values=True, use_float=True)
        try:
            for number, item in enumerate(items, start=1):
                if not isinstance(item, Mapping):
                    raise BadInput(f"{self.path}: item {number} is not a JSON object", "file")
                yield item
        except ijson.JSONError as error:
            said = " ".join(str(error).split())[:200]
            raise BadInput(f"{self.path}: not valid JSON: {said}", "file") from error

    def _prefix(self) -> str:
        """Where the objects are, by the first bytes of the file."""
        import ijson

        events = ijson.basic_parse(io.BytesIO(head(self.path)), multiple_values=True)
        try:
            first, _ = next(events, ("", None))
            if first == "start_array":
                return "item"
            depth, key = 0, ""
            for event, value in events:
                if event == "map_key" and depth == 0:
                    key = str(value)
                if event == "start_array" and depth == 0 and key in self.parser.lists:
                    return f"{key}.item"
                depth += event.startswith("start_") - event.startswith("end_")
        except ijson.JSONError:
            pass  # The head ends in the middle of the document.
        return ""
