"""Opening a log file in the format that it is said to have."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from runlore.ingest.actions.clusters import CLUSTER_TOOLS, ClusterTool, open_text
from runlore.ingest.actions.documents import JsonFile, PageParser
from runlore.ingest.actions.formats import (
    FilePiece,
    ParquetFile,
    TextFile,
    TextLayout,
    head,
    parquet_schema,
    sample,
)
from runlore.ingest.actions.json_files import open_json
from runlore.ingest.actions.lineage_files import LineageFile
from runlore.ingest.actions.pipelines import (
    PIPELINE_TOOLS,
    PipelineTool,
    open_lines,
    open_objects,
)
from runlore.ingest.actions.security_logs import (
    EVENT_LINES,
    SecurityLog,
    open_auth_log,
    open_event_lines,
)
from runlore.ingest.actions.snakemake_files import SnakemakeFiles
from runlore.ingest.actions.text_streams import refuse_other_formats
from runlore.ingest.queries.ingests import Mark
from runlore.kernel.durations import CLOCK_SKEW_S
from runlore.kernel.instants import to_us
from runlore.records.clock_skew import IngestClock
from runlore.records.formats import csv, parquet, swf
from runlore.records.formats.columns import Reader
from runlore.records.formats.number_text import CellRule
from runlore.records.formats.openlineage import (
    EventLines,
    EventPages,
    EventReader,
    is_event_line,
)
from runlore.records.formats.snakemake import SnakemakeReader
from runlore.records.mapping import ColumnMapping

Format = (
    Literal["csv", "parquet", "jsonl", "swf", "openlineage", "snakemake"]
    | PipelineTool
    | ClusterTool
    | SecurityLog
)
CHUNK_BYTES = 8 << 20
CHUNK_ROWS = 65_536
BYTES_PER_OBJECT = 1_600  # of JSON, roughly
BLANKS = b"\xef\xbb\xbf \t\r\n"

# (first bytes of the file, source, mapping, now_us) -> how the lines of a tool's log are read.
TextOpener = Callable[[bytes, str, ColumnMapping, int], TextLayout]
TEXT_TOOLS: Mapping[str, TextOpener] = {
    **{tool: partial(open_lines, tool) for tool in PIPELINE_TOOLS},
    **{tool: partial(open_text, tool) for tool in CLUSTER_TOOLS},
    **{log: partial(open_event_lines, log) for log in EVENT_LINES},
}

# (source, mapping, now_us) -> how the objects of a tool's JSON export are read.
DocumentOpener = Callable[[str, ColumnMapping, int], PageParser]
DOCUMENT_TOOLS: Mapping[str, DocumentOpener] = {
    **{tool: partial(open_objects, tool) for tool in PIPELINE_TOOLS},
}


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file to ingest.

    source: the name that its records get. mapping: how columns become fields; SWF has its own.
    start: when an SWF log without a UnixStartTime began; the year of an auth.log's first line.
    max_revisions: the largest one of an execution; rows beyond are rejects; None: any.
    clock_tolerance_s: starts and ends that are so little too early are moved into order.
    takes_last_line: see `TextFile`. rules: how the untyped cells of columns are read; without a
    rule as the first rows of the file suggest.
    """

    path: Path
    format: Format
    source: str
    mapping: ColumnMapping = field(default_factory=ColumnMapping)
    start: datetime | None = None
    chunk_bytes: int = CHUNK_BYTES
    chunk_rows: int = CHUNK_ROWS
    max_revisions: int | None = None
    clock_tolerance_s: float = CLOCK_SKEW_S
    takes_last_line: bool = False
    rules: Mapping[str, CellRule] | None = None


class ResumableSource(Protocol):
    """A log that can be read from a mark on."""

    def pieces(self, after: Mark) -> Iterator[FilePiece]: ...


class LogFile(ResumableSource, Protocol):
    """A log in a file, which may have changed before the mark."""

    def starts_with(self, mark: Mark) -> bool: ...


