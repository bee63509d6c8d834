"""Logs of JSON objects: one in each line, or a list of them."""

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from runlore.ingest.actions.documents import JsonFile, first_objects
from runlore.ingest.actions.formats import TextFile, sample
from runlore.kernel.errors import BadInput
from runlore.records.formats.json_rows import JsonObject, JsonPages, json_rows
from runlore.records.mapping import ColumnMapping

SAMPLED_OBJECTS = 1_000
BLANKS = b"\xef\xbb\xbf \t\r\n"


def open_json(
    path: Path,
    source: str,
    mapping: ColumnMapping,
    now_us: int,
    chunk_bytes: int,
    *,
    takes_last_line: bool,
) -> TextFile | JsonFile:
    """The file, ready to be read. Raises BadInput when it holds no JSON objects."""
    head = sample(path, mapping.encoding)
    if not head.strip(BLANKS):
        raise BadInput(f"{path}: the file is empty", "file")
    if head.lstrip(BLANKS)[:1] not in (b"{", b"["):
        raise BadInput(f"{path}: it holds no JSON objects; is it CSV?", "file")
    if _has_lines(head):
        first = islice(_objects(head), SAMPLED_OBJECTS)
        layout = json_rows(first, source, mapping, now_us)
        return TextFile(
            path, layout, chunk_bytes, mapping.encoding, takes_last_line=takes_last_line
        )
    rows = json_rows(first_objects(path, SAMPLED_OBJECTS), source, mapping, now_us)
    return JsonFile(path, JsonPages(rows))


def _has_lines(head: bytes) -> bool:
    """Whether each line is an object of its own, as the first one shows."""
    first, line_end, _ = head.lstrip(BLANKS).partition(b"\n")
    if not line_end:
        return first.startswith(b"{")
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _objects(head: bytes) -> Iterable[JsonObject]:
    for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        try:
            read = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(read, dict):
            yield read