def open_log(source: FileSource, now_us: int) -> LogFile:
    """The file, ready to be read. Raises BadInput when it is missing or of another format."""
    now_us = IngestClock(now_us, round(source.clock_tolerance_s * 1e6))
    if source.format == "openlineage":
        return _lineage(source, EventReader(source.mapping.timezone, now_us))
    if (document := _document(source, now_us)) is not None:
        return document
    if source.format in TEXT_TOOLS:
        layout = TEXT_TOOLS[source.format](head(source.path), source.source, source.mapping, now_us)
        return _text_file(source, layout)
    if source.format == "parquet":
        schema = parquet_schema(source.path)
        reader = parquet.reader(schema, source.source, source.mapping, now_us)
        return ParquetFile(source.path, reader, source.chunk_rows)
    if source.format == "jsonl":
        return _json_log(source, now_us)
    return _text_log(source, now_us)


def _auth_log(source: FileSource, now_us: int) -> TextLayout:
    year = None if source.start is None else source.start.year
    return open_auth_log(head(source.path), source.source, source.mapping, now_us, year)


def _json_log(source: FileSource, now_us: int) -> LogFile:
    return open_json(
        source.path,
        source.source,
        source.mapping,
        now_us,
        source.chunk_bytes,
        takes_last_line=source.takes_last_line,
    )


def _text_log(source: FileSource, now_us: int) -> TextFile:
    if source.format == "auth-log":
        return _text_file(source, _auth_log(source, now_us))
    if source.format == "swf":
        unix_start_s = None if source.start is None else to_us(source.start) // 1_000_000
        first = head(source.path)
        return _text_file(source, swf.layout(first, source.source, unix_start_s, now_us))
    first = sample(source.path, source.mapping.encoding)
    refuse_other_formats(first, source.path)
    return _text_file(
        source, csv.layout(first, source.source, source.mapping, now_us, source.rules)
    )


def _lineage(source: FileSource, reader: EventReader) -> LineageFile:
    """A file with an event in each line, or with JSON documents that hold events."""
    if is_event_line(head(source.path)):
        return LineageFile(_text_file(source, EventLines(reader)), source.source)
    return LineageFile(JsonFile(source.path, EventPages(reader)), source.source)


def _text_file(source: FileSource, layout: TextLayout) -> TextFile:
    return TextFile(
        source.path,
        layout,
        source.chunk_bytes,
        source.mapping.encoding,
        takes_last_line=source.takes_last_line,
    )


def _document(source: FileSource, now_us: int) -> JsonFile | SnakemakeFiles | None:
    """What is read as a whole: what Snakemake left, or an export in JSON. None for lines."""
    if source.format == "snakemake":
        reader = SnakemakeReader(source.source, source.mapping.timezone, now_us)
        return SnakemakeFiles(source.path, reader)
    if source.format not in DOCUMENT_TOOLS:
        return None
    is_json = head(source.path).lstrip(BLANKS)[:1] in (b"[", b"{")
    if source.format in TEXT_TOOLS and not is_json:
        return None
    parser = DOCUMENT_TOOLS[source.format](source.source, source.mapping, now_us)
    return JsonFile(source.path, parser, max(1, source.chunk_bytes // BYTES_PER_OBJECT))


def rules_of(log: LogFile) -> Mapping[str, CellRule]:
    """How the untyped cells of a log are read, by column; none for logs whose cells have types."""
    if isinstance(log, TextFile) and isinstance(log.layout, csv.CsvLayout):
        reader = log.layout.reader
        return reader.rules if isinstance(reader, Reader) else {}
    return {}


def mapping_digest(source: FileSource) -> str:
    """Names how a file is read; read in another way it is another ingest."""
    start = "" if source.start is None else f".{to_us(source.start)}"
    return f"{source.format}.{source.mapping.digest}{start}"
